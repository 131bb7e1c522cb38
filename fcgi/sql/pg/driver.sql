-- What only PostgreSQL's driver says: settings of a connection, transactions, and the record of migrations.

-- name: connection
SET statement_timeout = '5s';
SET lock_timeout = '3s';
SET idle_in_transaction_session_timeout = '60s';
SET synchronous_commit = on;
SET default_transaction_isolation = 'read committed';
SET timezone = 'UTC';
SET client_min_messages = 'warning';

-- name: begin
BEGIN

-- name: commit
COMMIT

-- name: rollback
ROLLBACK

-- name: migrations_lock
SELECT set_config('statement_timeout', '0', true), pg_advisory_xact_lock(7266337423)::text

-- name: migrations_create
CREATE TABLE IF NOT EXISTS schema_migrations (
    file text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    applied_ms bigint NOT NULL,
    PRIMARY KEY (file, version)
)

-- name: migrations_present
SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('schema_migrations')

-- name: migrations_version
SELECT coalesce(max(version), 0) FROM schema_migrations WHERE file = $1

-- name: migration_record
INSERT INTO schema_migrations (file, version, applied_ms) VALUES ($1, $2, $3)

-- name: no_timeout
SELECT set_config('statement_timeout', '0', true)

-- name: make_month
SELECT predictions_make_month($1)::text

-- name: drop_months
SELECT predictions_drop_months($1)

-- name: ping
SELECT CASE WHEN pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' THEN 1 ELSE 0 END

-- name: ping_write
UPDATE schema_migrations SET applied_ms = applied_ms WHERE version = 1

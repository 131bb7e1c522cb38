-- What only SQLite's driver says: settings of a connection, transactions, and the record of migrations.

-- name: connection
PRAGMA foreign_keys = ON;
PRAGMA synchronous = FULL;
PRAGMA trusted_schema = OFF;
PRAGMA journal_size_limit = 67108864;

-- name: wal
PRAGMA journal_mode = WAL

-- name: begin
BEGIN IMMEDIATE

-- name: commit
COMMIT

-- name: rollback
ROLLBACK

-- name: migrations_create
CREATE TABLE IF NOT EXISTS schema_migrations (
    file TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    applied_ms INTEGER NOT NULL,
    PRIMARY KEY (file, version)
) STRICT

-- name: migrations_present
SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'

-- name: migrations_version
SELECT coalesce(max(version), 0), coalesce(min(file), '') FROM schema_migrations

-- name: migration_record
INSERT INTO schema_migrations (file, version, applied_ms) VALUES ($1, $2, $3)

-- Flips a bit: a row that does not change would not be written, and nothing would be learnt of the disk.
-- name: ping
UPDATE schema_migrations SET applied_ms = applied_ms + 1 - 2 * (applied_ms % 2) WHERE version = 1

-- name: integrity
PRAGMA integrity_check(1)

-- name: references
PRAGMA foreign_key_check

-- name: lock
PRAGMA locking_mode = EXCLUSIVE;
BEGIN EXCLUSIVE;
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);

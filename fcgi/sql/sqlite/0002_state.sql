-- Access beyond the password: clients, API keys, refresh tokens, what was revoked; the record of administrative acts;
-- idempotency keys. Secrets are 256 random bits and stand here as their SHA-256 in hexadecimal.
CREATE TABLE client (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 48),
    secret_hash TEXT NOT NULL,
    scopes INTEGER NOT NULL CHECK (scopes >= 0),
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created_ms INTEGER NOT NULL,
    tokens_valid_from_ms INTEGER NOT NULL
) STRICT;

-- An account's keys for scripts. revoked_ms and expires_ms 0: never.
CREATE TABLE api_key (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    label TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    scopes INTEGER NOT NULL CHECK (scopes >= 0),
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    revoked_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX api_key_by_account ON api_key (account_id, id);

-- A family begins at a login and has one unused token; a used one that comes again ends the family.
CREATE TABLE refresh_token (
    hash TEXT NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES account (id),
    scopes INTEGER NOT NULL CHECK (scopes >= 0),
    family_ms INTEGER NOT NULL,
    issued_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX refresh_token_by_family ON refresh_token (family);
CREATE INDEX refresh_token_by_account ON refresh_token (account_id, used_ms, issued_ms);
CREATE INDEX refresh_token_by_end ON refresh_token (expires_ms);

-- Access tokens (their jti) that end before their time.
CREATE TABLE revoked_token (
    id TEXT NOT NULL PRIMARY KEY,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX revoked_token_by_end ON revoked_token (expires_ms);

-- Who changed what of accounts, clients and keys. Rows are added and never changed.
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    time_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    request_id TEXT NOT NULL
) STRICT;

-- Idempotency-Key of POST /predict: hash of caller and key, fingerprint of the request, and when it first came.
CREATE TABLE idempotency (
    hash TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    first_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_by_age ON idempotency (first_ms);

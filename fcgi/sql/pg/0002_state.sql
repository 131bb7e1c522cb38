-- Access beyond the password: clients, API keys, refresh tokens, what was revoked; the record of administrative acts;
-- idempotency keys. Secrets are 256 random bits and stand here as their SHA-256 in hexadecimal.
CREATE TABLE client (
    id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 48),
    secret_hash text COLLATE "C" NOT NULL,
    scopes bigint NOT NULL CHECK (scopes >= 0),
    disabled bigint NOT NULL CHECK (disabled IN (0, 1)),
    created_ms bigint NOT NULL,
    tokens_valid_from_ms bigint NOT NULL
);

-- An account's keys for scripts. revoked_ms and expires_ms 0: never.
CREATE TABLE api_key (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    account_id text COLLATE "C" NOT NULL REFERENCES account (id),
    label text COLLATE "C" NOT NULL,
    secret_hash text COLLATE "C" NOT NULL,
    scopes bigint NOT NULL CHECK (scopes >= 0),
    created_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    revoked_ms bigint NOT NULL
);
CREATE INDEX api_key_by_account ON api_key (account_id, id);

-- A family begins at a login and has one unused token; a used one that comes again ends the family.
CREATE TABLE refresh_token (
    hash text COLLATE "C" NOT NULL PRIMARY KEY,
    family text COLLATE "C" NOT NULL,
    account_id text COLLATE "C" NOT NULL REFERENCES account (id),
    scopes bigint NOT NULL CHECK (scopes >= 0),
    family_ms bigint NOT NULL,
    issued_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    used_ms bigint NOT NULL
);
CREATE INDEX refresh_token_by_family ON refresh_token (family);
CREATE INDEX refresh_token_by_account ON refresh_token (account_id, used_ms, issued_ms);
CREATE INDEX refresh_token_by_end ON refresh_token (expires_ms);

-- Access tokens (their jti) that end before their time.
CREATE TABLE revoked_token (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    expires_ms bigint NOT NULL
);
CREATE INDEX revoked_token_by_end ON revoked_token (expires_ms);

-- Who changed what of accounts, clients and keys. Rows are added and never changed.
CREATE TABLE audit (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    time_ms bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    act text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    detail text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL
);

-- Idempotency-Key of POST /predict: hash of caller and key, fingerprint of the request, and when it first came.
CREATE TABLE idempotency (
    hash text COLLATE "C" NOT NULL PRIMARY KEY,
    fingerprint text COLLATE "C" NOT NULL,
    first_ms bigint NOT NULL
);
CREATE INDEX idempotency_by_age ON idempotency (first_ms);

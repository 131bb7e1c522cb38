-- Accounts. Times are Unix milliseconds, ids UUIDv7.
CREATE TABLE account (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    username text COLLATE "C" NOT NULL UNIQUE CHECK (length(username) BETWEEN 1 AND 200),
    password_hash text COLLATE "C" NOT NULL,
    scopes bigint NOT NULL CHECK (scopes >= 0),
    disabled bigint NOT NULL CHECK (disabled IN (0, 1)),
    created_ms bigint NOT NULL,
    tokens_valid_from_ms bigint NOT NULL
);

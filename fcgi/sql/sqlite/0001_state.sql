-- Accounts. Times are Unix milliseconds, ids UUIDv7.
CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE CHECK (length(username) BETWEEN 1 AND 200),
    password_hash TEXT NOT NULL,
    scopes INTEGER NOT NULL CHECK (scopes >= 0),
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created_ms INTEGER NOT NULL,
    tokens_valid_from_ms INTEGER NOT NULL
) STRICT;

-- Idempotency keys of every route that takes them: who answers, then what was answered. hash: of caller, route and key;
-- status 0: the request still runs, and its right to answer ends at expires_ms.
DROP TABLE idempotency;
CREATE TABLE idempotency (
    hash TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    holder TEXT NOT NULL,
    status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 599),
    content_type TEXT NOT NULL,
    body TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_by_end ON idempotency (expires_ms);

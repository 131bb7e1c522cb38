-- Idempotency keys of every route that takes them: who answers, then what was answered. hash: of caller, route and key;
-- status 0: the request still runs, and its right to answer ends at expires_ms.
DROP TABLE idempotency;
CREATE TABLE idempotency (
    hash text COLLATE "C" NOT NULL PRIMARY KEY,
    fingerprint text COLLATE "C" NOT NULL,
    holder text COLLATE "C" NOT NULL,
    status bigint NOT NULL CHECK (status BETWEEN 0 AND 599),
    content_type text COLLATE "C" NOT NULL,
    body text COLLATE "C" NOT NULL,
    expires_ms bigint NOT NULL
);
CREATE INDEX idempotency_by_end ON idempotency (expires_ms);

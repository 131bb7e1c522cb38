-- The prediction log: one row per answered film, written once and never changed.
CREATE TABLE predictions (
    id TEXT NOT NULL PRIMARY KEY,
    time_ms INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    model_name TEXT NOT NULL,
    model_version TEXT NOT NULL,
    row_json TEXT NOT NULL,
    score REAL NOT NULL,
    admissions REAL NOT NULL,
    low80 REAL NOT NULL,
    high80 REAL NOT NULL,
    quantiles_json TEXT NOT NULL,
    latency_us INTEGER NOT NULL
) STRICT;

-- A user's own predictions, newest first.
CREATE INDEX predictions_by_user ON predictions (user_id, id);

-- What a shadow version says of predictions that another version served, and what that one said. A row is written once;
-- it names no user. early 1: predicted before the film's release. refused 1: the shadow version does not take this row,
-- its figures are 0.
CREATE TABLE shadow_prediction (
    model_name TEXT NOT NULL,
    version TEXT NOT NULL,
    prediction_id TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    served_version TEXT NOT NULL,
    title_key TEXT NOT NULL,
    release_date TEXT NOT NULL,
    early INTEGER NOT NULL CHECK (early IN (0, 1)),
    refused INTEGER NOT NULL CHECK (refused IN (0, 1)),
    served_admissions REAL NOT NULL,
    served_low80 REAL NOT NULL,
    served_high80 REAL NOT NULL,
    score REAL NOT NULL,
    admissions REAL NOT NULL,
    low80 REAL NOT NULL,
    high80 REAL NOT NULL,
    PRIMARY KEY (model_name, version, prediction_id)
) STRICT;
CREATE INDEX shadow_prediction_by_age ON shadow_prediction (prediction_id, model_name, version);
-- The last word on a film before its release.
CREATE INDEX shadow_prediction_by_film ON shadow_prediction (model_name, version, title_key, release_date, prediction_id)
    WHERE early = 1 AND refused = 0;

-- What a shadow version says of predictions that another version served, and what that one said. A row is written once;
-- it names no user. early 1: predicted before the film's release. refused 1: the shadow version does not take this row,
-- its figures are 0.
CREATE TABLE shadow_prediction (
    model_name text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    prediction_id text COLLATE "C" NOT NULL,
    time_ms bigint NOT NULL,
    served_version text COLLATE "C" NOT NULL,
    title_key text COLLATE "C" NOT NULL,
    release_date text COLLATE "C" NOT NULL,
    early bigint NOT NULL CHECK (early IN (0, 1)),
    refused bigint NOT NULL CHECK (refused IN (0, 1)),
    served_admissions double precision NOT NULL,
    served_low80 double precision NOT NULL,
    served_high80 double precision NOT NULL,
    score double precision NOT NULL,
    admissions double precision NOT NULL,
    low80 double precision NOT NULL,
    high80 double precision NOT NULL,
    PRIMARY KEY (model_name, version, prediction_id)
);
CREATE INDEX shadow_prediction_by_age ON shadow_prediction (prediction_id, model_name, version);
-- The last word on a film before its release.
CREATE INDEX shadow_prediction_by_film ON shadow_prediction (model_name, version, title_key, release_date, prediction_id)
    WHERE early = 1 AND refused = 0;

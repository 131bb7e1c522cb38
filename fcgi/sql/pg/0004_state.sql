-- What users keep and report: films, national first weeks with every correction, cinemas and who belongs to them; and
-- jobs that one host at a time does. title_key: the folded title, with which titles are compared; dates are ISO texts.
CREATE TABLE film (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    own_key text COLLATE "C" NOT NULL,
    film_id text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    title_key text COLLATE "C" NOT NULL,
    release_date text COLLATE "C" NOT NULL,
    row_json text COLLATE "C" NOT NULL,
    created_ms bigint NOT NULL,
    changed_ms bigint NOT NULL,
    UNIQUE (user_id, own_key)
);
CREATE INDEX film_by_user ON film (user_id, id);
CREATE INDEX film_by_own_id ON film (user_id, film_id);
CREATE INDEX film_by_title ON film (user_id, title_key);

-- The figure that stands for a film's week. week: its Wednesday. provisional 1: an estimate before the final count.
CREATE TABLE outcome (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    title_key text COLLATE "C" NOT NULL,
    release_date text COLLATE "C" NOT NULL,
    week text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    film_id text COLLATE "C" NOT NULL,
    entries bigint NOT NULL CHECK (entries >= 0),
    provisional bigint NOT NULL CHECK (provisional IN (0, 1)),
    source text COLLATE "C" NOT NULL CHECK (length(source) BETWEEN 1 AND 120),
    plausibility text COLLATE "C" NOT NULL CHECK (plausibility IN ('plausible', 'confirmed', 'unchecked')),
    row_json text COLLATE "C" NOT NULL,
    revision bigint NOT NULL CHECK (revision >= 1),
    user_id text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    reported_ms bigint NOT NULL,
    UNIQUE (title_key, release_date, week)
);
CREATE INDEX outcome_by_own_id ON outcome (user_id, film_id);
CREATE INDEX outcome_by_week ON outcome (week, id);

-- Every figure that was ever reported, the standing one included. Rows are added and never changed.
CREATE TABLE outcome_report (
    outcome_id text COLLATE "C" NOT NULL REFERENCES outcome (id),
    revision bigint NOT NULL CHECK (revision >= 1),
    entries bigint NOT NULL CHECK (entries >= 0),
    provisional bigint NOT NULL CHECK (provisional IN (0, 1)),
    source text COLLATE "C" NOT NULL,
    plausibility text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    reported_ms bigint NOT NULL,
    PRIMARY KEY (outcome_id, revision)
);

-- profile_json: rooms and what else describes the cinema, as validated.
CREATE TABLE cinema (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    profile_json text COLLATE "C" NOT NULL,
    created_ms bigint NOT NULL,
    changed_ms bigint NOT NULL
);

-- user_id: an account's id, or "client:" and a client's.
CREATE TABLE cinema_member (
    cinema_id text COLLATE "C" NOT NULL REFERENCES cinema (id) ON DELETE CASCADE,
    user_id text COLLATE "C" NOT NULL,
    username text COLLATE "C" NOT NULL,
    role bigint NOT NULL CHECK (role BETWEEN 1 AND 3),
    since_ms bigint NOT NULL,
    PRIMARY KEY (cinema_id, user_id)
);
CREATE INDEX cinema_member_by_user ON cinema_member (user_id, cinema_id);

-- holder '': nobody. epoch grows with every lease, so that who lost one cannot act on it. memo: where the job stands.
CREATE TABLE job (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    lease_until_ms bigint NOT NULL,
    started_ms bigint NOT NULL,
    done_ms bigint NOT NULL,
    failures bigint NOT NULL,
    error text COLLATE "C" NOT NULL,
    memo text COLLATE "C" NOT NULL
);

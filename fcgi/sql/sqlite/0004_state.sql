-- What users keep and report: films, national first weeks with every correction, cinemas and who belongs to them; and
-- jobs that one host at a time does. title_key: the folded title, with which titles are compared; dates are ISO texts.
CREATE TABLE film (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    own_key TEXT NOT NULL,
    film_id TEXT NOT NULL,
    title TEXT NOT NULL,
    title_key TEXT NOT NULL,
    release_date TEXT NOT NULL,
    row_json TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    UNIQUE (user_id, own_key)
) STRICT;
CREATE INDEX film_by_user ON film (user_id, id);
CREATE INDEX film_by_own_id ON film (user_id, film_id);
CREATE INDEX film_by_title ON film (user_id, title_key);

-- The figure that stands for a film's week. week: its Wednesday. provisional 1: an estimate before the final count.
CREATE TABLE outcome (
    id TEXT NOT NULL PRIMARY KEY,
    title_key TEXT NOT NULL,
    release_date TEXT NOT NULL,
    week TEXT NOT NULL,
    title TEXT NOT NULL,
    film_id TEXT NOT NULL,
    entries INTEGER NOT NULL CHECK (entries >= 0),
    provisional INTEGER NOT NULL CHECK (provisional IN (0, 1)),
    source TEXT NOT NULL CHECK (length(source) BETWEEN 1 AND 120),
    plausibility TEXT NOT NULL CHECK (plausibility IN ('plausible', 'confirmed', 'unchecked')),
    row_json TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 1),
    user_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    reported_ms INTEGER NOT NULL,
    UNIQUE (title_key, release_date, week)
) STRICT;
CREATE INDEX outcome_by_own_id ON outcome (user_id, film_id);
CREATE INDEX outcome_by_week ON outcome (week, id);

-- Every figure that was ever reported, the standing one included. Rows are added and never changed.
CREATE TABLE outcome_report (
    outcome_id TEXT NOT NULL REFERENCES outcome (id),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    entries INTEGER NOT NULL CHECK (entries >= 0),
    provisional INTEGER NOT NULL CHECK (provisional IN (0, 1)),
    source TEXT NOT NULL,
    plausibility TEXT NOT NULL,
    user_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    reported_ms INTEGER NOT NULL,
    PRIMARY KEY (outcome_id, revision)
) STRICT;

-- profile_json: rooms and what else describes the cinema, as validated.
CREATE TABLE cinema (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    profile_json TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

-- user_id: an account's id, or "client:" and a client's.
CREATE TABLE cinema_member (
    cinema_id TEXT NOT NULL REFERENCES cinema (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    username TEXT NOT NULL,
    role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 3),
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (cinema_id, user_id)
) STRICT;
CREATE INDEX cinema_member_by_user ON cinema_member (user_id, cinema_id);

-- holder '': nobody. epoch grows with every lease, so that who lost one cannot act on it. memo: where the job stands.
CREATE TABLE job (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    lease_until_ms INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    done_ms INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    error TEXT NOT NULL,
    memo TEXT NOT NULL
) STRICT;

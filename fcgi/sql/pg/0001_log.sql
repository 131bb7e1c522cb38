-- The prediction log: one row per answered film, written once and never changed. Ids are UUIDv7, so a month is a range
-- of ids: partitions by id are partitions by time, and the id alone stays the key.
CREATE TABLE predictions (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    time_ms bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    request_id text NOT NULL,
    trace_id text NOT NULL,
    model_name text NOT NULL,
    model_version text NOT NULL,
    row_json text NOT NULL,
    score double precision NOT NULL,
    admissions double precision NOT NULL,
    low80 double precision NOT NULL,
    high80 double precision NOT NULL,
    quantiles_json text NOT NULL,
    latency_us bigint NOT NULL
) PARTITION BY RANGE (id);

-- A user's own predictions, newest first.
CREATE INDEX predictions_by_user ON predictions (user_id, id);

-- Rows outside every month: of a clock that is wrong, or of a month nobody has made yet.
CREATE TABLE predictions_other PARTITION OF predictions DEFAULT;

-- First id of a millisecond.
CREATE FUNCTION predictions_first_id(ms bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7000-8000-000000000000'
    FROM (SELECT lpad(to_hex(ms), 12, '0') AS h) AS x;
$$;

-- Make the partition of the month that holds this instant, where it is missing. A month whose first rows went to the
-- table of the others takes them along.
CREATE FUNCTION predictions_make_month(ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    start timestamp := date_trunc('month', to_timestamp(ms / 1000) AT TIME ZONE 'UTC');
    name text := 'predictions_' || to_char(start, 'YYYYMM');
    low text := predictions_first_id((extract(epoch FROM start) * 1000)::bigint);
    high text := predictions_first_id((extract(epoch FROM start + interval '1 month') * 1000)::bigint);
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    LOCK TABLE predictions IN ACCESS EXCLUSIVE MODE;
    IF to_regclass(name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE predictions INCLUDING ALL)', name);
    EXECUTE format('INSERT INTO %I SELECT * FROM predictions_other WHERE id >= %L AND id < %L', name, low, high);
    DELETE FROM predictions_other WHERE id >= low AND id < high;
    EXECUTE format('ALTER TABLE predictions ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, low, high);
END;
$$;

-- Drop the months that lie wholly before this instant; returns how many rows they had.
CREATE FUNCTION predictions_drop_months(before_ms bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    month record;
    rows bigint;
    dropped bigint := 0;
    last text := to_char(to_timestamp(before_ms / 1000) AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
    FOR month IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'predictions'::regclass AND c.relname ~ '^predictions_[0-9]{6}$'
            AND substr(c.relname, 13) < last
    LOOP
        EXECUTE format('SELECT count(*) FROM %I', month.relname) INTO rows;
        EXECUTE format('DROP TABLE %I', month.relname);
        dropped := dropped + rows;
    END LOOP;
    RETURN dropped;
END;
$$;

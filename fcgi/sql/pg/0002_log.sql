-- Retention also takes rows outside every month (of a clock that was wrong) when their ids say they are older.
CREATE OR REPLACE FUNCTION predictions_drop_months(before_ms bigint) RETURNS bigint LANGUAGE plpgsql AS $$
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
    DELETE FROM predictions_other WHERE id < predictions_first_id(before_ms);
    GET DIAGNOSTICS rows = ROW_COUNT;
    RETURN dropped + rows;
END;
$$;

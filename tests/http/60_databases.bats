#!/usr/bin/env bats
# mercredi-fcgi db: copies while the server runs, and back; what the log gives out and what leaves it with age.
load server
setup_file() { server_start; }
teardown_file() { server_stop; }

# A prediction of long ago, with an id of its time.
old_row() { # id
    sqlite3 "$STATE/predictions.db" ".timeout 5000" "INSERT INTO predictions SELECT '$1', time_ms, user_id, request_id,
        trace_id, model_name, model_version, row_json, score, admissions, low80, high80, quantiles_json, latency_us
        FROM predictions ORDER BY id DESC LIMIT 1"
}

@test "check says that both are sound, and which is not" {
    administer db check | grep -c ': sound$' | grep -qx 2
    cp "$STATE/mercredi.db" "$BATS_TEST_TMPDIR/bad.db"
    dd if=/dev/urandom of="$BATS_TEST_TMPDIR/bad.db" bs=4096 seek=3 count=2 conv=notrunc 2>/dev/null
    run administer db check --database "$BATS_TEST_TMPDIR/bad.db"
    [ "$status" -ne 0 ]
    [[ $output == *bad.db* ]]
}

@test "a backup while predictions come in holds every one acknowledged before it" {
    load_begin
    for ((i = 0; i < 100; i++)); do
        if [ "$(log_rows 'SELECT count(*) FROM predictions')" -ge 20 ]; then break; fi
        sleep 0.1
    done
    before=$(log_rows "SELECT count(*) FROM predictions")
    administer db backup "$BATS_TEST_TMPDIR/copy"
    load_end
    all_answered
    [ "$(sqlite3 "$BATS_TEST_TMPDIR/copy/predictions.db" 'SELECT count(*) FROM predictions')" -ge "$before" ]
    [ "$(sqlite3 "$BATS_TEST_TMPDIR/copy/mercredi.db" 'PRAGMA integrity_check')" = ok ]
    [ "$(stat -c %a "$BATS_TEST_TMPDIR/copy/mercredi.db")" = 600 ]
    run administer db backup "$BATS_TEST_TMPDIR/copy"
    [ "$status" -eq 65 ]
    [[ $output == *"is there already"* ]]
}

@test "export: JSON lines and CSV, by day" {
    as_demo
    post_json /predict "$film" -H 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    expect_code 200
    id=$(member .prediction_id)
    administer db export >"$BATS_TEST_TMPDIR/all.jsonl"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/all.jsonl")" = "$(log_rows 'SELECT count(*) FROM predictions')" ]
    row=$(jq -c "select(.prediction_id == \"$id\")" "$BATS_TEST_TMPDIR/all.jsonl")
    [ "$(jq -r .trace_id <<<"$row")" = 4bf92f3577b34da6a3ce929d0e0e4736 ]
    [ "$(jq -c '.film.title' <<<"$row")" = "$(jq -c .title <<<"$film")" ]
    [ "$(jq '.latency_us > 0 and (.quantiles | length) == 7' <<<"$row")" = true ]
    old_row 018c1234-0000-7000-8000-000000000001 # 2023-11-28
    administer db export --until 2024-01-01 --format csv >"$BATS_TEST_TMPDIR/old.csv"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/old.csv")" = 2 ]
    head -n 1 "$BATS_TEST_TMPDIR/old.csv" | grep -q '^prediction_id,created_at,user_id,'
    grep -q '^018c1234-0000-7000-8000-000000000001,' "$BATS_TEST_TMPDIR/old.csv"
    administer db export --from 2024-01-01 | grep -c 018c1234-0000 | grep -qx 0
    run administer db export --format xml
    [ "$status" -eq 78 ]
    [[ $output == *"jsonl or csv is meant"* ]]
}

@test "outcomes come out as they stand" {
    as_demo
    for n in 90000 91000; do
        post_json /outcomes "$(jq -c --argjson n "$n" '.release_date = "2026-03-11" | .first_week_entries = $n |
            .source = "CNC, printed" | .confirm = true' <<<"$film")"
        expect_code 200
    done
    administer db outcomes | jq -e '.entries == 91000 and .revision == 2 and .film.first_week_entries == 91000'
    administer db outcomes --format csv --from 2026-03-11 --until 2026-03-12 >"$BATS_TEST_TMPDIR/weeks.csv"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/weeks.csv")" = 2 ]
    grep -q ',91000,false,"CNC, printed",' "$BATS_TEST_TMPDIR/weeks.csv"
    [ "$(administer db outcomes --until 2026-03-11 | wc -l)" = 0 ]
}

@test "prune: what is older goes, nothing else; the setting or a day is needed" {
    as_demo
    post_json /predict "$film"
    expect_code 200
    old_row 018c1234-0000-7000-8000-000000000002
    left=$(log_rows "SELECT count(*) FROM predictions WHERE id > '0190'")
    run administer db prune
    [ "$status" -eq 78 ]
    [[ $output == *"--before DAY"* ]]
    run administer db prune --before 2999-01-01
    [ "$status" -eq 78 ]
    administer db prune --before 2024-01-01 | grep -q 'predictions dropped'
    [ "$(log_rows "SELECT count(*) FROM predictions WHERE id < '0190'")" = 0 ]
    [ "$(log_rows "SELECT count(*) FROM predictions")" = "$left" ]
    old_row 018c1234-0000-7000-8000-000000000003
    administer db prune --log-retention 365d | grep -qx '1 predictions dropped'
    sqlite3 "$STATE/mercredi.db" "SELECT actor || ': ' || act || ' ' || detail FROM audit ORDER BY id DESC LIMIT 1" |
        grep -qE '^command line: db prune 1 before 20'
}

@test "the agent drops what is older than log_retention, under a lease" {
    as_demo
    post_json /predict "$film"
    expect_code 200
    old_row 018c1234-0000-7000-8000-000000000004
    "$BIN/mercredi-fcgi" agent --config "$STATE/mercredi.conf" --log-retention 365d 2>"$BATS_TEST_TMPDIR/agent.log" 3>&- &
    agent=$!
    for ((i = 0; i < 100; i++)); do
        if [ "$(log_rows "SELECT count(*) FROM predictions WHERE id < '0190'")" = 0 ]; then break; fi
        sleep 0.1
    done
    kill "$agent"
    wait "$agent" || true
    cat "$BATS_TEST_TMPDIR/agent.log"
    grep -q 'predictions left the log' "$BATS_TEST_TMPDIR/agent.log"
    [ "$(sqlite3 "$STATE/mercredi.db" "SELECT holder = '' AND done_ms > 0 FROM job WHERE name = 'retention'")" = 1 ]
}

@test "restore: refused while the server runs, then everything is as it was" {
    as_demo
    administer db backup "$BATS_TEST_TMPDIR/copy"
    rows=$(log_rows 'SELECT count(*) FROM predictions')
    run administer db restore "$BATS_TEST_TMPDIR/copy"
    [ "$status" -eq 65 ]
    [[ $output == *"stop the server first"* ]]
    post_json /predict "$film"
    expect_code 200
    server_stop
    run administer db restore "$BATS_TEST_TMPDIR/nothing"
    [ "$status" -eq 65 ]
    administer db restore "$BATS_TEST_TMPDIR/copy"
    [ "$(log_rows 'SELECT count(*) FROM predictions')" = "$rows" ]
    ls "$STATE"/predictions.db.replaced-*
    [ "$(sqlite3 "$STATE/mercredi.db" "SELECT act FROM audit ORDER BY id DESC LIMIT 1")" = 'db restore' ]
    mkdir "$BATS_TEST_TMPDIR/wrong"
    cp "$BATS_TEST_TMPDIR/copy/mercredi.db" "$BATS_TEST_TMPDIR/wrong/predictions.db"
    cp "$BATS_TEST_TMPDIR/copy/mercredi.db" "$BATS_TEST_TMPDIR/wrong/mercredi.db"
    run administer db restore "$BATS_TEST_TMPDIR/wrong"
    [ "$status" -eq 65 ]
    [[ $output == *"is a state database, not a log database"* ]]
    [ "$(ls "$STATE"/mercredi.db.replaced-* | wc -l)" = 1 ] # nothing was touched
    [ "$(log_rows 'SELECT count(*) FROM predictions')" = "$rows" ]
    server_start
    rm -f "$BATS_FILE_TMPDIR/token"
    as_demo
    post_json /predict "$film"
    expect_code 200
}

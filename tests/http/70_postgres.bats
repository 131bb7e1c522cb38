#!/usr/bin/env bats
# The whole service on PostgreSQL: state and log in one database; the database killed and back while it serves.
load server
load postgres

setup_file() {
    pg_server || return 0
    server_start
}
teardown_file() {
    [ -n "$pg_dir" ] || return 0
    server_stop
    pg_server_end
}
setup() { [ -n "$pg_dir" ] || skip "no PostgreSQL here"; }

@test "predictions, films, first weeks and cinemas live there" {
    as_demo
    post_json /predict "$film"
    expect_code 200
    [ "$(rows "SELECT count(*) FROM predictions WHERE id = '$(member .prediction_id)'")" = 1 ]
    [ "$(rows "SELECT count(*) FROM predictions_other")" = 0 ] # this month has a partition of its own
    post_json /films "$film"
    expect_code 200
    post_json /outcomes "$(jq -c '.release_date = "2026-03-11" | .first_week_entries = 90000 | .source = "CNC" |
        .confirm = true' <<<"$film")"
    expect_code 200
    post_json /cinemas '{"name":"Le Rex"}'
    expect_code 200
    administer db check | grep -c ': sound$' | grep -qx 2
    run administer db backup "$BATS_TEST_TMPDIR/copy"
    [ "$status" -eq 65 ]
    [[ $output == *pg_dump* ]]
}

@test "killed: 503 at once with Retry-After, alive all the same; back: answers without a restart, nothing lost" {
    as_demo
    post_json /predict "$film"
    expect_code 200
    id=$(member .prediction_id)
    workers=$(processes_named mrc-worker | sort | tr '\n' ' ')
    pg_kill
    for _ in 1 2 3; do
        post_json /predict "$film"
        expect_code 503
        expect_header Retry-After '^[0-9]+$'
        get /films
        expect_code 503
        get /livez
        expect_code 200
        get '/readyz?verbose'
        expect_code 503
    done
    pg_start
    for ((i = 0; i < 150; i++)); do
        post_json /predict "$film"
        if [ "$code" = 200 ]; then break; fi
        sleep 0.2
    done
    expect_code 200
    [ "$(rows "SELECT count(*) FROM predictions WHERE id = '$id'")" = 1 ]
    [ "$(rows "SELECT count(*) FROM predictions WHERE id = '$(member .prediction_id)'")" = 1 ]
    [ "$(processes_named mrc-worker | sort | tr '\n' ' ')" = "$workers" ]
}

@test "retention drops whole months" {
    rows "SELECT predictions_make_month((extract(epoch FROM timestamp '2023-11-15') * 1000)::bigint)"
    rows "INSERT INTO predictions SELECT '018bd000-0000-7000-8000-000000000001', time_ms, user_id, request_id, trace_id,
        model_name, model_version, row_json, score, admissions, low80, high80, quantiles_json, latency_us
        FROM predictions ORDER BY id DESC LIMIT 1"
    [ "$(rows "SELECT count(*) FROM predictions_202311")" = 1 ]
    left=$(rows "SELECT count(*) FROM predictions WHERE id > '0190'")
    administer db prune --before 2024-01-01 | grep -qx '1 predictions dropped'
    [ "$(rows "SELECT to_regclass('predictions_202311') IS NULL")" = t ]
    [ "$(rows "SELECT count(*) FROM predictions")" = "$left" ]
}

#!/usr/bin/env bats
# Processes die under load while versions change.
load faults
setup_file() {
    build_rate
    server_start MERCREDI_WORKERS=8
}
teardown_file() { server_stop; }

@test "a worker killed every half second and another version every two: nothing is lost but what was in flight" {
    make_versions $((load_seconds / 2 + 1))
    rate_begin 150 "$load_seconds" 16
    kill_and_swap "$load_seconds"
    rate_end
    every_answer_is_logged
    failures_belong_to_kills
    versions_follow_promotions
    [ "$(over_record "SELECT count(DISTINCT version) FROM record WHERE status = 200;")" -ge $((swaps / 2)) ]
    [ "$(processes_named mrc-master | wc -l)" = 1 ]
    until_workers 8
}

@test "the agent dies: no request notices, another one takes its place" {
    rate_begin 100 3 8
    sleep 0.5
    old=$(processes_named mrc-agent)
    kill -KILL "$old"
    rate_end
    [ "$(count_status 200)" = "$(wc -l <"$record")" ]
    for ((i = 0; i < 50; i++)); do
        new=$(processes_named mrc-agent)
        [ -z "$new" ] || [ "$new" = "$old" ] || return 0
        sleep 0.1
    done
    fail "agent: $new, was $old"
}

@test "the template and the scribe die together: no acknowledged prediction is lost or there twice" {
    rate_begin 100 5 8
    for _ in 1 2 3; do
        sleep 1
        kill -KILL "$(processes_named mrc-template | head -n 1)" "$(processes_named mrc-scribe | head -n 1)" || true
    done
    rate_end
    every_answer_is_logged
    [ "$(count_status 200)" = "$(wc -l <"$record")" ] || fail "$(awk '$3 != 200' "$record" | head)"
}

@test "the scribe is stopped: 503 after log_timeout, nothing unlogged; it goes on: answers again" {
    as_demo
    post_json /predict "$film"
    expect_code 200
    scribe=$(processes_named mrc-scribe)
    kill -STOP "$scribe"
    rate_begin 3 2 6
    rate_end || { kill -CONT "$scribe"; false; }
    kill -CONT "$scribe"
    [ "$(count_status 503)" = "$(wc -l <"$record")" ] || fail "$(cut -d' ' -f3 "$record" | sort | uniq -c)"
    for _ in {1..20}; do
        post_json /predict "$film"
        expect_code 200
    done
}

@test "the log's database is locked: 503 in time, answers again after" {
    seconds=${FAULT_LOCK_SECONDS:-6}
    { echo 'BEGIN IMMEDIATE;'; sleep "$seconds"; echo 'COMMIT;'; } | sqlite3 "$STATE/predictions.db" 3>&- &
    locker=$!
    sleep 0.5
    rate_begin 4 $((seconds + 3)) 16
    rate_end
    wait "$locker"
    every_answer_is_logged
    [ "$(count_status 503)" -gt 0 ]
    [ $(($(count_status 503) + $(count_status 200))) = "$(wc -l <"$record")" ] || fail "$(cut -d' ' -f3 "$record" | sort | uniq -c)"
    [ "$(tail -n 1 "$record" | cut -d' ' -f3)" = 200 ]
}

@test "the master dies under load: no process of it stays" {
    rate_begin 100 2 8
    sleep 0.7
    kill -KILL "$(processes_named mrc-master)"
    rate_end || true
    for ((i = 0; i < 100; i++)); do
        left=$(for n in mrc-template mrc-worker mrc-scribe mrc-agent; do processes_named $n; done)
        [ -n "$left" ] || break
        sleep 0.1
    done
    [ -z "$left" ] || fail "left: $left"
    every_answer_is_logged
}

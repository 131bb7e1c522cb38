#!/usr/bin/env bats
# Processes that die, are told to end, or are replaced: no client notices, nothing stays behind.
load ../server
setup_file() { server_start MERCREDI_WORKERS=4; }
teardown_file() { server_stop; }

@test "processes show what they are" {
    for name in mrc-master mrc-template mrc-scribe; do
        [ "$(processes_named $name | wc -l)" = 1 ] || fail "$name: $(processes_named $name | wc -l)"
    done
    [ "$(processes_named mrc-worker | wc -l)" = 4 ]
}

@test "kill -9 of an idle worker is invisible, and it is replaced" {
    for _ in {1..5}; do
        kill -KILL "$(processes_named mrc-worker | head -n 1)"
        as_demo
        post_json /predict "$film"
        expect_code 200
        until_workers 4
    done
}

@test "a worker killed again and again is simply replaced: no crash loop" {
    as_demo
    for _ in {1..12}; do
        post_json /predict "$film"
        expect_code 200
        kill -KILL "$(processes_named mrc-worker | tail -n 1)"
        sleep 0.15
    done
    until_workers 4
    [ "$(processes_named mrc-master | wc -l)" = 1 ]
}

@test "the scribe dies: predictions go on, none is lost, none is twice" {
    as_demo
    before=$(log_rows "SELECT count(*) FROM predictions")
    load_begin
    for _ in 1 2 3; do
        sleep 0.4
        kill -KILL "$(processes_named mrc-scribe | head -n 1)" || true
    done
    sleep 0.5
    load_end
    all_answered
    after=$(log_rows "SELECT count(*) FROM predictions")
    [ $((after - before)) = "$(wc -l <<<"$answers")" ] || fail "$((after - before)) rows for $(wc -l <<<"$answers") answers"
}

@test "the template dies: requests go on, another one takes its place" {
    load_begin
    sleep 0.2
    old=$(processes_named mrc-template)
    kill -KILL "$old"
    sleep 1.5
    load_end
    all_answered
    new=$(processes_named mrc-template)
    [ -n "$new" ] && [ "$new" != "$old" ]
    until_workers 4
}

@test "HUP replaces the workers, no request notices" {
    before=$(processes_named mrc-worker | sort)
    load_begin
    sleep 0.2
    kill -HUP "$(processes_named mrc-master)"
    sleep 2
    load_end
    all_answered
    until_workers 4
    [ -z "$(comm -12 <(echo "$before") <(processes_named mrc-worker | sort))" ]
}

@test "HUP with a broken file of settings changes nothing" {
    cp "$STATE/mercredi.conf" "$STATE/mercredi.conf.good"
    echo 'no_such_setting = 1' >>"$STATE/mercredi.conf"
    kill -HUP "$(processes_named mrc-master)"
    sleep 0.5
    mv "$STATE/mercredi.conf.good" "$STATE/mercredi.conf"
    as_demo
    post_json /predict "$film"
    expect_code 200
    until_workers 4
}

@test "a request in flight at TERM is answered" {
    as_demo
    load_begin
    sleep 0.3
    touch "$BATS_TEST_TMPDIR/enough"
    kill -TERM "$(processes_named mrc-master)"
    load_end
    # The web server is still there: what came after the workers left is a 5xx, never half an answer.
    if grep -qvE '^(200|50[0-9]|000) ' <<<"$answers"; then fail "$answers"; fi
    grep -q '^200 ' <<<"$answers"
}

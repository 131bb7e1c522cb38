#!/usr/bin/env bats
# Processes that die, are told to end, or are replaced: no client notices, nothing stays behind.
load server
setup_file() { server_start MERCREDI_WORKERS=4; }
teardown_file() { server_stop; }
# Apache starts single workers by itself: no master, no template.
needs_master() { [ "$FRONT" != apache ] || skip "Apache's mod_fcgid is the master of its workers"; }

# Predict without pause until $BATS_TEST_TMPDIR/enough exists; a line per request: status and version. Two clients.
load_begin() {
    as_demo
    rm -f "$BATS_TEST_TMPDIR/enough"
    local client
    for client in 1 2; do
        (
            while [ ! -e "$BATS_TEST_TMPDIR/enough" ]; do
                curl -s --noproxy '*' --max-time 20 -o "$BATS_TEST_TMPDIR/load.$client" -w '%{http_code} ' \
                    -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$film" "$URL/predict"
                jq -r '.model.version // "none"' "$BATS_TEST_TMPDIR/load.$client"
            done >"$BATS_TEST_TMPDIR/answers.$client" 2>&1
        ) 3>&- &
        eval "client$client=\$!"
    done
}
load_end() { # → $answers
    touch "$BATS_TEST_TMPDIR/enough"
    # shellcheck disable=SC2154 # set by eval above
    wait "$client1" "$client2"
    answers=$(cat "$BATS_TEST_TMPDIR"/answers.*)
    [ -n "$answers" ]
}
all_answered() {
    if grep -qv '^200 ' <<<"$answers"; then
        fail "of $(wc -l <<<"$answers") requests: $(cut -d' ' -f1 <<<"$answers" | sort | uniq -c | tr '\n' ' ')"
    fi
}
until_workers() { # count: wait until that many are there
    local i
    for ((i = 0; i < 100; i++)); do
        if [ "$(processes_named mrc-worker | wc -l)" -ge "$1" ]; then return 0; fi
        sleep 0.1
    done
    fail "only $(processes_named mrc-worker | wc -l) workers"
}

@test "processes show what they are" {
    needs_master
    for name in mrc-master mrc-template mrc-scribe; do
        [ "$(processes_named $name | wc -l)" = 1 ] || fail "$name: $(processes_named $name | wc -l)"
    done
    [ "$(processes_named mrc-worker | wc -l)" = 4 ]
}

@test "kill -9 of an idle worker is invisible, and it is replaced" {
    needs_master
    for _ in {1..5}; do
        kill -KILL "$(processes_named mrc-worker | head -n 1)"
        as_demo
        post_json /predict "$film"
        expect_code 200
        until_workers 4
    done
}

@test "a worker killed again and again is simply replaced: no crash loop" {
    needs_master
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
    needs_master
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
    needs_master
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

@test "another version becomes current under load: every request answered, all by it within two seconds" {
    models=$STATE/models/first-week
    old=$(readlink "$models/current")
    cp -R "$models/$old" "$models/9001.tmp"
    jq '.version = "9001"' "$models/$old/manifest.json" >"$models/9001.tmp/manifest.json"
    mv "$models/9001.tmp" "$models/9001"
    load_begin
    sleep 0.5
    ln -s 9001 "$models/current.new" && mv -T "$models/current.new" "$models/current"
    sleep 2
    as_demo
    for _ in {1..20}; do
        post_json /predict "$film"
        expect_code 200
        expect_body '.model.version == "9001"'
    done
    load_end
    all_answered
    [ "$(cut -d' ' -f2 <<<"$answers" | sort -u | tr '\n' ' ')" = "$old 9001 " ]
    ln -s "$old" "$models/current.new" && mv -T "$models/current.new" "$models/current"
    sleep 2
    post_json /predict "$film"
    expect_body ".model.version == \"$old\""
}

@test "a broken version never serves: the old one goes on" {
    models=$STATE/models/first-week
    old=$(readlink "$models/current")
    cp -R "$models/$old" "$models/9002"
    for f in "$models"/9002/*.cbm; do printf 'xxxx' | dd of="$f" bs=1 seek=100 conv=notrunc status=none; done
    load_begin
    ln -s 9002 "$models/current.new" && mv -T "$models/current.new" "$models/current"
    sleep 2
    load_end
    all_answered
    [ "$(cut -d' ' -f2 <<<"$answers" | sort -u)" = "$old" ]
    ln -s "$old" "$models/current.new" && mv -T "$models/current.new" "$models/current"
}

@test "HUP replaces the workers, no request notices" {
    needs_master
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
    needs_master
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
    needs_master
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

#!/usr/bin/env bats
# Versions that are not there, not whole, or not to be read; secrets that are not as they must be.
load faults
setup_file() { server_start MERCREDI_WORKERS=4; }
teardown_file() { server_stop; }

still_served_by() { # version
    as_demo
    for _ in 1 2 3 4 5; do
        post_json /predict "$film"
        expect_code 200
        expect_body ".model.version == \"$1\""
    done
    request GET /readyz
    expect_code 200
}
until_said() { # extended regular expression
    local i
    for ((i = 0; i < 100; i++)); do
        if grep -qE "$1" "$STATE/server.log"; then return 0; fi
        sleep 0.1
    done
    fail "the log lacks: $1"
}

@test "current points nowhere: what serves goes on" {
    old=$(readlink "$STATE/models/first-week/current")
    swap_to 7777
    until_said 'version not taken, the old one stays.* version=7777'
    still_served_by "$old"
    swap_to "$old"
    rm -f "$STATE/models/first-week/current"
    sleep 1
    still_served_by "$old"
    swap_to "$old"
    sleep 1
    still_served_by "$old"
}

@test "a version of which half was written is refused, file by file" {
    models=$STATE/models/first-week
    old=$(readlink "$models/current")
    n=8000
    for f in manifest.json forecast.json schema.json features.json model.cbm selftest.json; do
        n=$((n + 1))
        cp -R "$models/$old" "$models/$n"
        truncate -s $(($(stat -c %s "$models/$n/$f") / 2)) "$models/$n/$f"
        swap_to $n
        until_said "version not taken, the old one stays.* version=$n"
    done
    n=$((n + 1))
    cp -R "$models/$old" "$models/$n"
    rm "$models/$n/model.cbm"
    swap_to $n
    until_said "version not taken, the old one stays.* version=$n"
    still_served_by "$old"
    swap_to "$old"
}

@test "a token key that others can read: a reload is refused, what serves goes on" {
    old=$(readlink "$STATE/models/first-week/current")
    key=$(find "$STATE" -maxdepth 1 -name 'token.key')
    chmod 0644 "$key"
    kill -HUP "$(processes_named mrc-master)"
    until_said 'token.key.*(0600|permission|mode|readable)'
    sleep 1
    still_served_by "$old"
    chmod 0600 "$key"
    kill -HUP "$(processes_named mrc-master)"
    sleep 2
    still_served_by "$old"
    until_workers 4
}

@test "a token key that cannot be read ends a start, with the reason" {
    mkdir -p "$BATS_TEST_TMPDIR/s/run" "$BATS_TEST_TMPDIR/s/token.key"
    cat >"$BATS_TEST_TMPDIR/c" <<C
run_dir = "$BATS_TEST_TMPDIR/s/run"
state_dir = "$BATS_TEST_TMPDIR/s"
models_dir = "$root/models"
workers = 2
C
    status=0
    timeout 30 "$BIN/mercredi-fcgi" serve --config "$BATS_TEST_TMPDIR/c" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null || status=$?
    cat "$BATS_TEST_TMPDIR/out" >&2
    [ "$status" = 70 ]
    grep -q 'token.key' "$BATS_TEST_TMPDIR/out"
    grep -q 'giving up' "$BATS_TEST_TMPDIR/out"
}

@test "a second master on the same socket is refused and says who has it" {
    status=0
    timeout 20 "$BIN/mercredi-fcgi" serve --config "$STATE/mercredi.conf" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null || status=$?
    [ "$status" = 69 ]
    grep -q "is held by process $(processes_named mrc-master)" "$BATS_TEST_TMPDIR/out"
    as_demo
    post_json /predict "$film"
    expect_code 200
}

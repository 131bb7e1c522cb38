#!/usr/bin/env bats
# The contract of `make run`: starts, says where, stops, starts again; and says clearly what is in its way.
load server
setup() {
    export STATE=$BATS_TEST_TMPDIR/state
    mkdir -p "$STATE"
    PORT=$(free_port)
    export PORT
}
teardown() { server_stop; }
elapsed_ms() { echo $((($(date +%s%N) - $1) / 1000000)); }

@test "start, log in with demo.env, stop by TERM: nothing stays; a second start is quick and keeps the password" {
    server_start
    [ "$(stat -c %a "$STATE/demo.env")" = 600 ]
    [ "$(cut -d= -f1 "$STATE/demo.env" | tr '\n' ' ')" = "URL MERCREDI_USER MERCREDI_PASSWORD " ]
    password=$MERCREDI_PASSWORD
    login
    [ "$(server_processes | wc -l)" -gt 3 ]
    server_stop
    [ -z "$(server_processes)" ]
    [ ! -e "$STATE/demo.env" ]
    port_free "$PORT"
    begin=$(date +%s%N)
    server_start
    took=$(elapsed_ms "$begin")
    [ "$took" -lt 5000 ] || fail "the second start took $took ms"
    [ "$MERCREDI_PASSWORD" = "$password" ]
    login
}

@test "make run: TERM to make ends all; so does an interrupt to make alone" {
    for signal in TERM INT; do
        # In a script, commands in the background ignore interrupts; env gives make the default back.
        env --default-signal=INT setsid make -s -C "$root" run B="${BIN#"$root"/}" PORT="$PORT" STATE="$STATE" FRONT="$FRONT" \
            >"$STATE/make.log" 2>&1 </dev/null 3>&- &
        SERVER=$!
        for ((i = 0; i < 300; i++)); do
            if [ -s "$STATE/demo.env" ]; then break; fi
            sleep 0.1
        done
        [ -s "$STATE/demo.env" ] || { cat "$STATE/make.log" >&2; fail "no demo.env"; }
        kill -"$signal" "$SERVER"
        for ((i = 0; i < 100; i++)); do
            if [ -z "$(server_processes)" ]; then break; fi
            sleep 0.1
        done
        [ -z "$(server_processes)" ] || fail "after $signal: $(server_processes)"
        wait "$SERVER" || true
    done
}

@test "the printed commands log in and predict when pasted" {
    server_start
    sed -n '/^  \. /,/^    "distributor"/p' "$STATE/server.log" >"$BATS_TEST_TMPDIR/paste.sh"
    grep -q /predict "$BATS_TEST_TMPDIR/paste.sh"
    run sh "$BATS_TEST_TMPDIR/paste.sh"
    [ "$status" = 0 ]
    [ "$(jq '.admissions > 0' <<<"$output")" = true ] || fail "$output"
}

@test "a taken port is said, and the server that has it goes on" {
    server_start
    mkdir "$BATS_TEST_TMPDIR/second"
    run env FRONT="$FRONT" PORT="$PORT" STATE="$BATS_TEST_TMPDIR/second" BIN="$BIN" sh "$root/deploy/run.sh"
    [ "$status" != 0 ]
    [[ $output == *"port $PORT is taken"* ]] || fail "$output"
    [ ! -e "$BATS_TEST_TMPDIR/second/demo.env" ]
    login
}

@test "a state folder in use is said" {
    server_start
    run env FRONT="$FRONT" PORT="$(free_port)" STATE="$STATE" BIN="$BIN" sh "$root/deploy/run.sh"
    [ "$status" != 0 ]
    [[ $output == *"in use by another"* ]] || fail "$output"
    [ -s "$STATE/demo.env" ]
    login
}

@test "a port and a web server that are none are said" {
    run env PORT=http STATE="$STATE" BIN="$BIN" sh "$root/deploy/run.sh"
    [ "$status" != 0 ]
    [[ $output == *"PORT is a number"* ]]
    run env FRONT=iis STATE="$STATE" BIN="$BIN" sh "$root/deploy/run.sh"
    [ "$status" != 0 ]
    [[ $output == *"FRONT is lighttpd, nginx or apache"* ]]
}

@test "a state folder with a long path, blanks and an accent" {
    STATE="$BATS_TEST_TMPDIR/a longer folder, with blanks & ünïcödé, so that no socket would fit into its path/state"
    mkdir -p "$STATE"
    server_start
    login
    post_json /predict "$film"
    expect_code 200
}

@test "the web server ends: all ends, with a word" {
    server_start
    name=$FRONT
    [ "$FRONT" != apache ] || name=apache2
    front=
    for p in $(server_processes); do
        case $(cat "/proc/$p/comm") in "$name" | httpd) front=${front:-$p} ;; esac
    done
    kill -KILL "$front"
    for ((i = 0; i < 100; i++)); do
        if ! kill -0 "$SERVER" 2>/dev/null; then break; fi
        sleep 0.1
    done
    [ -z "$(processes_named mrc-worker)" ]
    grep -q 'ended; its messages are above' "$STATE/server.log"
}

# A web server connected in another way than `make run` does: front.sh with a variant of the shipped file, and a master
# where the variant needs one.
load ../server

setup() {
    export STATE=$BATS_TEST_TMPDIR/state
    mkdir -p "$STATE/run"
    PORT=$(free_port)
    export PORT URL=http://127.0.0.1:$PORT
    MERCREDI_USER=demo MERCREDI_PASSWORD=some-password-1
    variant=$BATS_TEST_TMPDIR/variant.conf
    master='' SERVER=''
    cat >"$STATE/mercredi.conf" <<C
run_dir = "$STATE/run"
state_dir = "$STATE"
models_dir = "$root/models"
workers = 3
C
    echo "$MERCREDI_PASSWORD" | administer user add "$MERCREDI_USER" --scopes "predict" --password-stdin
}
teardown() {
    server_stop
    [ -z "$master" ] || { kill "$master"; wait "$master" || true; }
}
start_master() { # socket
    "$BIN/mercredi-fcgi" serve --config "$STATE/mercredi.conf" --socket "$1" >>"$STATE/master.log" 2>&1 </dev/null 3>&- &
    master=$!
}
start_front() {
    FRONT_FILE=$variant setsid sh "$root/deploy/front.sh" "$FRONT" 127.0.0.1 "$PORT" "$STATE/run" "$STATE/mercredi.conf" \
        "$BIN/mercredi-fcgi" >>"$STATE/server.log" 2>&1 </dev/null 3>&- &
    SERVER=$!
    for ((i = 0; i < 100; i++)); do
        request GET /readyz
        if [ "$code" = 200 ]; then return 0; fi
        sleep 0.1
    done
    cat "$STATE"/*.log >&2
    return 1
}
predicts() {
    login
    post_json /predict "$film"
    expect_code 200
    [ "$(log_rows "SELECT count(*) FROM predictions WHERE id = '$(member .prediction_id)'")" = 1 ]
}

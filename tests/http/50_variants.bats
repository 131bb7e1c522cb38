#!/usr/bin/env bats
# The other ways to connect a web server that deploy/*.conf describes: lighttpd over TCP, lighttpd that starts the master
# itself, Apache with mod_proxy_fcgi. Each variant is made from the shipped file.
load server
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

@test "lighttpd over TCP" {
    [ "$FRONT" = lighttpd ] || skip "a lighttpd case"
    tcp=$(free_port)
    sed -E "s|\"socket\" +=> \"/run/mercredi/mercredi.sock\",|\"host\" => \"127.0.0.1\", \"port\" => $tcp,|" \
        "$root/deploy/lighttpd.conf" >"$variant"
    grep -q "\"port\" => $tcp" "$variant"
    start_master "127.0.0.1:$tcp"
    start_front
    predicts
}

@test "lighttpd starts the master on its own socket; a dead worker is invisible; all end with lighttpd" {
    [ "$FRONT" = lighttpd ] || skip "a lighttpd case"
    awk '/^fastcgi.server/ { off = 1 } !off { sub(/^#fastcgi/, "fastcgi"); if (on) sub(/^#/, ""); print }
         /^fastcgi.server/ && !off { on = 1 } off && /^\)\)/ { off = 0 }' "$root/deploy/lighttpd.conf" >"$variant"
    grep -q '^ *"bin-path"' "$variant"
    start_front
    predicts
    [ "$(processes_named mrc-master | wc -l)" = 1 ]
    for _ in 1 2 3; do
        kill -KILL "$(processes_named mrc-worker | head -n 1)"
        predicts
    done
}

@test "Apache with mod_proxy_fcgi" {
    [ "$FRONT" = apache ] || skip "an Apache case"
    modules=${APACHE_MODULES:-/usr/lib/apache2/modules}
    [ -e "$modules/mod_proxy_fcgi.so" ] || skip "no mod_proxy_fcgi"
    {
        echo '<VirtualHost *:80>'
        sed -n 's/^#    //p' "$root/deploy/apache.conf"
        echo '</VirtualHost>'
    } >"$variant"
    grep -q '^ProxyPass' "$variant"
    start_master "$STATE/run/mercredi.sock"
    export APACHE_MORE_MODULES='proxy proxy_fcgi'
    start_front
    predicts
    get '/%2e%2e/x?a=%20b'
    [[ $code == 400 || $code == 404 ]]
    token=
    post_json /predict "$film"
    expect_code 401
}

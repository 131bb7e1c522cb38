#!/usr/bin/env bats
# Apache with mod_proxy_fcgi before a master of ours, at a low rate: workers are killed, versions change.
load faults
setup_file() {
    export FRONT=apache
    modules=${APACHE_MODULES:-/usr/lib/apache2/modules}
    command -v apache2 >/dev/null 2>&1 && [ -e "$modules/mod_proxy_fcgi.so" ] || skip "no Apache with mod_proxy_fcgi"
    build_rate
    export STATE=$BATS_FILE_TMPDIR/state MERCREDI_USER=demo MERCREDI_PASSWORD=some-password-1
    PORT=$(free_port)
    export PORT URL=http://127.0.0.1:$PORT APACHE_MORE_MODULES='proxy proxy_fcgi' FRONT_FILE=$STATE/proxy.conf
    mkdir -p "$STATE/run"
    cp -R "$root/models" "$STATE/models"
    cat >"$STATE/mercredi.conf" <<C
socket = "$STATE/run/mercredi.sock"
run_dir = "$STATE/run"
state_dir = "$STATE"
models_dir = "$STATE/models"
workers = 6
rate_per_minute = 0
C
    echo "$MERCREDI_PASSWORD" | administer user add "$MERCREDI_USER" --scopes "predict" --password-stdin
    {
        echo '<VirtualHost *:80>'
        sed -n 's/^#    //p' "$root/deploy/apache.conf"
        echo '</VirtualHost>'
    } >"$FRONT_FILE"
    # shellcheck disable=SC2016 # for the shell that is started
    setsid sh -c '"$1/mercredi-fcgi" serve --config "$2/mercredi.conf" &
        master=$!
        sh "$3/deploy/front.sh" apache 127.0.0.1 "$4" "$2/run" "$2/mercredi.conf" "$1/mercredi-fcgi" &
        front=$!
        trap "kill $front $master" TERM
        wait "$master"
        wait "$master" "$front"' sh "$BIN" "$STATE" "$root" "$PORT" >>"$STATE/server.log" 2>&1 </dev/null 3>&- &
    export SERVER=$!
    for ((i = 0; i < 300; i++)); do
        if [ "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' "$URL/readyz")" = 200 ]; then return 0; fi
        sleep 0.1
    done
    cat "$STATE/server.log" >&2
    return 1
}
teardown_file() { server_stop; }

@test "Apache, a few requests a second: nothing is lost but what was in flight in a killed worker" {
    make_versions $((load_seconds / 2 + 1))
    rate_begin 20 "$load_seconds" 4
    kill_and_swap "$load_seconds"
    rate_end
    every_answer_is_logged
    failures_belong_to_kills
    versions_follow_promotions
}

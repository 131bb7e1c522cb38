#!/usr/bin/env bats
# Apache as the master of its workers (mod_fcgid), and with mod_proxy_fcgi before a master of ours.
load ../variant

@test "Apache with mod_proxy_fcgi" {
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

@test "mod_fcgid: a dead worker is replaced" {
    cp "$root/deploy/apache.conf" "$variant"
    start_front
    predicts
    for _ in 1 2 3; do
        kill -KILL "$(processes_named mrc-worker | head -n 1)"
        sleep 1.2 # mod_fcgid looks after its children once a second
        predicts
    done
}

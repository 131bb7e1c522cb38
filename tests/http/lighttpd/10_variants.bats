#!/usr/bin/env bats
# The other ways to connect lighttpd: over TCP, and lighttpd as the one who starts the master.
load ../variant

@test "lighttpd over TCP" {
    tcp=$(free_port)
    sed -E "s|\"socket\" +=> \"/run/mercredi/mercredi.sock\",|\"host\" => \"127.0.0.1\", \"port\" => $tcp,|" \
        "$root/deploy/lighttpd.conf" >"$variant"
    grep -q "\"port\" => $tcp" "$variant"
    start_master "127.0.0.1:$tcp"
    start_front
    predicts
}

@test "lighttpd starts the master on its own socket; a dead worker is invisible; all end with lighttpd" {
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

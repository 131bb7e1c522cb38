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

@test "restarts while somebody holds the socket: requests wait, none fails" {
    command -v python3 >/dev/null 2>&1 || skip "no python3"
    cp "$root/deploy/lighttpd.conf" "$variant"
    cat >"$BATS_TEST_TMPDIR/hold.py" <<'P' # as systemd does for mercredi.socket; starts the command whenever it has ended
import os, signal, socket, subprocess, sys
child, ending = None, False
def end(*_):
    global ending
    ending = True
    child.terminate()
with socket.socket(socket.AF_UNIX) as s:
    s.bind(sys.argv[1])
    s.listen(1024)
    os.set_inheritable(os.dup2(s.fileno(), 3), True)
    signal.signal(signal.SIGTERM, end)
    while not ending:
        child = subprocess.Popen(["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", *sys.argv[2:]], close_fds=False)
        child.wait()
P
    python3 "$BATS_TEST_TMPDIR/hold.py" "$STATE/run/mercredi.sock" "$BIN/mercredi-fcgi" serve \
        --config "$STATE/mercredi.conf" >>"$STATE/master.log" 2>&1 </dev/null 3>&- &
    master=$!
    start_front
    load_begin
    for n in 1 2 3; do
        sleep 0.3
        # shellcheck disable=SC2046 # one number, and a blank
        kill $(cat "/proc/$master/task/$master/children")
        for ((i = 0; i < 100; i++)); do
            if [ "$(grep -c 'msg=serving' "$STATE/master.log")" -gt "$n" ]; then break; fi
            sleep 0.1
        done
    done
    load_end
    all_answered
    [ "$(grep -c 'msg=stopped' "$STATE/master.log")" = 3 ]
}

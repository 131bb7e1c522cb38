#!/bin/sh
# A server built with sanitizers under mixed hostile load: hostile_load.sh [SECONDS] (default 60; an hour is no waste).
# BIN: programs, best of `make SAN=address,undefined`. Good and bad requests, nested and random ones, slow clients, killed
# workers, reloads and swaps of versions at once, a shadow version behind; it fails when a sanitizer says anything, when a
# process ends by itself, or when the server does not predict afterwards. Needs lighttpd and Python 3.
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
BIN=${BIN:-$PWD/build/san-address-undefined} seconds=${1:-60}
[ -x "$BIN/mercredi-fcgi" ] || { echo "no $BIN/mercredi-fcgi: make SAN=address,undefined"; exit 2; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-hostile.XXXXXX") || exit 1
server='' others=''
end() {
    for p in $others $server; do kill "$p" 2>/dev/null; done
    for p in $others $server; do wait "$p" 2>/dev/null; done
}
trap 'end; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
port=$((20000 + $$ % 12000))
while curl -s -o /dev/null --noproxy '*' "http://127.0.0.1:$port/"; [ $? != 7 ]; do port=$((port + 1)); done
ASAN_OPTIONS="log_path=$dir/sanitizer:abort_on_error=0:detect_leaks=0:allocator_may_return_null=1" \
    UBSAN_OPTIONS="log_path=$dir/sanitizer:print_stacktrace=1" MERCREDI_WORKERS=8 MERCREDI_SHADOW=9001 MERCREDI_TOKEN_LIFETIME=12h \
    HOST=127.0.0.1 PORT=$port STATE="$dir/state" BIN="$BIN" setsid sh deploy/run.sh >"$dir/log" 2>&1 </dev/null &
server=$!
i=0
until [ -s "$dir/state/demo.env" ]; do
    i=$((i + 1))
    [ $i -lt 600 ] || { cat "$dir/log"; exit 1; }
    sleep 0.2
done
. "$dir/state/demo.env"
token() { curl -s --noproxy '*' -d "username=$MERCREDI_USER" -d "password=$MERCREDI_PASSWORD" "$URL/token" |
    sed 's/.*"access_token":"\([^"]*\)".*/\1/'; }
token >"$dir/token"
good=$(cat "$dir/token")
${CC:-cc} -std=c11 -O2 -o "$dir/rate" tests/bench/rate.c || exit 1
stop_at=$(($(date +%s) + seconds))
again() { while [ "$(date +%s)" -lt "$stop_at" ]; do "$@"; done; }
again python3 tests/faults/hostile.py fuzz "$URL" "$good" 20 >"$dir/fuzz" 2>&1 &
others="$others $!"
again python3 tests/bench/odd_bodies.py "$URL" "$good" >"$dir/bodies" 2>&1 &
others="$others $!"
again "$dir/rate" -r 60 -d 10 -c 8 -T "$dir/token" -b tests/bench/film.json "$port" '/predict?explain=true' >"$dir/good" 2>&1 &
others="$others $!"
cases() {
    for c in methods paths nested; do python3 tests/faults/hostile.py $c "$URL" "$good"; done
    python3 tests/faults/hostile.py smuggle "$URL" "$good" "$dir/log"
    python3 tests/faults/hostile.py slow "$URL" "$good" 5
}
again cases >"$dir/cases" 2>&1 &
others="$others $!"
models=$dir/state/models/first-week old=$(readlink "$dir/state/models/first-week/current") kills=0
cp -R "$models/$old" "$models/9001"
sed "s/\"version\": *\"$old\"/\"version\": \"9001\"/" "$models/$old/manifest.json" >"$models/9001/manifest.json"
next=9001
while [ "$(date +%s)" -lt "$stop_at" ]; do
    sleep 3
    ! pkill -KILL -n -s "$server" -x mrc-worker || kills=$((kills + 1))
    sleep 4
    ln -sfn $next "$models/current.new" && mv -T "$models/current.new" "$models/current"
    [ $next = 9001 ] && next=$old || next=9001
    [ $((kills % 5)) != 3 ] || pkill -HUP -s "$server" -x mrc-master
done
for p in $others; do wait "$p" 2>/dev/null; done
others=
bad=0
answer=$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $(token)" -H 'Content-Type: application/json' \
    -d @tests/bench/film.json "$URL/predict")
[ "$answer" = 200 ] || { echo "afterwards a good film gets $answer"; bad=1; }
end
server=
if ls "$dir"/sanitizer.* >/dev/null 2>&1; then
    head -n 60 "$dir"/sanitizer.*
    bad=1
fi
grep -E 'msg="(worker ended|template ended|process ended)"|signal=(6|11)( |$)|giving up' "$dir/log" | grep -v 'signal=9' && bad=1
grep -h '^WRONG' "$dir/fuzz" "$dir/cases" | sort | uniq -c | sort -rn | head -n 20
cat "$dir/good" | tail -n 3
echo "{\"seconds\":$seconds,\"requests\":$(grep -c 'msg=request ' "$dir/log"),\"kills\":$kills,\"sanitizer_findings\":$(ls "$dir"/sanitizer.* 2>/dev/null | wc -l)}"
exit $bad

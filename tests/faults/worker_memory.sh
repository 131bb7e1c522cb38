#!/bin/sh
# Does a worker's memory stay flat? worker_memory.sh [REQUESTS]: default 20,000; a million takes a quarter of an hour. One
# worker behind lighttpd answers /predict, alone and in batches of 20, wrong bodies and pages; its private memory after
# the first tenth is compared with that at the end: less than 512 KiB more is flat. BIN: programs. Prints one JSON line.
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
umask 077
BIN=${BIN:-$PWD/build/release} wanted=${1:-20000} slack_kb=512
dir=$(mktemp -d "${TMPDIR:-/dev/shm}/mercredi-memory.XXXXXX") || exit 1
master='' front=''
trap 'for p in $front $master; do kill "$p" 2>/dev/null; wait "$p"; done 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
mkdir "$dir/run"
cat >"$dir/mercredi.conf" <<C
socket = "$dir/run/mercredi.sock"
run_dir = "$dir/run"
state_dir = "$dir"
models_dir = "$PWD/models"
www_dir = "$PWD/fcgi/www"
workers = 1
worker_requests_max = 0
logins_per_minute = 0
rate_per_minute = 0
token_lifetime = 12h
log_level = warn
C
${CC:-cc} -std=c11 -O2 -o "$dir/rate" tests/bench/rate.c || exit 1
echo some-password-1 | "$BIN/mercredi-fcgi" user add demo --scopes predict --password-stdin --config "$dir/mercredi.conf" || exit 1
"$BIN/mercredi-fcgi" serve --config "$dir/mercredi.conf" 2>"$dir/master.log" &
master=$!
port=$((20000 + $$ % 12000))
while curl -s -o /dev/null --noproxy '*' "http://127.0.0.1:$port/"; [ $? != 7 ]; do port=$((port + 1)); done
sh deploy/front.sh lighttpd 127.0.0.1 "$port" "$dir/run" "$dir/mercredi.conf" "$BIN/mercredi-fcgi" 2>"$dir/front.log" &
front=$!
url=http://127.0.0.1:$port i=0
until [ "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' "$url/readyz")" = 200 ]; do
    i=$((i + 1))
    [ $i -lt 300 ] || { cat "$dir"/*.log; exit 1; }
    sleep 0.1
done
curl -s --noproxy '*' -d username=demo -d password=some-password-1 "$url/token" | sed 's/.*"access_token":"\([^"]*\)".*/\1/' >"$dir/token"
film=$(cat tests/bench/film.json)
printf '%s' "$film" >"$dir/one"
{ printf '{"films":[%s' "$film"; for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do printf ',%s' "$film"; done; printf ']}'; } >"$dir/twenty"
printf '{"title":7,"screens":"x","genres":[[]]' >"$dir/wrong"
template=$(cat "/proc/$master/task/$master/children" | tr ' ' '\n' | while read -r p; do
    [ "$(cat "/proc/$p/comm" 2>/dev/null)" != mrc-template ] || echo "$p"; done)
worker=$(tr -d ' ' <"/proc/$template/task/$template/children")
private_kb() { awk '/^Private_(Clean|Dirty)/ { s += $2 } END { print s }' "/proc/$worker/smaps_rollup"; }
done_requests=0 early='' samples=''
part() { # body file, path: two seconds of it
    n=$("$dir/rate" -r 0 -d 2 -c 4 -T "$dir/token" ${1:+-b "$dir/$1"} "$port" "$2" | sed 's/.*"answered":\([0-9]*\).*/\1/')
    done_requests=$((done_requests + n))
}
while [ "$done_requests" -lt "$wanted" ]; do
    part one /predict
    part one '/predict?explain=true'
    part twenty /predict
    part wrong /predict
    part '' /schema
    part one /predict
    part '' '/predictions?limit=20'
    part '' /openapi.json
    [ -n "$early" ] || [ "$done_requests" -lt $((wanted / 10)) ] || early=$(private_kb)
    samples="$samples $(private_kb)"
done
late=$(private_kb)
[ -e "/proc/$worker/stat" ] || { cat "$dir/master.log"; echo "the worker ended"; exit 1; }
echo "{\"requests\":$done_requests,\"private_kb_after_a_tenth\":$early,\"private_kb_at_the_end\":$late,\"samples\":\"$samples\"}"
[ "$late" -le $((early + slack_kb)) ]

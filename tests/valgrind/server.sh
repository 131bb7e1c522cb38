#!/bin/sh
# Requests through lighttpd to a worker under Valgrind: no invalid access, nothing lost when it ends. BIN: programs.
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin
umask 077
dir=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-valgrind.XXXXXX") || exit 1
front=
trap '[ -z "$front" ] || kill "$front" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
program=$BIN/mercredi-fcgi
mkdir "$dir/run" "$dir/state" "$dir/tmp"
cat >"$dir/mercredi.conf" <<C
run_dir = "$dir/run"
state_dir = "$dir/state"
models_dir = "$PWD/models"
www_dir = "$PWD/fcgi/www"
C
echo 'some-password-1' | "$program" user add demo --scopes "predict monitor" --password-stdin --config "$dir/mercredi.conf" || exit 1
port=$((20000 + $$ % 12000))
while curl -s -o /dev/null --noproxy '*' "http://127.0.0.1:$port/"; [ $? != 7 ]; do port=$((port + 1)); done
cat >"$dir/lighttpd.conf" <<C
server.modules = ( "mod_fastcgi" )
server.bind = "127.0.0.1"
server.port = $port
server.document-root = "$dir/tmp"
server.upload-dirs = ( "$dir/tmp" )
fastcgi.server = ( "/" => ((
    "socket" => "$dir/run/worker.sock", "max-procs" => 1, "check-local" => "disable",
    "bin-path" => "$(command -v valgrind) --leak-check=full --errors-for-leak-kinds=definite --log-file=$dir/valgrind.log $program worker --config $dir/mercredi.conf"
)))
C
lighttpd -D -f "$dir/lighttpd.conf" 2>"$dir/lighttpd.log" &
front=$!
url=http://127.0.0.1:$port
fetch() { curl -sS --noproxy '*' --max-time 120 "$@"; }
i=0
until [ "$(fetch -o /dev/null -w '%{http_code}' "$url/readyz" 2>/dev/null)" = 200 ]; do
    i=$((i + 1))
    [ $i -lt 100 ] || { cat "$dir"/*.log; exit 1; }
    sleep 0.3
done
bad=0
expect() { # status, curl arguments…
    want=$1; shift
    got=$(fetch -o "$dir/body" -w '%{http_code}' "$@")
    [ "$got" = "$want" ] || { echo "status $got in place of $want: $*"; head -c 500 "$dir/body"; bad=1; }
}
token=$(fetch -d username=demo -d password=some-password-1 "$url/token" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
auth="Authorization: Bearer $token" json='Content-Type: application/json'
film='{"title":"Essai","release_date":"2027-03-17","genres":["Comédie"],"countries":["FR"],"actors":["Romain Duris"],"screens":412}'
expect 200 "$url/livez"
expect 200 "$url/openapi.json"
expect 200 "$url/schema"
expect 401 -d password=x -d username=demo "$url/token"
expect 200 -H "$auth" -H "$json" -d "$film" "$url/predict"
expect 200 -H "$auth" -H "$json" -d "{\"films\":[$film,$film]}" "$url/predict"
expect 422 -H "$auth" -H "$json" -d '{"title":7,"screens":"x"}' "$url/predict"
expect 422 -H "$auth" -H "$json" -d '{"title"' "$url/predict"
expect 401 -H "$json" -d "$film" "$url/predict"
expect 200 -H "$auth" "$url/predictions"
expect 404 "$url/nothing"
kill "$front"
wait "$front"
front=
i=0
until grep -q 'ERROR SUMMARY' "$dir/valgrind.log" 2>/dev/null; do
    i=$((i + 1))
    [ $i -lt 100 ] || break
    sleep 0.1
done
if ! grep -q 'ERROR SUMMARY: 0 errors' "$dir/valgrind.log"; then
    head -n 80 "$dir/valgrind.log"
    bad=1
fi
exit $bad

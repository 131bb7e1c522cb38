# Server and client of the black-box tests: what `make run` starts (the shipped configuration of web server FRONT, and
# mercredi-fcgi), in a temporary folder, on a free port.
#
# A file of tests calls server_start in setup_file and server_stop in teardown_file. `request` then leaves the answer in
# $code, $body and $headers. Nothing here ends a process it did not start.

root=$BATS_TEST_DIRNAME
until [ -e "$root/Makefile" ]; do root=$(dirname "$root"); done
FRONT=${FRONT:-lighttpd}
BIN=${BIN:-$root/build/release}
film='{"title":"Les Lumières de la Ville Basse","release_date":"2027-03-17","genres":["Comédie dramatique","Romance"],
"duration_min":112,"budget":8500000,"distributor":"Pathé","directors":["Cédric Klapisch"],
"actors":["Romain Duris","Ana Girardot"],"countries":["France","Belgique"],"screens":412,"age_rating":"tous_publics"}'

port_free() { ! (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
free_port() { # below the range from which the kernel takes ports for clients
    local p
    for _ in {1..200}; do
        p=$((20000 + RANDOM % 12000))
        if port_free "$p"; then
            echo "$p"
            return
        fi
    done
    return 1
}

# Start it on $STATE (made here when unset) and $PORT; arguments are settings, NAME=VALUE.
server_launch() {
    export STATE=${STATE:-$(mktemp -d "${BATS_FILE_TMPDIR:-/tmp}/state.XXXXXX")}
    export PORT=${PORT:-$(free_port)}
    env "$@" HOST=127.0.0.1 FRONT="$FRONT" PORT="$PORT" STATE="$STATE" BIN="$BIN" WWW_MODULES="$root/build/web" \
        setsid sh "$root/deploy/run.sh" >>"$STATE/server.log" 2>&1 </dev/null 3>&- &
    export SERVER=$!
    echo "$SERVER" >"$STATE/session" # for server_stop in another process, as every test is one
}
server_start() {
    server_launch "$@"
    local i
    for ((i = 0; i < 600; i++)); do
        if [ -s "$STATE/demo.env" ]; then
            # shellcheck disable=SC1091 # written by run.sh
            . "$STATE/demo.env"
            export URL MERCREDI_USER MERCREDI_PASSWORD
            return 0
        fi
        if ! kill -0 "$SERVER" 2>/dev/null; then break; fi
        sleep 0.1
    done
    echo "the server did not start:" >&2
    cat "$STATE/server.log" >&2
    return 1
}
# Every process of the server: those of its session (setsid above), whoever their parent is by now.
server_processes() {
    local f stat rest
    for f in /proc/[0-9]*/stat; do
        stat=$(cat "$f" 2>/dev/null) || continue
        rest=${stat##*) } # state ppid pgrp session …
        # shellcheck disable=SC2086
        set -- $rest
        if [ "$4" = "$SERVER" ] && [ "$1" != Z ]; then
            f=${f%/stat}
            echo "${f#/proc/}"
        fi
    done
}
processes_named() { # name in ps → process ids of this server
    local p
    if command -v pgrep >/dev/null 2>&1; then # the loop below takes seconds on a busy machine
        pgrep -s "$SERVER" -r D,R,S,T,t -x "$1" || true
        return
    fi
    for p in $(server_processes); do
        if [ "$(cat "/proc/$p/comm" 2>/dev/null)" = "$1" ]; then echo "$p"; fi
    done
}
server_stop() {
    if [ -s "$STATE/session" ]; then SERVER=$(cat "$STATE/session"); fi
    [ -n "$SERVER" ] || return 0
    kill -TERM "$SERVER" 2>/dev/null || true
    local i
    for ((i = 0; i < 200; i++)); do
        if ! kill -0 "$SERVER" 2>/dev/null; then break; fi
        sleep 0.1
    done
    wait "$SERVER" 2>/dev/null || true
    local left
    left=$(server_processes)
    if [ -n "$left" ]; then
        # shellcheck disable=SC2086
        echo "left over after TERM: $left ($(cat $(printf '/proc/%s/comm ' $left) 2>/dev/null | tr '\n' ' '))" >&2
        # shellcheck disable=SC2086
        kill -KILL $left 2>/dev/null
        return 1
    fi
    rm -f "$STATE/session"
    SERVER='' # the number may be another process's soon
}

# Of several servers in folders of $BATS_FILE_TMPDIR: make one the one that the functions here speak of.
host() {
    STATE=$BATS_FILE_TMPDIR/$1
    SERVER=$(cat "$STATE/session" 2>/dev/null || true)
    export STATE SERVER
    [ ! -s "$STATE/demo.env" ] || {
        # shellcheck disable=SC1091 # written by run.sh
        . "$STATE/demo.env"
        export URL MERCREDI_USER MERCREDI_PASSWORD
    }
    if [ -s "$STATE/token" ]; then token=$(cat "$STATE/token"); fi
}

# After a test that failed: what the server said last.
teardown() {
    [ -n "$BATS_TEST_COMPLETED" ] || tail -n 30 "$STATE/server.log" >&2
}

# Where a test, or the set-up of its file, may write.
scratch() { echo "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}"; }
# request METHOD PATH [curl argument…]
request() {
    local method=$1 path=$2 tmp
    tmp=$(scratch)
    shift 2
    case $method in
    HEAD) set -- -I "$@" ;;
    *) set -- -X "$method" "$@" ;;
    esac
    curl_status=0
    code=$(curl -sS --noproxy '*' --path-as-is --max-time 30 -D "$tmp/headers" -o "$tmp/body" \
        -w '%{http_code}' "$@" "$URL$path" 2>"$tmp/curl") || curl_status=$?
    headers=$(tr -d '\r' <"$tmp/headers" 2>/dev/null || true)
    body=$(cat "$tmp/body" 2>/dev/null || true)
    rm -f "$tmp/body"
    return 0
}
header() { printf '%s\n' "$headers" | sed -n "s/^$1: *//Ip" | head -n 1; }
member() { printf '%s' "$body" | jq -r "$1"; }
login() { # [user password] → $token
    request POST /token --data-urlencode "username=${1:-$MERCREDI_USER}" --data-urlencode "password=${2:-$MERCREDI_PASSWORD}"
    expect_code 200
    token=$(member .access_token)
}
# One login a file: a token is good for minutes.
as_demo() {
    if [ ! -s "$BATS_FILE_TMPDIR/token" ]; then
        login
        printf '%s' "$token" >"$BATS_FILE_TMPDIR/token"
    fi
    token=$(cat "$BATS_FILE_TMPDIR/token")
}
post_json() { # path, JSON or @file, [curl argument…]; with $token when set
    local path=$1 data=$2
    shift 2
    request POST "$path" ${token:+-H "Authorization: Bearer $token"} -H 'Content-Type: application/json' \
        --data-binary "$data" "$@"
}
get() { # path, [curl argument…]
    local path=$1
    shift
    request GET "$path" ${token:+-H "Authorization: Bearer $token"} "$@"
}

fail() {
    echo "$*" >&2
    return 1
}
show() { printf 'status %s\n%s\n\n%.2000s\n%s\n' "$code" "$headers" "$body" "$(cat "$(scratch)/curl")" >&2; }
expect_code() {
    [ "$code" = "$1" ] || { show; fail "expected status $1"; }
}
expect_header() { # name, extended regular expression
    [[ $(header "$1") =~ $2 ]] || { show; fail "header $1 does not match $2"; }
}
expect_body() { # jq filter that must be true
    [ "$(printf '%s' "$body" | jq "$1" 2>&1)" = true ] || { show; fail "not true of the body: $1"; }
}
administer() { "$BIN/mercredi-fcgi" "$@" --config "$STATE/mercredi.conf"; }
log_rows() { sqlite3 "$STATE/predictions.db" "$1"; }

# Predict without pause until $BATS_TEST_TMPDIR/enough exists; a line per request: status and version. Two clients.
load_begin() {
    as_demo
    rm -f "$BATS_TEST_TMPDIR/enough"
    local client
    for client in 1 2; do
        (
            while [ ! -e "$BATS_TEST_TMPDIR/enough" ]; do
                curl -s --noproxy '*' --max-time 20 -o "$BATS_TEST_TMPDIR/load.$client" -w '%{http_code} ' \
                    -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$film" "$URL/predict"
                jq -r '.model.version // "none"' "$BATS_TEST_TMPDIR/load.$client"
            done >"$BATS_TEST_TMPDIR/answers.$client" 2>&1
        ) 3>&- &
        eval "client$client=\$!"
    done
}
load_end() { # → $answers
    touch "$BATS_TEST_TMPDIR/enough"
    # shellcheck disable=SC2154 # set by eval above
    wait "$client1" "$client2"
    answers=$(cat "$BATS_TEST_TMPDIR"/answers.*)
    [ -n "$answers" ]
}
all_answered() {
    if grep -qv '^200 ' <<<"$answers"; then
        fail "of $(wc -l <<<"$answers") requests: $(cut -d' ' -f1 <<<"$answers" | sort | uniq -c | tr '\n' ' ')"
    fi
}
until_workers() { # count: wait until that many are there
    local i
    for ((i = 0; i < 100; i++)); do
        if [ "$(processes_named mrc-worker | wc -l)" -ge "$1" ]; then return 0; fi
        sleep 0.1
    done
    fail "only $(processes_named mrc-worker | wc -l) workers"
}

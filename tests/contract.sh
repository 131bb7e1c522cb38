#!/bin/sh
# Does the server answer what its OpenAPI document says, whatever it is sent? schemathesis makes the requests: as a user,
# as an administrator, and without a token. Do clients that others wrote work: one that openapi-python-client generates
# from the document, and one written for FastAPI?
# Last line: "N passed, N failed[, N skipped]". BIN: programs; MERCREDI_PY: Python that has schemathesis.
cd "$(dirname "$0")/.." || exit 1
if [ -z "$MERCREDI_PY" ]; then
    echo "SKIP: contract: no Python with schemathesis"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-contract.XXXXXX") || exit 1
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0
verdict() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
    exit
}
case_of() { # name, command…
    name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        cat "$dir/out"
        grep -E 'lvl=error' "$dir/server.log" | head -n 20
    fi
}
port=$((20000 + $$ % 12000))
while curl -s -o /dev/null --noproxy '*' "http://127.0.0.1:$port/"; [ $? != 7 ]; do port=$((port + 1)); done
PORT=$port HOST=127.0.0.1 FRONT=lighttpd STATE=$dir/state sh deploy/run.sh >"$dir/server.log" 2>&1 &
server=$!
i=0
until [ -s "$dir/state/demo.env" ]; do
    i=$((i + 1))
    if [ $i -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
        cat "$dir/server.log"
        failed=1
        verdict
    fi
    sleep 0.1
done
. "$dir/state/demo.env"
BIN=${BIN:-build/release}
printf 'an administrator of tests\n' | "$BIN/mercredi-fcgi" user add contract --scopes "predict outcome monitor admin" \
    --password-stdin --config "$dir/state/mercredi.conf" || failed=$((failed + 1))
token_of() { # user, password; nothing when the answer has no token
    curl -s --noproxy '*' "$URL/token" --data-urlencode "username=$1" --data-urlencode "password=$2" |
        sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'
}
user_token=$(token_of "$MERCREDI_USER" "$MERCREDI_PASSWORD")
admin_token=$(token_of contract 'an administrator of tests')
case_of "both users log in" test -n "$user_token" -a -n "$admin_token"

# Run where its caches and reports may lie; the same requests every time. One worker: Python 3.11's parser, which the
# generator calls, counts its recursion over all threads and gives up. All checks are on unless one is taken away.
contract() { # examples, [option…]
    examples=$1
    shift
    (cd "$dir" && NO_COLOR=1 "$MERCREDI_PY" -c 'from schemathesis.cli import schemathesis; schemathesis()' run \
        "$URL/openapi.json" --max-examples "$examples" --workers 1 --seed 1 --checks all --suppress-health-check too_slow "$@")
}
case_of "contract with a user's token" contract 25 -H "Authorization: Bearer $user_token"
case_of "contract without a token" contract 10
# A client that is generated, and one that knows nothing of us.
tool=$(dirname "$MERCREDI_PY")/openapi-python-client
if [ -x "$tool" ]; then
    generated() {
        curl -s --noproxy '*' "$URL/openapi.json" -o "$dir/openapi.json" &&
            (cd "$dir" && "$tool" generate --path openapi.json --output-path generated --meta none >generate.out 2>&1) &&
            ! grep -E '^(WARNING|ERROR)|will not be generated|Unable to' "$dir/generate.out" &&
            PYTHONPATH=$dir MERCREDI_PASSWORD=$MERCREDI_PASSWORD "$MERCREDI_PY" tests/client_generated.py "$URL" \
                "$MERCREDI_USER"
    }
    case_of "a generated client logs in and predicts" generated
else
    echo "SKIP: generated client: no openapi-python-client"
    skipped=$((skipped + 1))
fi
if "$MERCREDI_PY" -c 'import requests' 2>/dev/null; then
    case_of "a client written for FastAPI" env MERCREDI_PASSWORD="$MERCREDI_PASSWORD" "$MERCREDI_PY" \
        tests/client_requests.py "$URL" "$MERCREDI_USER"
else
    echo "SKIP: client written for FastAPI: no requests"
    skipped=$((skipped + 1))
fi

# One that changes accounts and the version that serves, so it comes last.
case_of "contract with an administrator's token" contract 10 -H "Authorization: Bearer $admin_token"
verdict

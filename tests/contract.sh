#!/bin/sh
# Does the server answer what its OpenAPI document says, whatever it is sent? schemathesis makes the requests.
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
verdict() { echo "$1"; [ "$1" = "1 passed, 0 failed" ]; exit; }
port=$((20000 + $$ % 12000))
while curl -s -o /dev/null --noproxy '*' "http://127.0.0.1:$port/"; [ $? != 7 ]; do port=$((port + 1)); done
PORT=$port HOST=127.0.0.1 FRONT=lighttpd STATE=$dir/state sh deploy/run.sh >"$dir/server.log" 2>&1 &
server=$!
i=0
until [ -s "$dir/state/demo.env" ]; do
    i=$((i + 1))
    if [ $i -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
        cat "$dir/server.log"
        verdict "0 passed, 1 failed"
    fi
    sleep 0.1
done
. "$dir/state/demo.env"
token=$(curl -s --noproxy '*' "$URL/token" -d "username=$MERCREDI_USER" -d "password=$MERCREDI_PASSWORD" |
    sed 's/.*"access_token":"\([^"]*\)".*/\1/')
# Run where its caches and reports may lie; the same requests every time.
if (cd "$dir" && NO_COLOR=1 "$MERCREDI_PY" -c 'from schemathesis.cli import schemathesis; schemathesis()' run \
    "$URL/openapi.json" -H "Authorization: Bearer $token" --max-examples 25 --workers 2 --seed 1) >"$dir/out" 2>&1; then
    verdict "1 passed, 0 failed"
fi
cat "$dir/out"
grep -E 'lvl=(warn|error)' "$dir/server.log" | head -n 20
verdict "0 passed, 1 failed"

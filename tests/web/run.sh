#!/bin/sh
# Pages in node and in headless Chromium against a server of its own on a free port.
# Last line: "N passed, N failed, N skipped". Needs node, and for the browser part npm modules and chromium.
cd "$(dirname "$0")/../.." || exit 1
root=$(pwd)
modules=${WEB_MODULES:-$root/build/web}
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
passed=0 failed=0 skipped=0
done_line() { echo "$passed passed, $failed failed, $skipped skipped"; [ "$failed" = 0 ]; exit; }
skip() { echo "SKIP: $1"; skipped=$((skipped + 1)); done_line; }

command -v node >/dev/null 2>&1 || skip "pages: no node"
out=$(node --test --test-reporter=tap tests/web/ 2>&1)
echo "$out" | grep -E '^(not )?ok ' | sed 's/^/    /'
passed=$(echo "$out" | sed -n 's/^# pass //p')
failed=$(echo "$out" | sed -n 's/^# fail //p')
[ "$failed" = 0 ] || echo "$out"
[ -n "$chromium" ] || skip "browser: no chromium"
[ -d "$modules/node_modules/playwright-core" ] || skip "browser: no playwright-core in $modules (make web-modules)"

state=$(mktemp -d)
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
setsid make -s run PORT="$port" STATE="$state" WWW_MODULES="$modules" >"$state/run.log" 2>&1 </dev/null &
server=$!
stop() { kill -TERM "$server" 2>/dev/null; wait "$server" 2>/dev/null; [ -n "$KEEP" ] || rm -rf "$state"; }
trap stop EXIT INT TERM
i=0
while [ ! -s "$state/demo.env" ]; do
    i=$((i + 1))
    if [ $i -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
        tail -30 "$state/run.log"
        failed=$((failed + 1)); echo "not ok - the server starts"; done_line
    fi
    sleep 0.2
done
. "$state/demo.env"
export URL MERCREDI_USER MERCREDI_PASSWORD
out=$(WEB_MODULES="$modules/node_modules" CHROMIUM="$chromium" timeout 600 node tests/web/pages.mjs 2>&1)
echo "$out"
counts=$(echo "$out" | tail -1)
p=$(echo "$counts" | sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p')
f=$(echo "$counts" | sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p')
if [ -z "$p" ]; then failed=$((failed + 1)); else passed=$((passed + p)); failed=$((failed + f)); fi
done_line

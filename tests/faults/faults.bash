# What the tests of faults share: load that records each answer, the shim beneath the programs, and what must hold of the
# two: every 2xx is in the log exactly once with its version; what failed was in flight in a process that was killed.
load ../http/server

# Seconds of load of a test; FAULT_SECONDS for longer runs.
load_seconds=${FAULT_SECONDS:-8}
need_python() { command -v python3 >/dev/null 2>&1 || skip "no python3"; }
build_rate() { ${CC:-cc} -std=c11 -O2 -o "$BATS_FILE_TMPDIR/rate" "$root/tests/bench/rate.c"; }
build_shim() { # → arguments for server_start
    ${CC:-cc} -std=gnu11 -O1 -shared -fPIC -o "$BATS_FILE_TMPDIR/shim.so" "$root/tests/faults/shim.c" -ldl
    export FAULTS_DIR=$BATS_FILE_TMPDIR/faults
    mkdir -p "$FAULTS_DIR"
}
now_ms() { date +%s%3N; }

rate_begin() { # requests a second, seconds, connections; the record is $BATS_TEST_TMPDIR/record
    as_demo
    printf '%s' "$film" >"$BATS_TEST_TMPDIR/film"
    record=$BATS_TEST_TMPDIR/record
    "$BATS_FILE_TMPDIR/rate" -r "$1" -d "$2" -c "$3" -T "$BATS_FILE_TMPDIR/token" -b "$BATS_TEST_TMPDIR/film" -o "$record" \
        "$PORT" /predict >"$BATS_TEST_TMPDIR/rate" 2>&1 3>&- &
    rate_pid=$!
}
rate_end() {
    wait "$rate_pid"
    cat "$BATS_TEST_TMPDIR/rate" >&2
    answered=$(awk '$3 == 200' "$record" | wc -l)
}
count_status() { awk -v s="$1" '$3 == s' "$record" | wc -l; }

# SQL over the record (begin_ms, end_ms, status, id, version), the log (log.predictions) and events noted by note_event.
over_record() { # SQL, [database]
    {
        printf '%s\n' 'CREATE TABLE record (begin_ms INTEGER, end_ms INTEGER, status INTEGER, id TEXT, version TEXT);' \
            'CREATE TABLE event (at_ms INTEGER, name TEXT);' '.mode list' '.separator " "' ".import '$record' record"
        [ ! -s "$BATS_TEST_TMPDIR/events" ] || printf '%s\n' ".import '$BATS_TEST_TMPDIR/events' event"
        printf '%s\n' "ATTACH '${2:-$STATE/predictions.db}' AS log;" "$1"
    } | sqlite3
}
note_event() { echo "$(now_ms) $1" >>"$BATS_TEST_TMPDIR/events"; }

every_answer_is_logged() { # [database]
    local bad
    [ "$answered" -gt 0 ] || fail "nothing was answered"
    bad=$(over_record "SELECT id, version FROM record WHERE status = 200 AND (SELECT count(*) FROM log.predictions AS p
        WHERE p.id = record.id AND p.model_version = record.version) <> 1;" "$@")
    [ -z "$bad" ] || fail "answered and not in the log exactly once: $(wc -l <<<"$bad") of $answered, as $(head -n 3 <<<"$bad")"
    [ "$(over_record "SELECT count(*) - count(DISTINCT id) FROM record WHERE status = 200;" "$@")" = 0 ] || fail "an id was given twice"
}
# Each failure needs a kill of its own, between its begin and its end.
failures_belong_to_kills() {
    local failures kills
    failures=$(awk '$3 != 200 { print $1, $2, $3 }' "$record")
    kills=$(awk '$2 == "kill"' "$BATS_TEST_TMPDIR/events" | wc -l)
    echo "$kills kills, $([ -z "$failures" ] && echo 0 || wc -l <<<"$failures") failures of $(wc -l <"$record")" >&2
    [ -n "$failures" ] || return 0
    {
        awk '$2 == "kill" { print "k", $1 } $2 == "killed" { print "K", $1 }' "$BATS_TEST_TMPDIR/events"
        echo "$failures" | sed 's/^/f /'
    } | awk '
        $1 == "k" { from[++n] = $2 }
        $1 == "K" { to[n] = $2 }
        $1 == "f" {
            for (i = 1; i <= n; i++) if (!used[i] && to[i] >= $2 - 20 && from[i] <= $3 + 20) { used[i] = 1; next }
            print "request", $2, "to", $3, "status", $4, "has no kill of its own"; bad = 1
        }
        END { exit bad }' >&2
}
swap_to() { # version: makes it current; when it was, is noted before
    note_event "promote:$1"
    ln -sfn "$1" "$STATE/models/first-week/current.new" && mv -T "$STATE/models/first-week/current.new" "$STATE/models/first-week/current"
}
make_versions() { # how many copies of the current one, from 9001 on
    local models=$STATE/models/first-week old v
    old=$(readlink "$models/current")
    for ((v = 9001; v < 9001 + $1; v++)); do
        cp -R "$models/$old" "$models/$v.tmp"
        jq ".version = \"$v\"" "$models/$old/manifest.json" >"$models/$v.tmp/manifest.json"
        mv "$models/$v.tmp" "$models/$v"
    done
}
versions_follow_promotions() {
    local bad
    bad=$(over_record "SELECT version, end_ms FROM record WHERE status = 200 AND version LIKE '9%' AND
        end_ms < (SELECT min(at_ms) FROM event WHERE name = 'promote:' || record.version);")
    [ -z "$bad" ] || fail "answers name a version before its promotion: $bad"
}
# A worker killed every half second, another version every two seconds.
kill_and_swap() { # seconds
    local v=9001 i
    for ((i = 0; i < $1 * 2 - 2; i++)); do
        sleep 0.5
        kill -0 "$rate_pid" 2>/dev/null || break
        victim=$(processes_named mrc-worker | shuf -n 1)
        note_event kill
        [ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null || true
        note_event killed
        if [ $((i % 4)) = 1 ]; then
            swap_to $v
            v=$((v + 1))
        fi
    done
    swaps=$((v - 9001))
}

#!/usr/bin/env bats
# What an operator looks at: metrics over all workers, readiness, logs; the dashboard and the alerts name what there is.
load server
setup_file() {
    server_start MERCREDI_WORKERS=4 MERCREDI_MLFLOW_URL=http://127.0.0.1:9 MERCREDI_SHADOW=no-such-version
}
teardown_file() { server_stop; }

@test "metrics: Prometheus' text format, and sums over all workers" {
    as_demo
    # Whatever worker answers, the counts are everybody's.
    for _ in {1..12}; do
        post_json /predict "$film"
        expect_code 200
    done
    request GET /metrics
    expect_code 200
    expect_header Content-Type '^text/plain; version=0\.0\.4'
    printf '%s\n' "$body" >"$BATS_TEST_TMPDIR/metrics"
    n=$(sed -n 's/^mercredi_http_requests_total{method="POST",route="\/predict",code="200"} //p' "$BATS_TEST_TMPDIR/metrics")
    [ "$n" -ge 12 ]
    [ "$(sed -n 's/^mercredi_prediction_value_count //p' "$BATS_TEST_TMPDIR/metrics")" = "$n" ]
    if [ "$FRONT" != apache ]; then # which starts workers by itself
        [ "$(sed -n 's/^mercredi_workers //p' "$BATS_TEST_TMPDIR/metrics")" = 4 ]
    fi
    # Each family once: its HELP, its TYPE, then its samples; histograms add up.
    awk '
        function family(name) { sub(/\{.*/, "", name); if (type[name] == "") sub(/_(bucket|sum|count)$/, "", name); return name }
        /^# HELP / { if (seen[$3]++) { print "twice: " $3; bad = 1 } help[$3] = 1; now = $3; next }
        /^# TYPE / { if (!help[$3] || now != $3) { print "no HELP before " $0; bad = 1 } type[$3] = $4; next }
        { f = family($1); if (f != now) { print "not under its family: " $0; bad = 1 }
          if ($1 ~ /_total(\{|$)/ && type[f] != "counter") { print "no counter: " $0; bad = 1 }
          v = $NF; if (v !~ /^[0-9.e+-]+$/) { print "no number: " $0; bad = 1 }
          if ($1 ~ /_bucket\{/) { if (f == last && v + 0 < before) { print "falls: " $0; bad = 1 } last = f; before = v + 0 }
          if ($1 ~ /_count$/ && f == last && v + 0 != before) { print "+Inf differs: " $0; bad = 1 } }
        END { exit bad }' "$BATS_TEST_TMPDIR/metrics"
}

@test "metrics: what all processes of the service take; CPU time does not fall when a worker dies" {
    [ "$FRONT" != apache ] || skip "no master above mod_fcgid's workers"
    figure() { request GET /metrics; expect_code 200; printf '%s\n' "$body" | sed -n "s/^process_$1 //p"; }
    cpu=$(figure cpu_seconds_total)
    awk -v v="$cpu" 'BEGIN { exit !(v > 0.05 && v < 600) }' || fail "cpu $cpu s"
    memory=$(figure resident_memory_bytes)
    [ "$memory" -gt 5000000 ] && [ "$memory" -lt 400000000 ] || fail "memory $memory"
    fds=$(figure open_fds)
    [ "$fds" -gt 40 ] && [ "$fds" -lt 1000 ] || fail "$fds descriptors"
    started=$(figure start_time_seconds)
    since=$(awk -v now="$(date +%s)" -v v="$started" 'BEGIN { printf "%d", now - v }')
    [ "$since" -ge 0 ] && [ "$since" -lt 900 ] || fail "started $since s ago"
    kill -KILL "$(processes_named mrc-worker | head -n 1)"
    until_workers 4
    again=$(figure cpu_seconds_total)
    awk -v a="$cpu" -v b="$again" 'BEGIN { exit !(b >= a) }' || fail "from $cpu to $again s"
    [ "$(figure start_time_seconds)" = "$started" ]
}

@test "every metric that the dashboard and the alerts name exists" {
    [ "$FRONT" != apache ] || skip "no agent beside mod_fcgid's workers: nobody follows MLflow"
    request GET /metrics
    printf '%s\n' "$body" | sed -n 's/^# TYPE \([a-z_]*\) \(.*\)/\1 \2/p' >"$BATS_TEST_TMPDIR/types"
    awk '{ print $1 } $2 == "histogram" { print $1 "_bucket"; print $1 "_sum"; print $1 "_count" }' \
        "$BATS_TEST_TMPDIR/types" | sort >"$BATS_TEST_TMPDIR/there"
    jq -e '[.panels[].targets[].expr] | length > 20' "$root/deploy/grafana.json"
    { jq -r '.panels[].targets[].expr, .templating.list[].query' "$root/deploy/grafana.json"
      cat "$root/deploy/prometheus-rules.yml"; } | grep -oE '\b(mercredi|process)_[a-z_]+' | sort -u >"$BATS_TEST_TMPDIR/named"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/named")" -ge 15 ]
    missing=$(comm -23 "$BATS_TEST_TMPDIR/named" "$BATS_TEST_TMPDIR/there")
    [ -z "$missing" ] || fail "named, but not there: $missing"
    if command -v promtool >/dev/null; then promtool check rules "$root/deploy/prometheus-rules.yml"; fi
    if python3 -c 'import yaml' 2>/dev/null; then
        python3 - "$root/deploy/prometheus-rules.yml" <<'P'
import sys, yaml
for group in yaml.safe_load(open(sys.argv[1]))["groups"]:
    for rule in group["rules"]:
        assert rule["alert"].startswith("Mercredi") and rule["expr"] and rule["annotations"]["summary"], rule
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule
P
    fi
}

@test "readyz: short, verbose, and with checks left out" {
    request GET /readyz
    expect_code 200
    [ "$body" = ok ]
    request GET '/readyz?verbose'
    expect_code 200
    for check in model state log; do grep -qF "[+]$check ok" <<<"$body"; done
    grep -qF 'readyz check passed' <<<"$body"
    request GET '/readyz?verbose&exclude=log&exclude=model'
    grep -qF '[+]log excluded: ok' <<<"$body"
    grep -qF '[+]model excluded: ok' <<<"$body"
    grep -qF '[+]state ok' <<<"$body"
    if grep -qE '/|sqlite|postgres' <<<"${body//readyz/}"; then fail "a path in the answer"; fi
}

@test "logs: logfmt with the request id; no value of a film, no token, no password, no key" {
    as_demo
    secret=$(administer key add "$MERCREDI_USER" --scopes predict --label probe | grep -o 'mrc_[0-9a-f_]*')
    id=observe-$RANDOM$RANDOM
    post_json /predict '{"title":"Xylophone Zébré","release_date":"2027-03-17","budget":7654321}' -H "X-Request-Id: $id"
    expect_code 200
    token=$secret
    post_json /predict '{"title":"Xylophone Zébré","release_date":"2027-03-17","budget":"Quetzalcoatl"}' -H "X-Request-Id: $id-2"
    expect_code 422
    request POST /token -d username="$MERCREDI_USER" -d 'password=wrong-Ornithorhynque'
    expect_code 401
    request GET "/predictions?limit=Kakemono" -H "Authorization: Bearer $token"
    request GET /livez -H 'X-Request-Id: a b' -H 'User-Agent: x msg=forged' -H 'Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    expect_header traceresponse '^00-0af7651916cd43dd8448eb211c80319c-'
    sleep 0.5
    log=$STATE/server.log
    grep -q "msg=request req=$id method=POST route=/predict status=200 us=[0-9]* user=[0-9a-f-]* version=[^ ]* trace=\"\"" "$log" ||
        { grep "req=$id" "$log" >&2; fail "no access line as documented"; }
    grep -q "req=$id-2 .*status=422" "$log"
    grep -q 'trace=0af7651916cd43dd8448eb211c80319c' "$log"
    for text in Xylophone 7654321 Quetzalcoatl Ornithorhynque Kakemono forged "$secret" "${secret##*_}" \
        "$(cat "$BATS_FILE_TMPDIR/token")" "$(head -n 1 "$STATE/token.key")"; do
        if grep -vE 'Password:|demo.env' "$log" | grep -qF -e "$text"; then fail "in the log: $text"; fi
    done
    # every line of ours is logfmt: key=value with blanks quoted
    grep -E '^ts=' "$log" >"$BATS_TEST_TMPDIR/lines"
    if grep -vE '^ts=[0-9TZ:.-]+ lvl=(error|warn|info|debug) prog=[a-z-]+ pid=[0-9]+ msg=("([^"\\]|\\.)*"|[^" =]+)( [a-z_0-9]+=("([^"\\]|\\.)*"|[^" =]*))*$' \
        "$BATS_TEST_TMPDIR/lines" | head -n 3 | grep . >&2; then fail "not logfmt"; fi
}

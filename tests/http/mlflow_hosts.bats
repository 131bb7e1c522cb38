#!/usr/bin/env bats
# Two hosts, each with its own folders, on one PostgreSQL and one MLflow: both follow the alias; what must be done once is
# done by one of them; when it dies, the other goes on. Skips, saying so, without MLflow's Python or PostgreSQL.
bats_require_minimum_version 1.5.0
load server
load mlflow
load postgres
model=first-week

host_start() { # name, more settings: one user in the common database, so one password
    mkdir -p "$BATS_FILE_TMPDIR/$1"
    local started=
    host "$1"
    [ -s "$STATE/demo.password" ] || printf the-same-on-both-hosts >"$STATE/demo.password"
    rm -f "$STATE/demo.env" # of one that was killed
    PORT=$(free_port) server_start MERCREDI_WORKERS=2 MERCREDI_MLFLOW_URL="$MLFLOW_URL" MERCREDI_MLFLOW_TRACK=1s \
        MERCREDI_MLFLOW_TIMEOUT=4s MERCREDI_REFRESH_FILE="$BATS_FILE_TMPDIR/refresh.csv" MERCREDI_REFRESH_CHECK=1s \
        "${@:2}" || started=failed
    [ -z "$started" ]
}
login_everywhere() { # who starts sets the user's password anew, which ends all tokens
    local h
    for h in a b; do
        host "$h"
        login
        printf '%s' "$token" >"$STATE/token"
    done
}

setup_file() {
    none=$(mlflow_none)
    [ -n "$none" ] || pg_server || none="no PostgreSQL here"
    export none
    [ -z "$none" ] || return 0
    mlflow_start
    quick_bundles 8001 8002
    host_start a
    host_start b
    login_everywhere
}
teardown_file() {
    [ -z "$none" ] || return 0
    local h
    for h in a b; do
        host "$h"
        server_stop
    done
    mlflow_stop
    pg_server_end
}
setup() { [ -z "$none" ] || skip "$none"; }

publish() { # bundle, more arguments → $version
    version=$("$BIN/mercredi-train" publish "$1" --mlflow "$MLFLOW_URL" --quiet "${@:2}" | jq -r .version)
}
served() { # by the present host
    post_json /predict "$film"
    expect_code 200
    member .model.version
}
until_both_serve() { # version: at most 10 s for both
    local i h
    for ((i = 0; i < 100; i++)); do
        for h in a b; do
            host "$h"
            [ "$(served)" = "$1" ] || break
            [ "$h" != b ] || return 0
        done
        sleep 0.1
    done
    fail "after 10 s host $h answers by $(served), not $1"
}
# Give part of the log another day: each id and its time, as if it had been so. condition, days back
age() {
    rows "UPDATE predictions SET time_ms = time_ms - 86400000::bigint * ($2), id = (SELECT substr(h, 1, 8) || '-' ||
        substr(h, 9, 4) || substr(predictions.id, 14) FROM (SELECT lpad(to_hex(time_ms - 86400000::bigint * ($2)), 12, '0')
        AS h) AS x) WHERE $1"
}
run_of_predictions() { # version → $run_id, "" without one; $reply
    mlflow GET "experiments/get-by-name?experiment_name=$model-predictions"
    mlflow POST runs/search "{\"experiment_ids\": [\"$(jq -r '.experiment.experiment_id // "none"' <<<"$reply")\"],
        \"filter\": \"tags.model_version = '$1'\"}"
    run_id=$(jq -r '.runs[0].info.run_id // empty' <<<"$reply")
}
until_shipped() { # version, day, seconds
    local i
    for ((i = 0; i < $3 * 5; i++)); do
        run_of_predictions "$1"
        [ "$(jq -r '.runs[0].data.tags[]? | select(.key == "shipped_through").value' <<<"$reply")" != "$2" ] || return 0
        sleep 0.2
    done
    fail "after $3 s the days through $2 are not in MLflow: $reply"
}
counts() { # version → predictions of each day in MLflow
    run_of_predictions "$1"
    [ "$(jq '.runs | length' <<<"$reply")" = 1 ] || fail "$reply"
    mlflow GET "metrics/get-history?run_id=$run_id&metric_key=predictions%2Fcount"
    jq -r '[.metrics | sort_by(.step)[] | .value] | map(tostring) | join(" ")' <<<"$reply"
}
in_the_log() { # version → the same from the database, of closed days
    rows "SELECT string_agg(n::text, ' ' ORDER BY day) FROM (SELECT time_ms / 86400000 AS day, count(*) AS n
        FROM predictions WHERE model_version = '$1' AND time_ms < extract(epoch FROM date_trunc('day',
        now() AT TIME ZONE 'UTC')) * 1000 GROUP BY 1) AS x"
}
registered() { # version → lines "number digest" in MLflow
    mlflow GET "model-versions/search?filter=name%3D%27$model%27"
    jq -r --arg v "$1" '.model_versions[]? | select(.tags[]? | .key == "bundle_version" and .value == $v) |
        [.version, (.tags[] | select(.key == "bundle_sha256").value)] | join(" ")' <<<"$reply"
}
day_ago() { date -u -d "$1 days ago" +%F; }
logged() { cat "$BATS_FILE_TMPDIR"/[ab]/server.log | grep -c "$1" || true; }

@test "a move of the alias reaches both hosts within 10 s under load, and back; no request fails" {
    publish "$bundles/8001"
    one=$version
    publish "$bundles/8002"
    two=$version
    for h in a b; do
        host "$h"
        (
            while [ ! -e "$BATS_TEST_TMPDIR/enough" ] && kill -0 "$SERVER"; do
                curl -s --noproxy '*' --max-time 20 -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $token" \
                    -H 'Content-Type: application/json' -d "$film" "$URL/predict"
            done >"$BATS_TEST_TMPDIR/codes.$h"
        ) 3>&- &
    done
    alias_to "$one"
    until_both_serve 8001
    alias_to "$two"
    until_both_serve 8002
    alias_to "$one"
    until_both_serve 8001
    touch "$BATS_TEST_TMPDIR/enough"
    wait
    [ "$(wc -l <"$BATS_TEST_TMPDIR/codes.a")" -gt 10 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/codes.b")" -gt 10 ]
    [ "$(cat "$BATS_TEST_TMPDIR"/codes.? | sort -u)" = 200 ]
}

@test "a promotion on one host is served by both" {
    publish "$bundles/8002" # its folder is on both hosts by now
    host a
    MERCREDI_MLFLOW_URL=$MLFLOW_URL administer model use 8002
    until_both_serve 8002
    [ "$(alias_now)" = "$version" ]
    host b
    MERCREDI_MLFLOW_URL=$MLFLOW_URL administer model use 8001
    until_both_serve 8001
}

@test "a version that MLflow does not have, promoted on both hosts at once, is published once" {
    kill -STOP -- "-$(cat "$MLFLOW_STATE/pid")" # both shall find it missing
    for h in a b; do
        host "$h"
        MERCREDI_MLFLOW_URL=$MLFLOW_URL administer model use 0001
    done
    sleep 3.5 # a round of each
    kill -CONT -- "-$(cat "$MLFLOW_STATE/pid")"
    until_both_serve 0001
    for ((i = 0; i < 200; i++)); do
        [ ! -e "$BATS_FILE_TMPDIR/a/mlflow.promote" ] && [ ! -e "$BATS_FILE_TMPDIR/b/mlflow.promote" ] && break
        sleep 0.1
    done
    [ "$(registered 0001 | wc -l)" = 1 ] || fail "$(registered 0001)"
    read -r number digest <<<"$(registered 0001)"
    [ "$(alias_now)" = "$number" ]
    mlflow GET "experiments/get-by-name?experiment_name=$model"
    mlflow POST runs/search "{\"experiment_ids\": [\"$(jq -r .experiment.experiment_id <<<"$reply")\"],
        \"filter\": \"tags.bundle_sha256 = '$digest'\"}"
    [ "$(jq '.runs | length' <<<"$reply")" = 1 ]
    host a
    MERCREDI_MLFLOW_URL=$MLFLOW_URL administer model use 8001
    until_both_serve 8001
}

@test "days of both hosts are shipped once, whole, by whichever host takes the lease" {
    for h in a b; do
        host "$h"
        for _ in {1..20}; do [ "$(served)" = 8001 ]; done
    done
    rows "CREATE TABLE old AS SELECT id, 3 + row_number() OVER (ORDER BY id) % 7 AS d FROM predictions
        WHERE model_version = '8001'"
    age "model_version = '8001'" "(SELECT d FROM old WHERE old.id = predictions.id)"
    rows "DROP TABLE old"
    until_shipped 8001 "$(day_ago 3)" 60
    expected=$(in_the_log 8001)
    [ "$(wc -w <<<"$expected")" = 7 ]
    [ "$(counts 8001)" = "$expected" ] || fail "MLflow: $(counts 8001), log: $expected"
    sleep 3 # rounds of both agents
    [ "$(counts 8001)" = "$expected" ]
    [ "$(logged 'day of predictions is in MLflow.*8001')" = 7 ] || fail "$(logged 'day of predictions is in MLflow.*8001')"
}

# A private version that knows the films up to 2023, and the later films.
private_version() {
    [ ! -d "$bundles/8100" ] || return 0
    "$BIN/mercredi-train" fit --schema "$root/data/schema.json" --data "$root/data/sample.csv" --quiet --kind private \
        --until 2023-06-30 --params "$BATS_FILE_TMPDIR/few.json" --out "$bundles/8100" >/dev/null
}
films_until() { # date: give both hosts a file with the films from then on
    awk -F, -v until="$1" 'NR == 1 || ($4 > "2023-06-30" && $4 <= until)' "$root/data/sample.csv" \
        >"$BATS_FILE_TMPDIR/refresh.tmp"
    mv "$BATS_FILE_TMPDIR/refresh.tmp" "$BATS_FILE_TMPDIR/refresh.csv"
}
week_of() { # date: name of the version with films up to then
    local newest
    newest=$(cut -d, -f4 "$BATS_FILE_TMPDIR/refresh.csv" | tail -n +2 | sort | tail -n 1)
    echo "8100-$(date -d "$newest" +%Gw%V)"
}

@test "newer films make one new version of all hosts', in MLflow and by its alias on both" {
    private_version
    publish "$bundles/8100"
    alias_to "$version"
    until_both_serve 8100
    films_until 2023-09-30
    new=$(week_of)
    until_both_serve "$new"
    [ "$(registered "$new" | wc -l)" = 1 ]
    [ "$(logged 'msg="version refreshed"')" = 1 ]
    read -r number digest <<<"$(registered "$new")"
    [ "$(alias_now)" = "$number" ]
    for h in a b; do
        host "$h"
        [ "$(sha256sum <"$STATE/models/$model/$new/manifest.json" | cut -d' ' -f1)" = "$digest" ]
        post_json /predict "$film"
        expect_body '.histories_as_of > "2023-09-01"'
    done
    [ "$(jq -r .data.refreshed_with "$STATE/models/$model/$new/manifest.json")" = \
        "$(sha256sum <"$BATS_FILE_TMPDIR/refresh.csv" | cut -d' ' -f1)" ]
    # the same trees, newer tables
    cmp "$bundles/8100/model.cbm" "$STATE/models/$model/$new/model.cbm"
    # the same file again, and agents that start anew: nothing
    touch "$BATS_FILE_TMPDIR/refresh.csv"
    for h in a b; do
        host "$h"
        kill -TERM $(processes_named mrc-agent)
    done
    sleep 5
    [ "$(logged 'msg="version refreshed"')" = 1 ]
    [ "$(served)" = "$new" ]
}

@test "corrected figures make another version of the week; a wrong file makes none, and says where it is wrong" {
    host a
    before=$(served)
    sed -i '$s/,\([0-9]*\),train,1$/,1\1,train,1/' "$BATS_FILE_TMPDIR/refresh.csv"
    until_both_serve "$before.2"
    [ "$(registered "$before.2" | wc -l)" = 1 ]
    films_until 2023-12-31
    sed -i '3s/^[^,]*/&,&/' "$BATS_FILE_TMPDIR/refresh.csv" # a cell too many
    for ((i = 0; i < 100; i++)); do
        [ "$(logged 'alert: the version is not refreshed.*refresh.csv:3')" = 0 ] || break
        sleep 0.1
    done
    [ "$(logged 'alert: the version is not refreshed.*refresh.csv:3')" -gt 0 ]
    [ "$(served)" = "$before.2" ]
}

@test "a host that dies between publishing and the alias: the other ends its work, with one version" {
    host a
    before=$(served)
    kill -STOP -- "-$(cat "$MLFLOW_STATE/pid")"
    films_until 2023-12-31
    new=$(week_of)
    dead=
    for ((i = 0; i < 300; i++)); do # until its version is made: it then waits for MLflow
        for h in a b; do
            host "$h"
            if [ -e "$STATE/models/$model/$new" ]; then
                # shellcheck disable=SC2046 # the whole host at once
                kill -KILL $(server_processes)
                dead=$h
                break 2
            fi
        done
        sleep 0.05
    done
    [ -n "$dead" ]
    digest=$(sha256sum <"$STATE/models/$model/$new/manifest.json" | cut -d' ' -f1)
    kill -CONT -- "-$(cat "$MLFLOW_STATE/pid")"
    [ -n "$(rows "SELECT holder FROM job WHERE name = 'refresh'")" ]
    rows "UPDATE job SET lease_until_ms = 0 WHERE name = 'refresh'" # as if the minutes of the lease were over
    host "$([ "$dead" = a ] && echo b || echo a)"
    for ((i = 0; i < 300; i++)); do
        [ "$(served)" != "$new" ] || break
        sleep 0.1
    done
    [ "$(served)" = "$new" ]
    read -r number made <<<"$(registered "$new")"
    [ "$(registered "$new" | wc -l)" = 1 ]
    [ "$made" = "$digest" ] # bit for bit what the dead host had made
    [ "$(alias_now)" = "$number" ]
    host_start "$dead"
    login_everywhere
    until_both_serve "$new"
    sleep 3
    [ "$(registered "$new" | wc -l)" = 1 ]
}

@test "the death of the host that ships hands the lease over; nothing is lost or doubled" {
    publish "$bundles/8001"
    alias_to "$version"
    until_both_serve 8001
    for h in a b; do
        host "$h"
        for _ in {1..10}; do [ "$(served)" = 8001 ]; done
    done
    before=$(logged 'day of predictions is in MLflow.*8001')
    kill -STOP -- "-$(cat "$MLFLOW_STATE/pid")" # hangs: the call that is under way waits, and its host holds the lease
    age "model_version = '8001' AND time_ms >= extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC')) * 1000" 2
    dead=
    for ((i = 0; i < 300; i++)); do
        holder=$(rows "SELECT holder FROM job WHERE name = 'mlflow_tracking'")
        for h in a b; do
            host "$h"
            agent=$(processes_named mrc-agent)
            if [ -n "$agent" ] && [[ $holder == *:"$agent" ]]; then
                kill -STOP "$agent" # does it still hold it, or was it just giving it back?
                if [ "$(rows "SELECT holder FROM job WHERE name = 'mlflow_tracking'")" = "$holder" ]; then
                    # shellcheck disable=SC2046 # the whole host at once
                    kill -KILL $(server_processes)
                    dead=$h
                    break 2
                fi
                kill -CONT "$agent"
            fi
        done
        sleep 0.05
    done
    [ -n "$dead" ]
    kill -CONT -- "-$(cat "$MLFLOW_STATE/pid")"
    [ "$(rows "SELECT holder FROM job WHERE name = 'mlflow_tracking'")" = "$holder" ] # died holding it
    until_shipped 8001 "$(day_ago 2)" 90
    [ "$(counts 8001)" = "$(in_the_log 8001)" ] || fail "MLflow: $(counts 8001), log: $(in_the_log 8001)"
    [ "$(wc -w <<<"$(counts 8001)")" = 8 ]
    other=$([ "$dead" = a ] && echo b || echo a)
    [ "$(logged 'day of predictions is in MLflow.*8001')" = "$((before + 1))" ]
    host "$other"
    [ "$(served)" = 8001 ]
    # and is there again
    host_start "$dead"
    login_everywhere
    until_both_serve 8001
    sleep 3
    [ "$(counts 8001)" = "$(in_the_log 8001)" ]
}

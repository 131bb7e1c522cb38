#!/usr/bin/env bats
# What goes wrong between a real MLflow server and ours: half an upload, deleted experiments, clocks that differ, names,
# a full disk, files that are not what they should be; and what becomes of forecasts when first weeks are reported. Skips
# as mlflow.bats does. BIG_MB (64): size of the file that is too large.
bats_require_minimum_version 1.5.0
load server
load mlflow
model=first-week

setup_file() {
    none=$(mlflow_none)
    export none
    [ -z "$none" ] || return 0
    mlflow_start
    quick_bundles 8001 8002 8003 8004 8005
    # The server speaks to MLflow through a proxy that can tell another time.
    export AHEAD_FILE=$BATS_FILE_TMPDIR/ahead
    echo 0 >"$AHEAD_FILE"
    "$MLFLOW" "$root/tests/http/killing_proxy.py" "$MLFLOW_URL" 0 none "$BATS_FILE_TMPDIR/proxy.port" \
        >"$BATS_FILE_TMPDIR/proxy.log" 2>&1 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/proxy.pid"
    until [ -s "$BATS_FILE_TMPDIR/proxy.port" ]; do sleep 0.05; done
    proxied
}
teardown_file() {
    [ -z "$none" ] || return 0
    present_server
    server_stop
    kill "$(cat "$BATS_FILE_TMPDIR/proxy.pid")" 2>/dev/null || true
    mlflow_stop
}
setup() {
    [ -z "$none" ] || skip "$none"
    present_server
}
proxied() { # more NAME=VALUE: the server anew, with these
    server_stop
    SERVER='' PORT='' server_start MERCREDI_WORKERS=2 MERCREDI_MLFLOW_URL="http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/proxy.port")" \
        MERCREDI_MLFLOW_TRACK=1s MERCREDI_MLFLOW_POLL=500ms MERCREDI_MLFLOW_KEEP=2 "$@"
    rm -f "$BATS_FILE_TMPDIR/token"
    printf 'export SERVER=%s PORT=%s URL=%s\n' "$SERVER" "$PORT" "$URL" >"$BATS_FILE_TMPDIR/session"
}
present_server() { # which another test may have started
    # shellcheck disable=SC1091 # written above
    [ ! -s "$BATS_FILE_TMPDIR/session" ] || . "$BATS_FILE_TMPDIR/session"
}
# Give what is in the log for today another day: each id and its time, as if it had been so. days back
age() {
    log_rows "UPDATE predictions SET time_ms = time_ms - 86400000 * $1, id = printf('%08x-%04x',
        (time_ms - 86400000 * $1) >> 16, (time_ms - 86400000 * $1) & 65535) || substr(id, 14)
        WHERE time_ms >= strftime('%s', 'now', 'start of day') * 1000"
}
find_experiment() { # → $experiment $stage
    mlflow GET "experiments/get-by-name?experiment_name=$model-predictions"
    experiment=$(jq -r '.experiment.experiment_id // "none"' <<<"$reply")
    stage=$(jq -r .experiment.lifecycle_stage <<<"$reply")
}
run_of() { # version → its run of predictions, "" without one
    find_experiment
    mlflow POST runs/search "{\"experiment_ids\": [\"$experiment\"], \"filter\": \"tags.model_version = '$1'\"}"
    jq -r '.runs[0].info.run_id // empty' <<<"$reply"
}
history_of() { # run, figure → its values, in order
    mlflow GET "metrics/get-history?run_id=$1&metric_key=$(jq -rn --arg k "$2" '$k | @uri')"
    jq -r '[.metrics // [] | sort_by(.step)[] | .value] | map(tostring) | join(" ")' <<<"$reply"
}
days_in_mlflow() { # version → counts of its days, in order
    local run
    run=$(run_of "$1")
    [ -z "$run" ] || history_of "$run" predictions/count
}
until_days() { # version, counts
    local i
    for ((i = 0; i < 150; i++)); do
        [ "$(days_in_mlflow "$1")" != "$2" ] || return 0
        sleep 0.1
    done
    fail "after 15 s: $(days_in_mlflow "$1"), not $2"
}

@test "publish killed in the middle of a file: MLflow keeps half or nothing, and the next publish makes it whole" {
    through_proxy 0 half-0
    [ "$status" = 0 ] || fail "$(cat "$BATS_TEST_TMPDIR/err")"
    cp "$BATS_TEST_TMPDIR/requests" "$BATS_TEST_TMPDIR/sequence"
    for file in model.cbm similar.json manifest.json plots/ahead.svg; do
        n=$(awk -v f="/$file" '$2 == "PUT" && substr($3, length($3) - length(f) + 1) == f {print $1; exit}' "$BATS_TEST_TMPDIR/sequence")
        [ -n "$n" ] || fail "no $file is sent: $(cat "$BATS_TEST_TMPDIR/sequence")"
        through_proxy "half:$n" "half-$n"
        [ "$status" = 137 ] || fail "at $n: status $status, $(cat "$BATS_TEST_TMPDIR/err")"
        [ -z "$(versions_of "half-$n")" ]
        publish "$bundles/8001" --name "half-$n" --alias champion
        [ "$(versions_of "half-$n" | wc -l)" = 1 ]
        same_files "half-$n" "$version" "$bundles/8001"
    done
}

@test "an experiment that was deleted is restored with its runs, and the new run is in it" {
    publish "$bundles/8001" --name deleted
    first=$run_id
    mlflow GET "experiments/get-by-name?experiment_name=deleted"
    id=$(jq -r .experiment.experiment_id <<<"$reply")
    mlflow POST experiments/delete "{\"experiment_id\": \"$id\"}"
    publish "$bundles/8002" --name deleted
    mlflow GET "experiments/get-by-name?experiment_name=deleted"
    [ "$(jq -r .experiment.lifecycle_stage <<<"$reply")" = active ]
    [ "$(jq -r .experiment.experiment_id <<<"$reply")" = "$id" ]
    mlflow POST runs/search "{\"experiment_ids\": [\"$id\"]}"
    jq -e --arg a "$first" --arg b "$run_id" '[.runs[].info.run_id] | sort == ([$a, $b] | sort)' <<<"$reply"
    [ "$(versions_of deleted | wc -l)" = 2 ]
}

@test "models' names: accents and blanks are followed; a slash is refused by 3.x, with the reason" {
    name="Première semaine"
    publish "$bundles/8003" --name "$name" --alias champion
    proxied MERCREDI_MLFLOW_MODEL="$name"
    until_served 8003
    until_registry "mlflow ok, version $version there, here 8003"
    proxied
    run --separate-stderr "$BIN/mercredi-train" publish "$bundles/8003" --mlflow "$MLFLOW_URL" --name films/semaine --quiet
    if [ "$mlflow_major" -ge 3 ]; then
        [ "$status" != 0 ]
        [[ $stderr == *"no '/' or ':'"* ]] || fail "$stderr"
    else
        [ "$status" = 0 ] || fail "$stderr"
    fi
    run --separate-stderr "$BIN/mercredi-train" publish "$bundles/8003" --mlflow "$MLFLOW_URL" --name "l'été" --quiet
    [ "$status" = 65 ] || [ "$status" = 64 ] || fail "$status $stderr"
    [[ $stderr == *"without quotes"* ]] || fail "$stderr"
}

here() { (cd "$STATE/models/first-week" && echo [0-9]*); } # all versions
shipped() { (cd "$root/models/first-week" && echo [0-9]*); }

@test "of versions from MLflow the last two stay; those that came with the server stay too, also when the alias named one" {
    publish "$root/models/first-week/0001" --alias champion
    until_served 0001
    for v in 8001 8002 8003 8004; do
        publish "$bundles/$v" --alias champion
        until_served "$v"
    done
    until_registry 'mlflow ok.*here 8004'
    for ((i = 0; i < 50; i++)); do
        [ -e "$STATE/models/first-week/8002" ] || break
        sleep 0.1
    done
    [ "$(here)" = "$(shipped) 8003 8004" ] || fail "$(here)"
}

@test "a registry that counts anew: an older version of the same number is forgotten with its folder" {
    publish "$bundles/8005"
    list=$STATE/models/first-week/.mlflow.json
    jq --arg n "$version" '(.versions[] | select(.folder == "8003").mlflow_version) = $n' "$list" >"$list.new"
    mv "$list.new" "$list"
    alias_to "$version"
    until_served 8005
    for ((i = 0; i < 50; i++)); do
        [ -e "$STATE/models/first-week/8003" ] || break
        sleep 0.1
    done
    [ "$(here)" = "$(shipped) 8004 8005" ] || fail "$(here)"
    jq -e --arg n "$version" '[.versions[] | select(.mlflow_version == $n).folder] == ["8005"]' "$list"
}

@test "MLflow that comes back while the alias names a bad version: that is what is said" {
    publish "$bundles/8001"
    mlflow GET "runs/get?run_id=$run_id"
    mlflow POST model-versions/create "{\"name\": \"$model\", \"run_id\": \"$run_id\", \"source\":
        \"$(jq -r .run.info.artifact_uri <<<"$reply")/nothing\",
        \"tags\": [{\"key\": \"bundle_sha256\", \"value\": \"$(printf '%064d' 1)\"}]}"
    alias_to "$(jq -r .model_version.version <<<"$reply")"
    until_registry 'cannot be served'
    mlflow_stop
    until_registry 'does not answer'
    mlflow_launch
    until_registry 'cannot be served'
    alias_to "$version"
    until_served 8001
    until_registry 'mlflow ok'
}

@test "a file of the version is far too large: refused at the size that the manifest says, and nothing of it stays" {
    cp -R "$bundles/8005" "$BATS_TEST_TMPDIR/8006"
    jq '.version = "8006"' "$bundles/8005/manifest.json" >"$BATS_TEST_TMPDIR/8006/manifest.json"
    publish "$BATS_TEST_TMPDIR/8006"
    mlflow GET "model-versions/get-download-uri?name=$model&version=$version"
    place=$(jq -r .artifact_uri <<<"$reply")
    truncate -s "${BIG_MB:-64}M" "$BATS_TEST_TMPDIR/large"
    curl -sf --noproxy '*' -T "$BATS_TEST_TMPDIR/large" \
        "$MLFLOW_URL/api/2.0/mlflow-artifacts/artifacts/${place#mlflow-artifacts:/}/model.cbm"
    agent=$(processes_named mrc-agent)
    before=$(awk '/VmHWM/ {print $2}' "/proc/$agent/status")
    alias_to "$version"
    until_registry 'cannot be served'
    grep -q "artifact model.cbm: more than $(jq '.files["model.cbm"].bytes' "$bundles/8005/manifest.json") bytes" "$STATE/server.log"
    [ "$(processes_named mrc-agent)" = "$agent" ]
    after=$(awk '/VmHWM/ {print $2}' "/proc/$agent/status")
    [ "$((after - before))" -lt 8000 ] || fail "the agent grew by $((after - before)) kB"
    [ "$(du -sk "$STATE/models/first-week" | cut -f1)" -lt 60000 ]
    # published again, it is whole again
    publish "$BATS_TEST_TMPDIR/8006" --alias champion
    proxied
    until_served 8006
}

# Nothing can be made in a folder; root, whom rights do not hold, needs more.
close_folder() {
    if [ "$(id -u)" = 0 ]; then
        chattr +i "$1" 2>/dev/null || skip "no immutable folders here"
    else
        chmod a-w "$1"
    fi
}

open_folder() {
    if [ "$(id -u)" = 0 ]; then chattr -i "$1"; else chmod u+w "$1"; fi
}

serve_8002() {
    publish "$bundles/8002" --alias champion
    until_served 8002
}

@test "a version that cannot be stored here: said so, not blamed on MLflow; stored, it serves" {
    folder=$STATE/models/first-week
    close_folder "$folder"
    publish "$bundles/8002" --alias champion
    until_registry 'cannot be stored here' || {
        open_folder "$folder"
        fail "$(registry_line)"
    }
    as_demo
    post_json /predict "$film"
    expect_code 200
    open_folder "$folder"
    until_served 8002
    until_registry 'mlflow ok'
}

@test "tracking: its experiment deleted, it is restored; and a day waits until MLflow's clock too says that it is over" {
    serve_8002
    as_demo
    for _ in 1 2 3; do post_json /predict "$film"; done
    log_rows "DELETE FROM predictions WHERE model_version <> '8002'"
    n=$(log_rows "SELECT count(*) FROM predictions")
    [ "$n" -ge 3 ]
    age 4
    until_days 8002 "$n"
    mlflow GET "artifacts/list?run_id=$(run_of 8002)" # no setting asks for single rows
    [ "$(jq -r '[.files[].path] | join(" ")' <<<"$reply")" = "distribution drift pictures" ]
    find_experiment
    mlflow POST experiments/delete "{\"experiment_id\": \"$experiment\"}"
    find_experiment
    [ "$stage" = deleted ]
    for _ in 1 2; do post_json /predict "$film"; done
    age 3
    until_days 8002 "$n 2"
    find_experiment
    [ "$stage" = active ]
    # By MLflow's clock the day before yesterday is today.
    echo $((-2 * 86400)) >"$AHEAD_FILE"
    post_json /predict "$film"
    age 2
    for ((i = 0; i < 50; i++)); do
        ! grep -q "alert: this clock and MLflow's differ.*ahead_s=172[78]" "$STATE/server.log" || break
        sleep 0.1
    done
    grep -q "alert: this clock and MLflow's differ.*ahead_s=172[78]" "$STATE/server.log"
    sleep 3
    [ "$(days_in_mlflow 8002)" = "$n 2" ]
    echo 0 >"$AHEAD_FILE"
    until_days 8002 "$n 2 1"
    # and a clock behind MLflow's closes nothing early: today's stay
    echo $((2 * 86400)) >"$AHEAD_FILE"
    post_json /predict "$film"
    sleep 3
    [ "$(days_in_mlflow 8002)" = "$n 2 1" ]
}

@test "tracking: first weeks that are reported become the errors of the version that forecast them" {
    release=$(date -u -d "$(($(date -u -d '40 days ago' +%u) + 4)) days ago 40 days ago" +%F)
    [ "$(date -u -d "$release" +%u)" = 3 ]
    serve_8002
    as_demo
    reports=[]
    for film_of in "Premier essai:2" "Second essai:1"; do
        old=$(jq -c --arg d "$release" --arg t "${film_of%:*}" '.release_date = $d | .title = $t' <<<"$film")
        post_json /predict "$old"
        expect_code 200
        reports=$(jq -c --argjson f "$old" --argjson n "$(($(member .admissions) * ${film_of#*:}))" \
            '. + [$f + {first_week_entries: $n, source: "CNC", confirm: true}]' <<<"$reports")
    done
    age $((($(date -u +%s) - $(date -u -d "$release" +%s)) / 86400 + 5))
    for i in 0 1; do
        post_json /outcomes "$(jq -c ".[$i]" <<<"$reports")"
        expect_code 200
    done
    run_id=$(run_of 8002)
    for ((i = 0; i < 150; i++)); do
        [ -z "$(history_of "$run_id" realised/films)" ] || break
        sleep 0.1
    done
    [ "$(history_of "$run_id" realised/films)" = 2 ]
    awk -v mae="$(history_of "$run_id" realised/mae_log10)" -v bias="$(history_of "$run_id" realised/bias_log10)" \
        'BEGIN {half = log(2) / log(10) / 2; exit !((mae - half) ^ 2 < 1e-8 && (bias + half) ^ 2 < 1e-8)}'
    mlflow GET "runs/get?run_id=$run_id"
    jq -e --arg d "$release" '.run.data.tags | from_entries | .realised_through >= $d' <<<"$reply"
    sleep 3 # once only
    [ "$(history_of "$run_id" realised/films)" = 2 ]
}

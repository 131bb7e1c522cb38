#!/usr/bin/env bats
# A real MLflow server: what mercredi-train publishes, the server follows; and what happens when one of them goes wrong.
# Without a Python that has MLflow (MLFLOW_PY, or build/mlflow-venv) all of this skips, saying so. It runs under one web
# server: none of it concerns them. MLFLOW_LOAD_SECONDS (5): length of each measured load; KILL_EVERY (1).
bats_require_minimum_version 1.5.0
load server
load mlflow
model=first-week

setup_file() {
    none=$(mlflow_none)
    export none
    [ -z "$none" ] || return 0
    mlflow_start
    # Two versions that differ from the shipped one.
    quick_bundles 8001 8002
    server_start MERCREDI_WORKERS=4 MERCREDI_MLFLOW_URL="$MLFLOW_URL" MERCREDI_MLFLOW_TRACK=1s MERCREDI_MLFLOW_SAMPLE=5
}
teardown_file() {
    [ -z "$none" ] || return 0
    server_stop
    mlflow_stop
}
setup() { [ -z "$none" ] || skip "$none"; }

@test "what is served already is published: its number there is known here" {
    publish "$root/models/first-week/0002" --alias champion
    until_registry "mlflow ok, version $version there, here 0002"
    for ((i = 0; i < 50; i++)); do
        [ ! -e "$STATE/models/first-week/.mlflow.json" ] || break
        sleep 0.1
    done
    jq -e --arg v "$version" --arg r "$run_id" '.versions[0] | .folder == "0002" and .mlflow_version == $v and
        .run_id == $r and .fetched == false' "$STATE/models/first-week/.mlflow.json"
}

@test "train, publish, alias: served" {
    "$BIN/mercredi-train" fit --schema "$root/data/schema.json" --data "$root/data/sample.csv" --quiet --seed 3 \
        --params "$BATS_FILE_TMPDIR/few.json" --out "$BATS_TEST_TMPDIR/first-week/8000" --mlflow "$MLFLOW_URL" \
        --alias champion >"$BATS_TEST_TMPDIR/out"
    jq -e '.run_id and .version' <<<"$(tail -n 1 "$BATS_TEST_TMPDIR/out")"
    version=$(jq -r .version <<<"$(tail -n 1 "$BATS_TEST_TMPDIR/out")")
    until_served 8000
    until_registry "mlflow ok, version $version there, here 8000"
    run_id=$(jq -r .run_id <<<"$(tail -n 1 "$BATS_TEST_TMPDIR/out")")
    mlflow GET "runs/get?run_id=$run_id"
    [ "$(jq -r .run.info.status <<<"$reply")" = FINISHED ]
    [ "$(jq '.run.data.params | length' <<<"$reply")" -gt 20 ]
    [ "$(jq '.run.data.metrics | length' <<<"$reply")" -gt 5 ]
    [ "$(jq -r '.run.inputs.dataset_inputs[0].tags[0].value' <<<"$reply")" = training ]
    [ "$(jq -r '.run.data.tags[] | select(.key == "mlflow.source.name").value' <<<"$reply")" = mercredi-train ]
    jq -e '.run | (.data.tags | from_entries)["mlflow.user"] != "" and .info.start_time > 1e12 and
        .info.end_time > .info.start_time' <<<"$reply"
    if [ "$mlflow_major" -ge 3 ]; then
        [ "$(jq '.run.outputs.model_outputs | length' <<<"$reply")" = 1 ]
        id=$(jq -r '.run.outputs.model_outputs[0].model_id' <<<"$reply")
        mlflow GET "logged-models/$id" # its page has what the run's has
        jq -e '.model | (.data.params | length) > 20 and (.data.metrics | length) > 5 and .info.status == "LOGGED_MODEL_READY" and
            (.info.tags | from_entries | .["mlflow.source.name"] == "mercredi-train" and .["mlflow.note.content"] != null)' <<<"$reply"
        mlflow GET "runs/get?run_id=$run_id"
    fi
    # the curve, and a picture of each model
    mlflow GET "metrics/get-history?run_id=$run_id&metric_key=ahead%2Flearn_loss"
    jq -e '[.metrics | sort_by(.step)[]] | length > 3 and .[0].value > .[-1].value' <<<"$reply"
    mlflow GET "artifacts/list?run_id=$run_id&path=plots"
    [ "$(jq -r '[.files[].path] | join(" ")' <<<"$reply")" = "plots/ahead.svg plots/screens.svg" ]
    curl -s --noproxy '*' "$MLFLOW_URL/get-artifact?run_uuid=$run_id&path=plots%2Fahead.svg" |
        "$MLFLOW" -c 'import sys, xml.etree.ElementTree as e; sys.exit("svg" not in e.parse(sys.stdin).getroot().tag)'
    mlflow GET "experiments/get-by-name?experiment_name=$model"
    jq -e '.experiment.tags | from_entries | .["mlflow.experimentKind"] == "custom_model_development"' <<<"$reply"
}

@test "publishing twice leaves one run and one version" {
    publish "$bundles/8001" --name twice --experiment "été / un"
    first="$run_id $version"
    publish "$bundles/8001" --name twice --experiment "été / un" --alias challenger
    [ "$run_id $version" = "$first" ]
    [ "$(versions_of twice | wc -l)" = 1 ]
    mlflow GET "registered-models/alias?name=twice&alias=challenger"
    [ "$(jq -r .model_version.version <<<"$reply")" = "$version" ]
    jq -e '.model_version | (.description | test("Bundle .* 8001, learnt from films up to")) and .status == "READY" and
        (.tags | from_entries | .bundle_version == "8001" and .rows_train != null)' <<<"$reply"
}

@test "an alias moved in MLflow changes the answers within 10 s under load, and back; none fails" {
    publish "$bundles/8001"
    one=$version
    publish "$bundles/8002"
    two=$version
    [ "$one" != "$two" ]
    load_begin
    alias_to "$one"
    until_served 8001
    alias_to "$two"
    until_served 8002
    alias_to "$one"
    until_served 8001
    load_end
    all_answered
    [ "$(jq -r '.versions[] | select(.folder == "8001").mlflow_version' "$STATE/models/first-week/.mlflow.json")" = "$one" ]
}

@test "MLflow's own client loads what was published and predicts the same bits" {
    "$MLFLOW" -c 'import catboost' 2>/dev/null || skip "$MLFLOW has no catboost"
    publish "$root/models/first-week/0001" --alias official
    "$BIN/mercredi-train" features --data "$root/data/sample.csv" --model "$root/models/first-week/0001" --setting N \
        --out "$BATS_TEST_TMPDIR/features.csv"
    cut -d, -f2- "$BATS_TEST_TMPDIR/features.csv" >"$BATS_TEST_TMPDIR/columns.csv"
    "$BIN/mercredi-train" predict --model "$root/models/first-week/0001/model.cbm" --data "$BATS_TEST_TMPDIR/columns.csv" \
        --float hex --out "$BATS_TEST_TMPDIR/ours.csv"
    agreed=$(MLFLOW_TRACKING_URI=$MLFLOW_URL "$MLFLOW" "$root/tests/http/mlflow_client.py" "models:/$model@official" \
        "$BATS_TEST_TMPDIR/features.csv" "$BATS_TEST_TMPDIR/ours.csv" 2>"$BATS_TEST_TMPDIR/client.log") ||
        { cat "$BATS_TEST_TMPDIR/client.log" >&2; fail "$agreed rows agree"; }
    [ "$agreed" = 400 ]
}

@test "mlflow models serve and /invocations answer the same payload with the same numbers" {
    "$MLFLOW" -c 'import catboost, uvicorn' 2>/dev/null || skip "$MLFLOW has no catboost or no uvicorn"
    publish "$root/models/first-week/0001" --alias official
    alias_to "$version"
    until_served 0001
    "$BIN/mercredi-train" features --data "$root/data/sample.csv" --model "$root/models/first-week/0001" --setting N \
        --out "$BATS_TEST_TMPDIR/features.csv"
    "$MLFLOW" - "$BATS_TEST_TMPDIR/features.csv" >"$BATS_TEST_TMPDIR/payload" <<'P'
import csv, json, sys
rows = list(csv.reader(open(sys.argv[1])))
names = rows[0][1:]
value = lambda n, t: t if n.startswith("c_") else None if t == "" else float(t)
print(json.dumps({"dataframe_split": {"columns": names, "data": [[value(n, t) for n, t in zip(names, r[1:])] for r in rows[1:41]]}}))
P
    port=$(free_port)
    (
        export MLFLOW_TRACKING_URI=$MLFLOW_URL PATH="${MLFLOW%/*}:$PATH"
        exec setsid "$MLFLOW" -m mlflow models serve -m "models:/$model@official" -p "$port" --env-manager local
    ) >"$BATS_TEST_TMPDIR/serve.log" 2>&1 </dev/null 3>&- &
    serving=$!
    for ((i = 0; i < 600; i++)); do # its imports take long on a busy machine
        curl -s --noproxy '*' --max-time 2 -o /dev/null "http://127.0.0.1:$port/ping" && break
        kill -0 "$serving" 2>/dev/null || break
        sleep 0.2
    done
    curl -s --noproxy '*' --max-time 120 -H 'Content-Type: application/json' --data-binary "@$BATS_TEST_TMPDIR/payload" \
        "http://127.0.0.1:$port/invocations" >"$BATS_TEST_TMPDIR/theirs" || true
    kill -KILL -- "-$serving" 2>/dev/null || true
    [ "$(jq '.predictions | length' "$BATS_TEST_TMPDIR/theirs")" = 40 ] || {
        tail -n 20 "$BATS_TEST_TMPDIR/serve.log" "$BATS_TEST_TMPDIR/theirs" >&2
        fail "mlflow models serve does not answer"
    }
    as_demo
    post_json /invocations "@$BATS_TEST_TMPDIR/payload"
    expect_code 200
    printf '%s' "$body" >"$BATS_TEST_TMPDIR/ours"
    "$MLFLOW" -c 'import json, sys
a, b = (json.load(open(p))["predictions"] for p in sys.argv[1:])
sys.exit(a != b)' "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs" || {
        cat "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs" >&2
        fail "the two differ"
    }
}

@test "--promote-if-better moves the alias for the better of two on films that neither has learnt from" {
    local trees
    for trees in 1 80; do
        echo "{\"iterations\": $trees}" >"$BATS_TEST_TMPDIR/params.json"
        "$BIN/mercredi-train" fit --schema "$root/data/schema.json" --data "$root/data/sample.csv" --until 2023-06-01 \
            --params "$BATS_TEST_TMPDIR/params.json" --quiet --name gate --out "$BATS_TEST_TMPDIR/gate/$trees" >/dev/null
    done
    model=gate
    gated() { publish "$BATS_TEST_TMPDIR/gate/$1" --promote-if-better --data "$root/data/sample.csv"; }
    gated 1
    worse=$version
    [ "$(alias_now)" = "$worse" ] # there was none to compare with
    gated 80
    better=$version
    [ "$(alias_now)" = "$better" ]
    gated 1
    [ "$version" = "$worse" ]
    [ "$(alias_now)" = "$better" ]
    # both have learnt from all films: no figure, no move
    run --separate-stderr "$BIN/mercredi-train" publish "$bundles/8001" --mlflow "$MLFLOW_URL" --name gate --quiet \
        --promote-if-better --data "$root/data/sample.csv"
    [ "$status" = 65 ]
    [ "$(alias_now)" = "$better" ]
}

@test "killed after each request of its sequence, publish leaves one complete version, and no alias to another" {
    through_proxy 0 killed-0
    [ "$status" = 0 ] || { cat "$BATS_TEST_TMPDIR/err" >&2; fail "the whole sequence failed"; }
    total=$(grep -c ' /' "$BATS_TEST_TMPDIR/requests")
    digest=$(sha256sum "$bundles/8001/manifest.json" | cut -d' ' -f1)
    echo "# publish makes $total requests; killed after each ${KILL_EVERY:+$KILL_EVERY th}" >&3
    for ((n = 1; n <= total; n += ${KILL_EVERY:-1})); do
        model=killed-$n
        through_proxy "$n" "$model"
        [ "$status" = 137 ] || fail "killed at $n: status $status, $(cat "$BATS_TEST_TMPDIR/err")"
        # The alias, if there is one by now, names the complete version.
        mlflow GET "registered-models/alias?name=$model&alias=champion"
        named=$(jq -r '.model_version.version // empty' <<<"$reply")
        if [ -n "$named" ]; then
            [ "$(curl -s --noproxy '*' "$MLFLOW_URL/model-versions/get-artifact?name=$model&version=$named&path=manifest.json" |
                sha256sum | cut -d' ' -f1)" = "$digest" ]
        fi
        publish "$bundles/8001" --name "$model" --alias champion
        [ "$(versions_of "$model")" = "$version $digest" ] || fail "killed at $n: versions $(versions_of "$model")"
        [ "$(alias_now)" = "$version" ]
        mlflow GET "experiments/get-by-name?experiment_name=$model"
        mlflow POST runs/search "{\"experiment_ids\": [\"$(jq -r .experiment.experiment_id <<<"$reply")\"]}"
        [ "$(jq -r '[.runs[].info.status] | join(" ")' <<<"$reply")" = FINISHED ] || fail "killed at $n: $reply"
        same_files "$model" "$version" "$bundles/8001"
    done
}

@test "a version that cannot be served changes nothing, and shows" {
    publish "$bundles/8002"
    good=$version
    alias_to "$good"
    until_served 8002
    # without artifacts: MLflow takes any folder of the run
    mlflow GET "model-versions/get?name=$model&version=$good"
    run=$(jq -r .model_version.run_id <<<"$reply")
    mlflow GET "runs/get?run_id=$run"
    uri=$(jq -r .run.info.artifact_uri <<<"$reply")
    mlflow POST model-versions/create "{\"name\": \"$model\", \"source\": \"$uri/nothing\", \"run_id\": \"$run\",
        \"tags\": [{\"key\": \"bundle_sha256\", \"value\": \"$(printf '%064d' 1)\"}]}"
    empty=$(jq -r .model_version.version <<<"$reply")
    load_begin
    alias_to "$empty"
    until_registry 'cannot be served'
    curl -s --noproxy '*' "$URL/metrics" | grep -q '^mercredi_mlflow_up 0'
    [ "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' "$URL/readyz")" = 200 ]
    # corrupt: a byte of a published model changed behind our back
    cp -R "$bundles/8001" "$BATS_TEST_TMPDIR/8003"
    jq '.version = "8003"' "$bundles/8001/manifest.json" >"$BATS_TEST_TMPDIR/8003/manifest.json"
    publish "$BATS_TEST_TMPDIR/8003"
    mlflow GET "model-versions/get-download-uri?name=$model&version=$version"
    place=$(jq -r .artifact_uri <<<"$reply")
    printf x | dd of="$BATS_TEST_TMPDIR/8003/model.cbm" bs=1 seek=200 conv=notrunc status=none
    curl -sf --noproxy '*' -T "$BATS_TEST_TMPDIR/8003/model.cbm" \
        "$MLFLOW_URL/api/2.0/mlflow-artifacts/artifacts/${place#mlflow-artifacts:/}/model.cbm"
    alias_to "$version"
    until_registry "cannot be served.*version $version there"
    [ ! -e "$STATE/models/first-week/8003" ]
    # registered by hand, without our tags
    mlflow POST model-versions/create "{\"name\": \"$model\", \"source\": \"$uri/model\", \"run_id\": \"$run\"}"
    alias_to "$(jq -r .model_version.version <<<"$reply")"
    sleep 4
    # no alias at all
    mlflow DELETE registered-models/alias "{\"name\": \"$model\", \"alias\": \"champion\"}"
    until_registry 'names no version'
    alias_to "$good"
    until_registry 'mlflow ok'
    load_end
    all_answered
    [ "$(cut -d' ' -f2 <<<"$answers" | sort -u)" = 8002 ]
    grep -q 'alert: .*cannot be served' "$STATE/server.log"
}

@test "a promotion here moves the alias; a version MLflow does not have is published for it" {
    publish "$bundles/8001"
    one=$version
    alias_to "$one"
    until_served 8001
    printf '%s' promote-me | administer user add promoter --scopes "predict admin" --password-stdin
    login promoter promote-me
    request POST /models/0001/promote -H "Authorization: Bearer $token" -d ""
    expect_code 200
    for ((i = 0; i < 150; i++)); do
        now=$(alias_now)
        [ "$now" = "$one" ] || break
        sleep 0.1
    done
    [ "$now" != "$one" ]
    mlflow GET "model-versions/get?name=$model&version=$now"
    [ "$(jq -r '.model_version.tags[] | select(.key == "bundle_version").value' <<<"$reply")" = 0001 ]
    mlflow GET "registered-models/alias?name=$model&alias=previous"
    [ "$(jq -r .model_version.version <<<"$reply")" = "$one" ]
    until_registry "mlflow ok, version $now there, here 0001"
    until_served 0001
    alias_to "$one"
    until_served 8001
}

# $1 seconds of load → $p99 in ms, from curl's own clock
loaded_p99() {
    load_times=$BATS_TEST_TMPDIR/times
    : >"$load_times"
    local until=$((SECONDS + $1)) code
    as_demo
    while [ "$SECONDS" -lt "$until" ]; do
        curl -s --noproxy '*' --max-time 20 -o /dev/null -w '%{http_code} %{time_total}\n' \
            -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$film" "$URL/predict" >>"$load_times"
    done
    if grep -qv '^200 ' "$load_times"; then fail "failed: $(grep -v '^200 ' "$load_times" | sort | uniq -c)"; fi
    p99=$(cut -d' ' -f2 "$load_times" | sort -n | awk '{v[NR] = $1} END {i = int(NR * 0.99); print v[i < 1 ? 1 : i] * 1000}')
}
median() { printf '%s\n' "$@" | sort -n | sed -n 2p; }

@test "MLflow stopped during a load: no request fails or waits; days are shipped once, in order, when it is back" {
    seconds=${MLFLOW_LOAD_SECONDS:-5}
    runs=() stopped=()
    as_demo
    head -n 61 "$root/data/sample.csv" >"$BATS_TEST_TMPDIR/films.csv" # films of the kind that 8001 has learnt from
    films=$("$MLFLOW" -c 'import csv, sys # those whose screens are known, and $film
print(1 + sum(r["screens"] != "" for r in csv.DictReader(open(sys.argv[1], encoding="utf-8"))))' "$BATS_TEST_TMPDIR/films.csv")
    for _ in 1 2; do                                                  # one for each of the two days
        request POST /predict -H "Authorization: Bearer $token" -H 'Content-Type: text/csv' \
            --data-binary "@$BATS_TEST_TMPDIR/films.csv"
        expect_code 200
    done
    for turn in 1 2 3; do # in turns, so that what else the machine does falls on both
        [ "$turn" = 1 ] || mlflow_launch
        until_registry 'mlflow ok'
        loaded_p99 "$seconds"
        runs+=("$p99")
        mlflow_stop
        loaded_p99 "$seconds"
        stopped+=("$p99")
    done
    ratio=$(median $(paste -d' ' <(printf '%s\n' "${stopped[@]}") <(printf '%s\n' "${runs[@]}") | awk '{print $1 / $2}'))
    echo "# p99 with MLflow ${runs[*]} ms, without ${stopped[*]} ms ($seconds s each), median ratio $ratio" >&3
    awk -v r="$ratio" 'BEGIN {exit !(r <= 1.5)}'
    until_registry 'does not answer'
    # Part of what was answered just now becomes three and two days old: id and time, as if it had been so.
    log_rows "CREATE TEMP TABLE old AS SELECT id, row_number() OVER (ORDER BY id) AS n FROM predictions;
        UPDATE predictions SET time_ms = time_ms - 86400000 * d, id = printf('%08x-%04x', (time_ms - 86400000 * d) >> 16,
            (time_ms - 86400000 * d) & 65535) || substr(predictions.id, 14)
        FROM (SELECT id AS old_id, 2 + n % 2 AS d FROM old) WHERE id = old_id AND model_version = '8001';"
    log_rows "DELETE FROM predictions WHERE model_version <> '8001'"
    mlflow_launch
    experiment=
    for ((i = 0; i < 300; i++)); do
        mlflow GET "experiments/get-by-name?experiment_name=$model-predictions"
        experiment=$(jq -r '.experiment.experiment_id // empty' <<<"$reply")
        if [ -n "$experiment" ]; then
            mlflow POST runs/search "{\"experiment_ids\": [\"$experiment\"], \"filter\": \"tags.model_version = '8001'\"}"
            through=$(jq -r '.runs[0].data.tags[]? | select(.key == "shipped_through").value' <<<"$reply")
            [ "$through" != "$(date -u -d '2 days ago' +%F)" ] || break
        fi
        sleep 0.1
    done
    [ "$through" = "$(date -u -d '2 days ago' +%F)" ]
    run_id=$(jq -r '.runs[0].info.run_id' <<<"$reply")
    [ "$(jq '.runs | length' <<<"$reply")" = 1 ]
    if [ "$mlflow_major" -ge 3 ]; then # the run names the version's model
        mlflow GET "runs/get?run_id=$run_id"
        jq -e --arg m "$(jq -r '.versions[] | select(.folder == "8001").model_id' "$STATE/models/first-week/.mlflow.json")" \
            '[.run.inputs.model_inputs[].model_id] == [$m] and ($m | startswith("m-"))' <<<"$reply"
    fi
    # the figures are the log's
    per_day=$(log_rows "SELECT count(*) FROM predictions WHERE time_ms < (strftime('%s', 'now', 'start of day') * 1000)
        GROUP BY time_ms / 86400000 ORDER BY time_ms / 86400000" | tr '\n' ' ')
    figures() {
        mlflow GET "metrics/get-history?run_id=$run_id&metric_key=predictions%2Fcount"
        jq -r '[.metrics | sort_by(.step)[] | .value] | map(tostring) | join(" ")' <<<"$reply"
    }
    [ "$(figures) " = "$per_day" ] || fail "MLflow: $(figures), log: $per_day"
    mlflow GET "metrics/get-history?run_id=$run_id&metric_key=prediction%2Fmean"
    awk -v a="$(jq -r '.metrics | sort_by(.step)[0].value' <<<"$reply")" -v b="$(log_rows "SELECT avg(admissions)
        FROM predictions GROUP BY time_ms / 86400000 ORDER BY time_ms / 86400000 LIMIT 1")" \
        'BEGIN {d = a / b - 1; exit !(d < 1e-9 && d > -1e-9)}'
    mlflow GET "artifacts/list?run_id=$run_id&path=distribution"
    [ "$(jq '.files | length' <<<"$reply")" = 2 ]
    mlflow GET "artifacts/list?run_id=$run_id&path=sample"
    [ "$(jq '.files | length' <<<"$reply")" = 2 ]
    curl -s --noproxy '*' "$MLFLOW_URL/get-artifact?run_uuid=$run_id&path=sample%2F$through.json" |
        jq -e '(.data | length) == 5 and (.columns | index("user_id")) == null'
    # what was asked against what was learnt from
    drift() { # figure → its value on the last day
        mlflow GET "metrics/get-history?run_id=$run_id&metric_key=drift%2F$1"
        jq '.metrics | sort_by(.step)[-1].value' <<<"$reply"
    }
    [ "$(drift films)" = "$films" ]
    [ "$(drift days)" = 28 ]
    awk -v n="$(drift features_tested)" -v share="$(drift share_by_importance)" 'BEGIN {exit !(n > 20 && share < 0.2)}'
    mlflow GET "artifacts/list?run_id=$run_id&path=drift"
    [ "$(jq -r '[.files[].path] | join(" ")' <<<"$reply")" = "drift/$(date -u -d '3 days ago' +%F).json drift/$through.json" ]
    curl -s --noproxy '*' "$MLFLOW_URL/get-artifact?run_uuid=$run_id&path=drift%2F$through.json" >"$BATS_TEST_TMPDIR/drift"
    [ "$(jq '.columns | length' "$BATS_TEST_TMPDIR/drift")" = "$(jq '.data[0] | length' "$BATS_TEST_TMPDIR/drift")" ]
    # a new agent, and one that forgot how far it was: nothing twice
    kill -KILL $(processes_named mrc-agent)
    sqlite3 "$STATE/mercredi.db" "UPDATE job SET memo = '', holder = '', lease_until_ms = 0 WHERE name = 'mlflow_tracking'"
    sleep 4
    [ "$(figures) " = "$per_day" ]
    [ "$(sqlite3 "$STATE/mercredi.db" "SELECT memo FROM job WHERE name = 'mlflow_tracking'")" = "$through" ]
}

@test "the servers of deploy/ are started with options that MLflow has" {
    has() { "$MLFLOW" -m mlflow server "$@" --help >"$BATS_TEST_TMPDIR/help" 2>&1; } # unknown ones are refused before the help
    ! has --no-such-option
    read -ra unit <<<"$(sed -n '/^ExecStart=/,/[^\\]$/p' "$root/deploy/systemd/mlflow.service" | tr -d '\\\n')"
    [ "${#unit[@]}" -gt 8 ]
    has "${unit[@]:2}" || fail "$(tail -n 3 "$BATS_TEST_TMPDIR/help")"
    read -ra image <<<"$(sed -n '/command: >-/,/environment:/p' "$root/deploy/compose/mlflow.yml" | sed '1d;$d' | tr '\n' ' ')"
    [ "${image[1]}" = server ]
    [ "$mlflow_major" -lt 3 ] || has "${image[@]:2}" || fail "$(tail -n 3 "$BATS_TEST_TMPDIR/help")"
}

@test "started while MLflow is away, it serves what is on the disk" {
    server_stop
    mlflow_stop
    SERVER='' PORT='' server_start MERCREDI_WORKERS=2 MERCREDI_MLFLOW_URL="$MLFLOW_URL"
    rm -f "$BATS_FILE_TMPDIR/token"
    as_demo
    post_json /predict "$film"
    expect_code 200
    expect_body '.model.version == "8001"'
    until_registry 'does not answer'
    server_stop
}

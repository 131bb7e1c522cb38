#!/usr/bin/env bats
# The shadow version by an alias of a real MLflow server: fetched, compared, never served; the alias gone, it stops. Skips
# as mlflow.bats does.
bats_require_minimum_version 1.5.0
load server
load mlflow
model=first-week

setup_file() {
    none=$(mlflow_none)
    export none
    [ -z "$none" ] || return 0
    mlflow_start
    quick_bundles 8101 8102
    server_start MERCREDI_WORKERS=4 MERCREDI_MLFLOW_URL="$MLFLOW_URL" MERCREDI_MLFLOW_TRACK=0 MERCREDI_MLFLOW_POLL=500ms \
        MERCREDI_MLFLOW_SHADOW_ALIAS=challenger MERCREDI_REQUEST_TIMEOUT=2s
}
teardown_file() {
    [ -z "$none" ] || return 0
    server_stop
    mlflow_stop
}
setup() { [ -z "$none" ] || skip "$none"; }

until_ready() { # extended regular expression of a line of /readyz?verbose
    local i
    for ((i = 0; i < 150; i++)); do
        request GET '/readyz?verbose'
        if grep -qE "$1" <<<"$body"; then return 0; fi
        sleep 0.1
    done
    fail "after 15 s no line $1: $body"
}
challenger_to() { # version, or nothing
    if [ -n "$1" ]; then
        mlflow POST registered-models/alias "{\"name\": \"$model\", \"alias\": \"challenger\", \"version\": \"$1\"}"
    else
        mlflow DELETE registered-models/alias "{\"name\": \"$model\", \"alias\": \"challenger\"}"
    fi
    [ "$(jq -c . <<<"$reply")" = '{}' ] || fail "$reply"
}

@test "the challenger is fetched and compared while the champion serves; moved, the next one is, and the old one leaves" {
    publish "$bundles/8101" --alias champion
    until_ready 'mlflow ok.* here 8101'
    publish "$bundles/8102"
    challenger_to "$version"
    until_ready 'shadow ok, version 8102'
    [ "$(readlink "$STATE/models/first-week/current")" = 8101 ]
    as_demo
    sleep 1
    for _ in 1 2 3; do
        post_json /predict "$film"
        expect_code 200
        expect_body '.model.version == "8101"'
    done
    for ((i = 0; i < 100; i++)); do
        get /models/8102/shadow
        if [ "$(member '.predictions.compared')" -ge 3 ]; then break; fi
        sleep 0.3
    done
    expect_body '.state == "compared" and (.predictions.served_by | map(.version) | index("8101")) != null and .predictions.refused == 0'
    publish "$root/models/first-week/0001" # is here already
    challenger_to "$version"
    until_ready 'shadow ok, version 0001'
    [ ! -e "$STATE/models/first-week/8102" ]
    [ -d "$STATE/models/first-week/0001" ]
}

@test "a challenger that is no bundle: said and counted; the champion goes on" {
    publish "$bundles/8101"
    mlflow GET "runs/get?run_id=$run_id"
    mlflow POST model-versions/create "{\"name\": \"$model\", \"source\": \"$(jq -r .run.info.artifact_uri <<<"$reply")/nothing\",
        \"run_id\": \"$run_id\", \"tags\": [{\"key\": \"bundle_sha256\", \"value\": \"$(printf '%064d' 1)\"}]}"
    bad=$(jq -r .model_version.version <<<"$reply")
    challenger_to "$bad"
    until_ready "shadow: the version cannot be loaded \(not counted\), version mlflow:$bad"
    grep -q "msg=\"alert: MLflow's alias of the shadow version names one that cannot be fetched.* mlflow_version=$bad " "$STATE/server.log"
    request GET /metrics
    grep -q '^mercredi_shadow_failures_total{reason="fetch"} [1-9]' <<<"$body"
    as_demo
    post_json /predict "$film"
    expect_code 200
    expect_body '.model.version == "8101"'
}

@test "the alias is gone: no shadow version; MLflow gone: nothing changes" {
    challenger_to ''
    for ((i = 0; i < 100; i++)); do
        request GET '/readyz?verbose'
        if ! grep -q shadow <<<"$body"; then break; fi
        sleep 0.1
    done
    ! grep -q shadow <<<"$body" || fail "$body"
    publish "$bundles/8102"
    challenger_to "$version"
    until_ready 'shadow ok, version 8102'
    mlflow_stop
    sleep 2
    until_ready 'shadow ok, version 8102'
    as_demo
    post_json /predict "$film"
    expect_code 200
}

#!/usr/bin/env bats
# A shadow version: it predicts from the log what another version served, and nobody who predicts notices.
load server
setup_file() {
    [ "$FRONT" != apache ] || return 0
    server_start MERCREDI_WORKERS=4 MERCREDI_REQUEST_TIMEOUT=2s MERCREDI_RATE_PER_MINUTE=0
    echo some-password-1 | administer user add chief --scopes "predict outcome monitor admin" --password-stdin
    models=$STATE/models/first-week
    old=$(readlink "$models/current")
    cp -R "$models/$old" "$models/9101.tmp"
    jq '.version = "9101"' "$models/$old/manifest.json" >"$models/9101.tmp/manifest.json"
    mv "$models/9101.tmp" "$models/9101"
    cp -R "$models/$old" "$models/9102"
    rm "$models/9102/model.cbm"
    export old models
}
teardown_file() { server_stop; }
setup() { [ "$FRONT" != apache ] || skip "no agent beside mod_fcgid's workers"; }

state() { sqlite3 "$STATE/mercredi.db" "$1"; }
shadow_is() { # version, or nothing: as an operator changes it
    sed -i '/^shadow *=/d' "$STATE/mercredi.conf"
    [ -z "$1" ] || echo "shadow = $1" >>"$STATE/mercredi.conf"
    administer check-config
    kill -HUP "$(processes_named mrc-master)"
}
until_true() { # seconds, command…
    local i n=$1
    shift
    for ((i = 0; i < n * 5; i++)); do
        if "$@"; then return 0; fi
        sleep 0.2
    done
    fail "not within $n s: $*"
}
ready_says() {
    request GET '/readyz?verbose'
    [ "$code" = 200 ] && grep -qF "$1" <<<"$body"
}
ready_says_nothing() {
    request GET '/readyz?verbose'
    [ "$code" = 200 ] && ! grep -q shadow <<<"$body"
}
# Of all that another version served, each is compared, and once.
all_compared() { # version
    [ "$(log_rows "ATTACH '$STATE/mercredi.db' AS s; SELECT count(*) FROM predictions p WHERE p.model_version <> '$1' AND NOT EXISTS
        (SELECT 1 FROM s.shadow_prediction x WHERE x.prediction_id = p.id AND x.version = '$1')")" = 0 ]
}
answer() { # the answer to the film without what differs from call to call
    post_json /predict "$film" && expect_code 200 && jq -cS 'del(.prediction_id)' <<<"$body"
}

@test "a shadow version collects; answers are the same bytes with and without; a restart loses and doubles nothing" {
    as_demo
    ready_says_nothing
    before=$(answer)
    shadow_is 9101
    until_true 20 ready_says "[+]shadow ok, version 9101"
    [ "$(answer)" = "$before" ]
    load_begin
    sleep 3
    kill -HUP "$(processes_named mrc-master)" # another agent
    sleep 3
    load_end
    all_answered
    until_true 60 all_compared 9101
    [ "$(state "SELECT count(*) FROM shadow_prediction WHERE version = '9101'")" = "$(log_rows 'SELECT count(*) FROM predictions')" ]
    # the same trees: each figure is what was served
    [ "$(state "SELECT count(*) FROM shadow_prediction WHERE refused = 1 OR admissions <> served_admissions OR
        low80 <> served_low80 OR high80 <> served_high80")" = 0 ]
    [ "$(log_rows "ATTACH '$STATE/mercredi.db' AS s; SELECT count(*) FROM predictions p JOIN s.shadow_prediction x
        ON x.prediction_id = p.id WHERE x.score <> p.score")" = 0 ]
    [ "$(answer)" = "$before" ]
}

@test "the agent is killed under load, again and again: each prediction is compared once" {
    load_begin
    for _ in 1 2 3; do
        sleep 2
        kill -KILL "$(processes_named mrc-agent)"
    done
    load_end
    all_answered
    until_true 90 all_compared 9101 # a lease that was held when its holder died must end first
    [ "$(state "SELECT count(*) FROM shadow_prediction WHERE version = '9101'")" = "$(log_rows 'SELECT count(*) FROM predictions')" ]
    [ "$(state "SELECT count(*) - count(DISTINCT prediction_id) FROM shadow_prediction WHERE version = '9101'")" = 0 ]
}

@test "what an operator sees: how often and how far they differ, and how both did" {
    login chief some-password-1
    # the film's first week, which nobody can report before its release
    state "INSERT INTO outcome SELECT '01990000-0000-7000-8000-000000000001', title_key, release_date, release_date, 'x', '', 300000, 0,
        'CNC', 'plausible', '', 1, 'u', 'r', 1 FROM shadow_prediction LIMIT 1"
    get /models/9101/shadow
    expect_code 200
    expect_body '.state == "compared" and .predictions.median_ratio == 1 and .predictions.share_beyond_1_25 == 0'
    expect_body ".predictions.compared > 10 and .predictions.refused == 0 and (.predictions.served_by | map(.version)) == [\"$old\"]"
    expect_body '.outcomes.films == 1 and .outcomes.served == .outcomes.shadow and .outcomes.shadow.mae >= 0'
    get /models
    expect_body '[.models[] | select(.shadow) | .version] == ["9101"]'
    request GET /metrics
    grep -q '^mercredi_shadow_up 1$' <<<"$body"
    [ "$(sed -n 's/^mercredi_shadow_predictions_total{version="9101",result="compared"} //p' <<<"$body")" -gt 10 ]
    as_demo
    get /models/9101/shadow
    expect_code 200 # the demo user may watch
    token=
    get /models/9101/shadow
    expect_code 401
}

@test "promoted, it is compared no longer; rolled back, it goes on" {
    login chief some-password-1
    request POST /models/9101/promote -d '' -H "Authorization: Bearer $token"
    expect_code 200
    until_true 10 ready_says "[!]shadow: the version serves"
    get /models/9101/shadow
    expect_body '.state == "serves"'
    as_demo
    for _ in 1 2 3 4 5; do
        post_json /predict "$film"
        expect_code 200
    done
    login chief some-password-1
    request POST /models/rollback -d '' -H "Authorization: Bearer $token"
    expect_code 200
    until_true 10 ready_says "[+]shadow ok, version 9101"
    sleep 2
    as_demo
    post_json /predict "$film"
    expect_body ".model.version == \"$old\""
    until_true 60 all_compared 9101
    # what it answered itself is not compared with itself
    [ "$(state "SELECT count(*) FROM shadow_prediction WHERE served_version = '9101'")" = 0 ]
}

@test "a shadow version that cannot be loaded: said and counted, and nobody who predicts notices" {
    rows=$(state 'SELECT count(*) FROM shadow_prediction')
    shadow_is 9102
    until_true 20 ready_says "[!]shadow: the version cannot be loaded (not counted), version 9102"
    grep -q 'msg="alert: the shadow version cannot be loaded.* version=9102 err="model.cbm' "$STATE/server.log"
    request GET /metrics
    grep -q '^mercredi_shadow_up 0$' <<<"$body"
    [ "$(sed -n 's/^mercredi_shadow_failures_total{reason="version"} //p' <<<"$body")" -ge 1 ]
    as_demo
    for _ in 1 2 3; do
        post_json /predict "$film"
        expect_code 200
    done
    shadow_is no-such-version
    until_true 20 ready_says "(not counted), version no-such-version"
    shadow_is ../../etc
    until_true 20 ready_says "(not counted), version ../../etc"
    [ "$(state 'SELECT count(*) FROM shadow_prediction')" = "$rows" ]
}

@test "unset: it stops, and what was collected stays, is exported, and leaves with the predictions" {
    shadow_is ''
    until_true 20 ready_says_nothing
    as_demo
    post_json /predict "$film"
    expect_code 200
    get /models/9101/shadow
    expect_body '.state == "off" and .predictions.compared > 10'
    rows=$(state 'SELECT count(*) FROM shadow_prediction')
    sleep 10
    [ "$(state 'SELECT count(*) FROM shadow_prediction')" = "$rows" ]
    [ "$(administer db shadow | jq -s 'map(select(.version == "9101" and .admissions > 0 and .refused == false)) | length')" = "$rows" ]
    [ "$(administer db shadow --format csv | wc -l)" = $((rows + 1)) ]
    administer db shadow --format csv | head -n 1 | grep -q '^prediction_id,created_at,model,version,served_version,title_key,'
    [ "$(administer db shadow --until 2020-01-01 | wc -l)" = 0 ]
    state "UPDATE shadow_prediction SET prediction_id = '018c' || substr(prediction_id, 5) WHERE prediction_id =
        (SELECT min(prediction_id) FROM shadow_prediction)"
    administer db prune --before 2024-01-01
    [ "$(state 'SELECT count(*) FROM shadow_prediction')" = $((rows - 1)) ]
}

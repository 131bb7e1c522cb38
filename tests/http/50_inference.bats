#!/usr/bin/env bats
# The model alone: MLflow's scoring protocol and the Open Inference Protocol.
load server
setup_file() {
    server_start MERCREDI_WORKERS=4
    # Rows of features by the trainer, and what it scores them.
    bundle=$STATE/models/first-week/current
    head -n 41 "$root/data/sample.csv" >"$BATS_FILE_TMPDIR/films.csv"
    "$BIN/mercredi-train" features --data "$BATS_FILE_TMPDIR/films.csv" --model "$bundle/" --setting N 2>/dev/null |
        cut -d, -f2- >"$BATS_FILE_TMPDIR/rows.csv"
    "$BIN/mercredi-train" predict --model "$bundle/model.cbm" --data "$BATS_FILE_TMPDIR/rows.csv" |
        tail -n +2 >"$BATS_FILE_TMPDIR/scores"
    [ "$(wc -l <"$BATS_FILE_TMPDIR/scores")" -ge 30 ]
}
teardown_file() { server_stop; }

# rows.csv as JSON: texts by the model's signature, empty numbers null
rows_json() {
    get /v2/models/first-week >/dev/null
    printf '%s' "$body" >"$BATS_TEST_TMPDIR/model.json"
    jq -R -s --slurpfile model "$BATS_TEST_TMPDIR/model.json" '
        ($model[0].inputs | map({(.name): .datatype}) | add) as $types
        | split("\n") | map(select(. != "") | split(",")) | .[0] as $names
        | .[1:] | map([$names, .] | transpose | map({(.[0]): (if $types[.[0]] == "BYTES" then .[1]
            elif .[1] == "" then null else (.[1] | tonumber) end)}) | add)' "$BATS_FILE_TMPDIR/rows.csv"
}
same_scores() { # numbers, one a line
    if ! diff <(cat) "$BATS_FILE_TMPDIR/scores" >&2; then fail "the trainer scores them otherwise"; fi
}

@test "every form of /invocations scores as the trainer does, bit for bit" {
    as_demo
    request POST /invocations -H "Authorization: Bearer $token" -H 'Content-Type: text/csv' \
        --data-binary "@$BATS_FILE_TMPDIR/rows.csv"
    expect_code 200
    member '.predictions[]' | same_scores
    rows_json >"$BATS_TEST_TMPDIR/rows.json"
    jq '{dataframe_records: .}' "$BATS_TEST_TMPDIR/rows.json" >"$BATS_TEST_TMPDIR/form.0"
    jq '(.[0] | keys_unsorted) as $c | {dataframe_split: {index: [], columns: $c, data: map([.[$c[]]])}}' \
        "$BATS_TEST_TMPDIR/rows.json" >"$BATS_TEST_TMPDIR/form.1"
    jq '{instances: .}' "$BATS_TEST_TMPDIR/rows.json" >"$BATS_TEST_TMPDIR/form.2"
    jq '{instances: map([.[]])}' "$BATS_TEST_TMPDIR/rows.json" >"$BATS_TEST_TMPDIR/form.3"
    jq '. as $r | (.[0] | keys_unsorted) | {inputs: (map(. as $k | {($k): ($r | map(.[$k]))}) | add)}' \
        "$BATS_TEST_TMPDIR/rows.json" >"$BATS_TEST_TMPDIR/form.4"
    for form in 0 1 2 3 4; do
        post_json /invocations "@$BATS_TEST_TMPDIR/form.$form"
        expect_code 200
        member '.predictions[]' | same_scores
    done
}

@test "v2: the model describes itself, and scores as the trainer does" {
    as_demo
    request GET /v2
    expect_code 200
    expect_body '.name == "mercredi"'
    request GET /v2/health/ready
    expect_body '.ready'
    get /v2/models/first-week/ready
    expect_body '.ready'
    get /v2/models/other
    expect_code 404
    expect_body '.error == .detail'
    rows_json >"$BATS_TEST_TMPDIR/rows.json"
    version=$(jq -r '.versions[0]' "$BATS_TEST_TMPDIR/model.json")
    jq --slurpfile model "$BATS_TEST_TMPDIR/model.json" '. as $r | {id: "42", inputs: ($model[0].inputs | map(. as $t
        | {name, datatype, shape: [($r | length)], data: ($r | map(.[$t.name]))}))}' \
        "$BATS_TEST_TMPDIR/rows.json" >"$BATS_TEST_TMPDIR/request"
    for path in /v2/models/first-week/infer "/v2/models/first-week/versions/$version/infer"; do
        post_json "$path" "@$BATS_TEST_TMPDIR/request"
        expect_code 200
        expect_body ".id == \"42\" and .model_version == \"$version\" and .outputs[0].datatype == \"FP64\""
        member '.outputs[0].data[]' | same_scores
    done
    jq '.inputs |= .[1:]' "$BATS_TEST_TMPDIR/request" >"$BATS_TEST_TMPDIR/less"
    post_json /v2/models/first-week/infer "@$BATS_TEST_TMPDIR/less"
    expect_code 409
    expect_body '.error | test("is missing")'
}

@test "neither leaves rows in the log of predictions, both need the scope" {
    before=$(log_rows "SELECT count(*) FROM predictions")
    as_demo
    request POST /invocations -H "Authorization: Bearer $token" -H 'Content-Type: text/csv' \
        --data-binary "@$BATS_FILE_TMPDIR/rows.csv"
    expect_code 200
    [ "$(log_rows "SELECT count(*) FROM predictions")" = "$before" ]
    token=
    post_json /invocations '{"dataframe_records":[]}'
    expect_code 401
    post_json /v2/models/first-week/infer '{"inputs":[]}'
    expect_code 401
}

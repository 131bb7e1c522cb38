#!/usr/bin/env bats
# predict, leaves, convert, inspect and evaluate on models that CatBoost made: its own answers, bit for bit.
load common

raw() { jq -r '.raw[] | join(",")' "$1/expected.json"; }

@test "predict: every fixture's raw scores, from both formats" {
    need_fixtures
    seen=0
    for d in "$FIXTURES"/*/; do
        [ "$(jq .supported "$d/meta.json")" = true ] || continue
        for m in "$d"model.cbm "$d"model.json; do
            [ -f "$m" ] || continue
            rm -f "$BATS_TEST_TMPDIR/o.csv"
            "$MT" predict --model "$m" --data "$d/input.csv" --columns "$d/columns.json" --type RawFormulaVal \
                --float hex --out "$BATS_TEST_TMPDIR/o.csv"
            tail -n +2 "$BATS_TEST_TMPDIR/o.csv" | diff - <(raw "$d") >/dev/null || { echo "differs: $m"; false; }
            seen=$((seen + 1))
        done
    done
    echo "$seen models"
    [ "$seen" -ge 40 ]
}

@test "predict: numeric models need no columns file, and threads change nothing" {
    need_fixtures
    d=$FIXTURES/numeric_rmse
    for t in 1 3; do
        "$MT" predict --model "$d/model.cbm" --data - --float hex --threads $t <"$d/input.csv" |
            tail -n +2 | diff - <(raw "$d")
    done
}

@test "predict: a file longer than a block keeps its order" {
    need_fixtures
    d=$FIXTURES/nan_min
    { head -1 "$d/input.csv"; for i in $(seq 300); do tail -n +2 "$d/input.csv"; done; } >"$BATS_TEST_TMPDIR/long.csv"
    "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/long.csv" --float hex --threads 2 |
        tail -n +2 >"$BATS_TEST_TMPDIR/long.out"
    for i in $(seq 300); do raw "$d"; done | cmp - "$BATS_TEST_TMPDIR/long.out"
}

@test "predict: labels, probabilities and exponents" {
    need_fixtures
    d=$FIXTURES/logloss_labels
    "$MT" predict --model "$d/model.cbm" --data "$d/input.csv" --type Class | tail -n +2 |
        diff - <(jq -r '.Class[] | join(",")' "$d/expected.json")
    call "$MT" predict --model "$d/model.cbm" --data "$d/input.csv" --type Probability
    [ "$(head -1 "$BATS_TEST_TMPDIR/out")" = 0,1 ]
    awk -F, 'NR > 1 && ($1 + $2 > 1.0000001 || $1 + $2 < 0.9999999) {exit 1}' "$BATS_TEST_TMPDIR/out"
    call "$MT" predict --model "$FIXTURES/poisson/model.cbm" --data "$FIXTURES/poisson/input.csv" \
        --columns "$FIXTURES/poisson/columns.json" --type Exponent
    [ "$status" -eq 0 ]
    call "$MT" predict --model "$FIXTURES/nan_min/model.cbm" --data "$FIXTURES/nan_min/input.csv" \
        --type RMSEWithUncertainty
    [ "$status" -eq 64 ]
    one_error_line predict RMSEWithUncertainty
}

@test "predict: a text feature is refused by name" {
    need_fixtures
    d=$FIXTURES/text_feature
    call "$MT" predict --model "$d/model.cbm" --data "$d/input.csv" --columns "$d/columns.json"
    [ "$status" -ge 1 ] && [ "$status" -le 125 ]
    one_error_line predict 'text feature'
    [[ $err == *résumé* ]]
}

@test "predict: wrong cells and columns say where" {
    need_fixtures
    d=$FIXTURES/nan_min
    printf 'a,b,c\n1,2,3\n1,zwei,3\n' >"$BATS_TEST_TMPDIR/x.csv"
    call "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv" --out "$BATS_TEST_TMPDIR/y.csv"
    [ "$status" -eq 65 ]
    one_error_line predict 'x.csv:3:3: "zwei" is not a number'
    [ ! -e "$BATS_TEST_TMPDIR/y.csv" ]
    ! ls "$BATS_TEST_TMPDIR" | grep -q tmp$
    printf 'a,b\n1,2\n' >"$BATS_TEST_TMPDIR/x.csv"
    call "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv"
    [ "$status" -eq 65 ]
    one_error_line predict 'feature 2'
    printf 'a,b,c\n1,2\n' >"$BATS_TEST_TMPDIR/x.csv"
    call "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv"
    [ "$status" -eq 65 ]
    one_error_line predict x.csv:2
    printf 'a,a,c\n1,2,3\n' >"$BATS_TEST_TMPDIR/x.csv"
    call "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv"
    [ "$status" -eq 65 ]
    : >"$BATS_TEST_TMPDIR/x.csv"
    call "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv"
    [ "$status" -eq 65 ]
    echo '[{"name":"a","kind":"num"},{"name":"b","kind":"number"},{"name":"c","kind":"num"}]' >"$BATS_TEST_TMPDIR/c.json"
    call "$MT" predict --model "$d/model.cbm" --data "$d/input.csv" --columns "$BATS_TEST_TMPDIR/c.json"
    [ "$status" -eq 65 ]
    one_error_line predict '"number"'
}

@test "predict: columns beyond the model's are not read; NUL and invalid UTF-8 are refused with their place" {
    need_fixtures
    d=$FIXTURES/nan_min
    sed -e '1s/$/,more/' -e '2,$s/$/,77/' "$d/input.csv" >"$BATS_TEST_TMPDIR/x.csv"
    "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv" --float hex | tail -n +2 | diff - <(raw "$d")
    printf 'a,b,c\n1,2,3,4\n' >"$BATS_TEST_TMPDIR/x.csv"
    call "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv"
    [ "$status" -eq 65 ]
    one_error_line predict 'x.csv:2:7: 4 cells, expected 3'
    d=$FIXTURES/one_hot
    printf 'genre,n,pays\na\0b,1,c\n' >"$BATS_TEST_TMPDIR/x.csv"
    call "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv" --columns "$d/columns.json"
    [ "$status" -eq 65 ]
    one_error_line predict 'x.csv:2:2: NUL byte'
    printf 'genre,n,pays\nok,1,c\na\377b,1,c\n' >"$BATS_TEST_TMPDIR/x.csv"
    call "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv" --columns "$d/columns.json"
    [ "$status" -eq 65 ]
    one_error_line predict 'x.csv:3:'
    [[ $err == *UTF-8* ]]
}

@test "predict: target and weight columns are skipped, the usual spellings of unknown are NaN" {
    need_fixtures
    d=$FIXTURES/nan_min
    echo '[{"name":"y","kind":"target"},{"name":"a","kind":"num"},{"name":"b","kind":"num"},{"name":"w","kind":"weight"},{"name":"c","kind":"num"}]' >"$BATS_TEST_TMPDIR/c.json"
    awk -F, 'NR == 1 {print "y,a,b,w,c"; next} {print "7," ($1 == "" ? "NA" : $1) "," ($2 == "" ? "#N/A N/A" : $2) ",0.5," $3}' \
        "$d/input.csv" >"$BATS_TEST_TMPDIR/x.csv"
    "$MT" predict --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv" --columns "$BATS_TEST_TMPDIR/c.json" --float hex |
        tail -n +2 | diff - <(raw "$d")
    call "$MT" evaluate --model "$d/model.cbm" --data "$BATS_TEST_TMPDIR/x.csv" --columns "$BATS_TEST_TMPDIR/c.json" --json
    [ "$(jq .rows <<<"$out")" = "$(jq .rows "$d/expected.json")" ]
    jq -e '.rmse >= .mae and .mae > 0' <<<"$out"
}

@test "leaves: as calc_leaf_indexes" {
    need_fixtures
    seen=0
    for f in "$FIXTURES"/*/leaf_indexes.json; do
        d=$(dirname "$f")
        "$MT" leaves --model "$d/model.cbm" --data "$d/input.csv" --columns "$d/columns.json" | tail -n +2 |
            diff - <(jq -r '.values[] | join(",")' "$f") >/dev/null
        seen=$((seen + 1))
    done
    [ "$seen" -ge 4 ]
}

@test "convert: there and back keeps every bit" {
    need_fixtures
    for d in "$FIXTURES"/*/; do
        [ -f "$d/model.json" ] || continue
        "$MT" convert --to json "$d/model.cbm" "$BATS_TEST_TMPDIR/m.json"
        "$MT" convert --to cbm "$BATS_TEST_TMPDIR/m.json" "$BATS_TEST_TMPDIR/m.cbm"
        "$MT" predict --model "$BATS_TEST_TMPDIR/m.cbm" --data "$d/input.csv" --columns "$d/columns.json" --float hex |
            tail -n +2 | diff - <(raw "$d") >/dev/null || { echo "differs: $d"; false; }
    done
}

@test "inspect: JSON of every fixture, text for people" {
    need_fixtures
    for d in "$FIXTURES"/*/; do
        [ "$(jq .supported "$d/meta.json")" = true ] || continue
        call "$MT" inspect --json "$d/model.cbm"
        [ "$status" -eq 0 ]
        [ "$(jq .trees <<<"$out")" = "$(jq .trees "$d/meta.json")" ]
        [ "$(jq .outputs <<<"$out")" = "$(jq .dimension "$d/meta.json")" ]
    done
    call "$MT" inspect "$FIXTURES/names_unused/model.cbm"
    [ "$status" -eq 0 ]
    [[ $out == *"durée (min)"* ]]
    [[ $out == *"not used"* ]]
}

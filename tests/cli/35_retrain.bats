#!/usr/bin/env bats
# make retrain: the whole cycle on the synthetic sample.
load common

retrain() { # data
    MODELS=$BATS_TEST_TMPDIR/models B=$(cd "$BIN" && pwd) KIND=private DATA=$1 PARAMS=$BATS_TEST_TMPDIR/p.json
    export MODELS B KIND DATA PARAMS
    echo '{"iterations": 60}' >"$PARAMS"
    call sh -c 'cd "$0" && sh deploy/retrain.sh' "$ROOT"
    echo "$out" "$err"
}
current() { readlink "$BATS_TEST_TMPDIR/models/current"; }

# The sample up to a day, entries of the films from..to dealt out anew.
sample() { # until from to
    python3 - "$ROOT/data/sample.csv" "$@" <<'P'
import csv, random, sys
source, until, begin, end = sys.argv[1:]
rows = [r for r in csv.DictReader(open(source, encoding="utf-8")) if r["release_date"] <= until]
places = [i for i, r in enumerate(rows) if begin <= r["release_date"] <= end]
values = [rows[i]["first_week_entries"] for i in places]
random.Random(1).shuffle(values)
for i, v in zip(places, values):
    rows[i]["first_week_entries"] = v
w = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
w.writeheader()
w.writerows(rows)
P
}

@test "make retrain on the sample: a first version, which is current and answers; then nothing newer to learn" {
    mkdir "$BATS_TEST_TMPDIR/models"
    started=$SECONDS
    call make -s -C "$ROOT" retrain B="$(cd "$BIN" && pwd)" DATA=data/sample.csv MODELS="$BATS_TEST_TMPDIR/models"
    echo "$out $err; $((SECONDS - started)) s"
    [ "$status" -eq 0 ]
    [[ $out == *"models/0001 is the new version" ]]
    [ "$(current)" = 0001 ]
    jq -e '.version == "0001" and .data.rows_train == 400' "$BATS_TEST_TMPDIR/models/0001/manifest.json"
    "$MT" predict --model "$BATS_TEST_TMPDIR/models/current" --data "$ROOT/data/sample.csv" >"$BATS_TEST_TMPDIR/p"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/p")" -eq 401 ]
    retrain "$(cd "$ROOT" && pwd)/data/sample.csv"
    [ "$status" -eq 0 ]
    [[ $out == *"not better: 0 films are newer"* ]]
    [ "$(ls "$BATS_TEST_TMPDIR/models")" = "$(printf '0001\ncurrent')" ]
}

@test "retrain: a better version replaces the one in use, a worse one does not" {
    mkdir "$BATS_TEST_TMPDIR/models"
    # A version that has learnt from figures dealt out at random.
    sample 2023-06-30 0000 9999 >"$BATS_TEST_TMPDIR/random.csv"
    retrain "$BATS_TEST_TMPDIR/random.csv"
    [ "$status" -eq 0 ] && [ "$(current)" = 0001 ]
    retrain "$(cd "$ROOT" && pwd)/data/sample.csv"
    [ "$status" -eq 0 ] && [ "$(current)" = 0002 ]
    [[ $out == *"0002 is the new version" ]]
    # The right figures up to 2023, then random ones: what learns from these is worse than what does not.
    rm -r "$BATS_TEST_TMPDIR/models"/*
    sample 2023-06-30 x x >"$BATS_TEST_TMPDIR/right.csv"
    retrain "$BATS_TEST_TMPDIR/right.csv"
    [ "$status" -eq 0 ] && [ "$(current)" = 0001 ]
    sample 9999 0000 2023-06-30 >"$BATS_TEST_TMPDIR/wrong.csv"
    retrain "$BATS_TEST_TMPDIR/wrong.csv"
    [ "$status" -eq 0 ] && [ "$(current)" = 0001 ]
    [[ $out == *"not better than the version in use"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/models/0002" ]
}

@test "retrain: needs the trainer and the tools of any Debian, no more; films without entries are none to judge by" {
    mkdir "$BATS_TEST_TMPDIR/models" "$BATS_TEST_TMPDIR/tools"
    for tool in sh sed awk date mktemp rm wc head tail cat ls sort ln mv; do
        ln -s "$(command -v $tool)" "$BATS_TEST_TMPDIR/tools/$tool"
    done
    # Ids that want quotes, and films whose first week nobody has counted yet.
    python3 - "$ROOT/data/sample.csv" >"$BATS_TEST_TMPDIR/ids.csv" <<'P'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))
for r in rows:
    r["film_id"] = 'a ""b, 2019-01-01,7,' + r["film_id"]
    if r["release_date"] > "2023-12-31":
        r["first_week_entries"] = ""
w = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
w.writeheader()
w.writerows(rows)
P
    python3 - "$BATS_TEST_TMPDIR/ids.csv" >"$BATS_TEST_TMPDIR/known" <<'P'
import csv, sys
days = sorted(r["release_date"] for r in csv.DictReader(open(sys.argv[1])) if r["first_week_entries"])
print("retrain: %d films; judged on those from %s on" % (len(days), days[len(days) * 4 // 5]))
P
    PATH=$BATS_TEST_TMPDIR/tools retrain "$BATS_TEST_TMPDIR/ids.csv"
    [ "$status" -eq 0 ] && [ "$(current)" = 0001 ]
    [[ $out == *"$(cat "$BATS_TEST_TMPDIR/known")"* ]]
    # A tool that is missing is no verdict.
    rm "$BATS_TEST_TMPDIR/tools/awk"
    PATH=$BATS_TEST_TMPDIR/tools retrain "$BATS_TEST_TMPDIR/ids.csv"
    [ "$status" -ne 0 ]
    [[ $out != *"not better"* ]]
}

@test "retrain: refuses what it cannot read, and too few films" {
    mkdir "$BATS_TEST_TMPDIR/models"
    retrain /none.csv
    [ "$status" -eq 66 ] && [[ $err == *"/none.csv cannot be read"* ]]
    head -100 "$ROOT/data/sample.csv" >"$BATS_TEST_TMPDIR/few.csv"
    retrain "$BATS_TEST_TMPDIR/few.csv"
    [ "$status" -eq 65 ] && [[ $err == *"99 films"* ]]
    [ -z "$(ls "$BATS_TEST_TMPDIR/models")" ]
}

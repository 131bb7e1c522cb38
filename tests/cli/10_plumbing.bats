#!/usr/bin/env bats
# The command line itself: help, version, exit statuses, which stream says what.
load common

@test "--help lists every command on stdout" {
    call "$MT" --help
    [ "$status" -eq 0 ]
    [ -z "$err" ]
    for c in convert evaluate inspect leaves predict sample schema; do [[ $out == *"  $c "* ]]; done
}

@test "every listed command explains itself" {
    for c in $("$MT" --help | awk '/^commands:/{on = 1; next} /^$/{on = 0} on {print $1}'); do
        call "$MT" "$c" --help
        [ "$status" -eq 0 ]
        [ -z "$err" ]
        [[ $out == "usage: mercredi-train $c "* ]]
    done
}

@test "--version prints one line" {
    call "$MT" --version
    [ "$status" -eq 0 ]
    [[ $out =~ ^mercredi-train\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "no command and an unknown one: usage on stderr, 64" {
    call "$MT"
    [ "$status" -eq 64 ]
    [ -z "$out" ]
    [[ $err == "usage: "* ]]
    call "$MT" brew
    [ "$status" -eq 64 ]
    [ -z "$out" ]
    [[ $err == *'no command "brew"'* ]]
}

@test "a missing, an unknown and a wrong option: one line, 64" {
    call "$MT" predict --model m.cbm
    [ "$status" -eq 64 ]
    one_error_line predict --data
    call "$MT" predict --modell m.cbm
    [ "$status" -eq 64 ]
    one_error_line predict --modell
    call "$MT" sample --films many
    [ "$status" -eq 64 ]
    one_error_line sample many
    call "$MT" predict --model m --data d --type Magic
    [ "$status" -eq 64 ]
    one_error_line predict Magic
}

@test "no such model 66, an output that cannot be made 73, a full disk 74" {
    call "$MT" predict --model "$BATS_TEST_TMPDIR/none.cbm" --data x.csv
    [ "$status" -eq 66 ]
    one_error_line predict none.cbm
    call "$MT" sample --films 3 --out "$BATS_TEST_TMPDIR/none/out.csv"
    [ "$status" -eq 73 ]
    one_error_line sample none/out.csv
    call "$MT" sample --films 3 --out "$BATS_TEST_TMPDIR"
    [ "$status" -eq 73 ]
    [ -e /dev/full ] || skip "no /dev/full"
    call "$MT" sample --films 3 --out /dev/full
    [ "$status" -eq 74 ]
}

@test "sample: the same options give the same bytes, which are data/sample.csv" {
    "$MT" sample --films 400 --seed 1 --out "$BATS_TEST_TMPDIR/a.csv"
    cmp "$BATS_TEST_TMPDIR/a.csv" "$ROOT/data/sample.csv"
    "$MT" sample --films 400 --seed 2 --out "$BATS_TEST_TMPDIR/b.csv"
    ! cmp -s "$BATS_TEST_TMPDIR/a.csv" "$BATS_TEST_TMPDIR/b.csv"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/a.csv")" -eq 401 ]
    ls "$BATS_TEST_TMPDIR" | grep -v tmp | grep -c csv | grep -qx 2
}

@test "sample holds the awkward cells it promises" {
    grep -q '""' "$ROOT/data/sample.csv"
    grep -q '"Distributeur [0-9]*, S.A."' "$ROOT/data/sample.csv"
    grep -q 'Œuvre' "$ROOT/data/sample.csv"
    grep -q ',,' "$ROOT/data/sample.csv"
}

@test "schema: a dictionary in Markdown, the schema itself in JSON, found from any folder" {
    cd "$BATS_TEST_TMPDIR"
    call "$MT" schema
    [ "$status" -eq 0 ]
    [[ $out == "# Fields of first-week"* ]]
    [[ $out == *'| `release_date` | date |'* ]]
    [[ $out == *'(target)'* ]]
    call "$MT" schema --json
    cmp "$BATS_TEST_TMPDIR/out" "$ROOT/data/schema.json"
    call "$MT" schema --json --markdown
    [ "$status" -eq 64 ]
}

@test "data/README.md holds the dictionary of data/schema.json" {
    "$MT" schema --markdown | sed 's/^# Fields/## Fields/' | diff - <(sed -n '/^## Fields/,$p' "$ROOT/data/README.md")
}

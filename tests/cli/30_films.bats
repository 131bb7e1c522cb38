#!/usr/bin/env bats
# The film trainer on the synthetic sample: fit, predict, evaluate, features, backtest, and what they refuse.
load common

setup_file() {
    load common
    export FITTED=$BATS_FILE_TMPDIR/models/first-week/0001
    SOURCE_DATE_EPOCH=1767225600 "$MT" fit --schema "$ROOT/data/schema.json" --data "$ROOT/data/sample.csv" \
        --out "$FITTED" --json >"$BATS_FILE_TMPDIR/fit.json"
}

fit() { "$MT" fit --schema "$ROOT/data/schema.json" "$@"; }

film_file() { # lines below the header
    echo 'title,release_date,first_week_entries,screens' >"$BATS_TEST_TMPDIR/f.csv"
    printf '%s\n' "$@" >>"$BATS_TEST_TMPDIR/f.csv"
}

@test "fit: a bundle with both models, its figures in JSON" {
    [ -f "$FITTED/model.cbm" ] && [ -f "$FITTED/model_screens.cbm" ] && [ -f "$FITTED/manifest.json" ]
    jq -e '.name == "first-week" and .version == "0001"' "$BATS_FILE_TMPDIR/fit.json"
    jq -e '.metrics.ahead.films == 400 and .metrics.screens.films > 300' "$BATS_FILE_TMPDIR/fit.json"
    jq -e '.metrics.ahead.out_of_time.r2 > 0.2' "$BATS_FILE_TMPDIR/fit.json"
    jq -e '.data.rows_train == 400 and .seed == 1' "$FITTED/manifest.json"
    [ "$(jq -r .data.sha256 "$FITTED/manifest.json")" = "$(sha256sum <"$ROOT/data/sample.csv" | cut -d' ' -f1)" ]
}

@test "fit: the same data and seed give the same bytes, for any number of threads and any order of rows" {
    { head -1 "$ROOT/data/sample.csv"; tail -n +2 "$ROOT/data/sample.csv" | sort -t, -k1,1r; } >"$BATS_TEST_TMPDIR/r.csv"
    SOURCE_DATE_EPOCH=1767225600 fit --data "$ROOT/data/sample.csv" --threads 3 --out "$BATS_TEST_TMPDIR/first-week/0001"
    diff -r "$FITTED" "$BATS_TEST_TMPDIR/first-week/0001"
    fit --data "$BATS_TEST_TMPDIR/r.csv" --threads 1 --out "$BATS_TEST_TMPDIR/other/0001"
    cmp "$FITTED/model.cbm" "$BATS_TEST_TMPDIR/other/0001/model.cbm"
    cmp "$FITTED/interval.json" "$BATS_TEST_TMPDIR/other/0001/interval.json"
}

@test "fit: no name in the bundle belongs to fewer than three films" {
    jq -e '[.features[] | select(.min_count) | .min_count >= 3] | length >= 5 and all' "$FITTED/features.json"
    # A director of the sample with one film is in no file of the bundle.
    python3 - "$ROOT/data/sample.csv" >"$BATS_TEST_TMPDIR/rare" <<'P'
import collections, csv, sys
seen = collections.Counter(r["directors"] for r in csv.DictReader(open(sys.argv[1], encoding="utf-8")) if r["directors"])
for name, n in seen.items():
    if n < 3:
        print(name.replace("Réalisateur", "realisateur"))
P
    [ -s "$BATS_TEST_TMPDIR/rare" ]
    ! jq -r '.features[] | select(.values) | .values[]' "$FITTED"/features*.json | grep -xFf "$BATS_TEST_TMPDIR/rare"
    # Titles stand in the list of past films only, which has no figure of theirs.
    [ "$(grep -rl 'chapitre 4' "$FITTED")" = "$FITTED/tables/similar.json" ]
    [ "$(jq -r 'keys | join(" ")' "$FITTED/tables/similar.json")" = 'format leaves titles trees years' ]
}

@test "fit: refuses an existing version before training" {
    call fit --data /none.csv --out "$FITTED"
    [ "$status" -eq 73 ]
    one_error_line fit exists
}

@test "fit: a wrong cell stops with file, line, column, value and rule; --max-bad leaves it out" {
    film_file 'A,2020-01-01,12,3' 'B,2020-01-08,lots,3'
    call fit --data "$BATS_TEST_TMPDIR/f.csv" --out "$BATS_TEST_TMPDIR/b"
    [ "$status" -eq 65 ]
    one_error_line fit 'f.csv:3:14: first_week_entries: Input should be a valid integer'
    [[ $err == *lots* ]]
    [ ! -e "$BATS_TEST_TMPDIR/b" ]
    { cat "$ROOT/data/sample.csv"; echo 's9,X,,2020-99-01,,,,,,,,,,,5,train,1'; } >"$BATS_TEST_TMPDIR/g.csv"
    call fit --data "$BATS_TEST_TMPDIR/g.csv" --out "$BATS_TEST_TMPDIR/b"
    [ "$status" -eq 65 ]
    call fit --data "$BATS_TEST_TMPDIR/g.csv" --max-bad 1 --out "$BATS_TEST_TMPDIR/b/1"
    [ "$status" -eq 0 ]
    [[ $out == *"1 wrong rows left out"* ]]
    cmp "$BATS_TEST_TMPDIR/b/1/model.cbm" "$FITTED/model.cbm"
}

@test "fit: files that are no films have messages of their own" {
    cd "$BATS_TEST_TMPDIR"
    : >f.csv
    call fit --data f.csv --out b
    [ "$status" -eq 65 ] && one_error_line fit empty
    echo 'title,release_date,title,first_week_entries' >f.csv
    call fit --data f.csv --out b
    [ "$status" -eq 65 ] && one_error_line fit '"title"'
    printf 'title,release_date\nA,2020-01-01\n' >f.csv
    call fit --data f.csv --out b
    [ "$status" -eq 65 ] && one_error_line fit 'no column "first_week_entries"'
    printf 'title,release_date,first_week_entries\n\351,2020-01-01,3\n' >f.csv
    call fit --data f.csv --out b
    [ "$status" -eq 65 ] && one_error_line fit UTF-8
    printf 'title,release_date,first_week_entries\n"A,2020-01-01,3\n' >f.csv
    call fit --data f.csv --out b
    [ "$status" -eq 65 ] && one_error_line fit closed
    call fit --data none.csv --out b
    [ "$status" -eq 66 ] && one_error_line fit none.csv
    film_file 'A,2020-01-01,12,3'
    call fit --data f.csv --out b
    [ "$status" -eq 65 ] && one_error_line fit 'at least 100'
    call fit --data "$ROOT/data/sample.csv" --until 2020-02-30 --out b
    [ "$status" -eq 64 ] && one_error_line fit 2020-02-30
    [ ! -e b ]
}

@test "fit: a feature known only after release is refused" {
    sed 's/"field": "screens"/"field": "first_week_entries"/' "$ROOT/data/features_screens.json" >"$BATS_TEST_TMPDIR/f.json"
    call fit --data "$ROOT/data/sample.csv" --features-screens "$BATS_TEST_TMPDIR/f.json" --out "$BATS_TEST_TMPDIR/b"
    [ "$status" -eq 65 ]
    one_error_line fit 'only after release'
}

@test "predict: tickets in order, alone and in a batch the same" {
    call "$MT" predict --model "$FITTED" --data "$ROOT/data/sample.csv"
    [ "$status" -eq 0 ]
    [ "$(head -1 "$BATS_TEST_TMPDIR/out")" = admissions,low80,high80,low90,high90,q05,q10,q25,q50,q75,q90,q95 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 401 ]
    awk -F, 'NR > 1 && !($4 <= $2 && $2 <= $1 && $1 <= $3 && $3 <= $5 && $6 <= $7 && $11 <= $12) {exit 1}' "$BATS_TEST_TMPDIR/out"
    cp "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/all"
    for i in 2 57 401; do
        { head -1 "$ROOT/data/sample.csv"; sed -n "${i}p" "$ROOT/data/sample.csv"; } |
            "$MT" predict --model "$FITTED" --data - | tail -1 | cmp - <(sed -n "${i}p" "$BATS_TEST_TMPDIR/all")
    done
}

@test "predict: an own target changes nothing, a wrong cell says where" {
    cut_target() { python3 -c 'import csv,sys
r = csv.DictReader(sys.stdin); w = csv.DictWriter(sys.stdout, [f for f in r.fieldnames if f != "first_week_entries"], extrasaction="ignore", lineterminator="\n")
w.writeheader(); w.writerows(r)'; }
    "$MT" predict --model "$FITTED" --data "$ROOT/data/sample.csv" >"$BATS_TEST_TMPDIR/a"
    cut_target <"$ROOT/data/sample.csv" | "$MT" predict --model "$FITTED" --data - | cmp - "$BATS_TEST_TMPDIR/a"
    printf 'title,release_date,screens\nA,2026-01-07,0\n' >"$BATS_TEST_TMPDIR/f.csv"
    call "$MT" predict --model "$FITTED" --data "$BATS_TEST_TMPDIR/f.csv"
    [ "$status" -eq 65 ]
    one_error_line predict f.csv:2:14
}

@test "predict: each of a week's fourteen films alone as among the others, in bits" {
    # The whole sample in one week, so that nothing but the film's own fields tells them apart; every other without screens.
    python3 - "$ROOT/data/sample.csv" "$BATS_TEST_TMPDIR" <<'P'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))[:14]
for i, r in enumerate(rows):
    r.update(release_date="2023-03-08", screens=r["screens"] if i % 2 else "")
for name, part in [("week", rows)] + [("film%02d" % i, [r]) for i, r in enumerate(rows)]:
    with open("%s/%s.csv" % (sys.argv[2], name), "w", encoding="utf-8", newline="") as f:
        w = csv.DictWriter(f, rows[0], lineterminator="\n")
        w.writeheader()
        w.writerows(part)
P
    for model in "$FITTED" "$ROOT/models/first-week/current"; do
        for as in "" "--type RawFormulaVal --float hex"; do
            "$MT" predict --model "$model" --data "$BATS_TEST_TMPDIR/week.csv" $as >"$BATS_TEST_TMPDIR/together"
            [ "$(tail -n +2 "$BATS_TEST_TMPDIR/together" | sort -u | wc -l)" -eq 14 ]
            for film in "$BATS_TEST_TMPDIR"/film*.csv; do
                "$MT" predict --model "$model" --data "$film" $as | tail -n 1
            done | cmp - <(tail -n +2 "$BATS_TEST_TMPDIR/together")
        done
    done
}

@test "predict: raw scores of a bundle are those of its plain model on its features" {
    "$MT" features --data "$ROOT/data/sample.csv" --model "$FITTED" --setting N --out "$BATS_TEST_TMPDIR/n.csv"
    jq '[{name: "film_id", kind: "ignore"}] + [.features[] | {name, kind: (if .derive == "category" or .derive == "item" then "cat" else "num" end)}]' \
        "$FITTED/features.json" >"$BATS_TEST_TMPDIR/c.json"
    "$MT" predict --model "$FITTED/model.cbm" --data "$BATS_TEST_TMPDIR/n.csv" --columns "$BATS_TEST_TMPDIR/c.json" \
        --float hex >"$BATS_TEST_TMPDIR/plain"
    # Without screens every film goes to the model for weeks ahead. The sample is in time order already.
    python3 -c 'import csv,sys
r = csv.DictReader(sys.stdin); w = csv.DictWriter(sys.stdout, r.fieldnames, lineterminator="\n"); w.writeheader()
for x in r: w.writerow({**x, "screens": ""})' <"$ROOT/data/sample.csv" |
        "$MT" predict --model "$FITTED" --data - --type RawFormulaVal --float hex | cmp - "$BATS_TEST_TMPDIR/plain"
}

@test "evaluate and inspect a bundle" {
    call "$MT" evaluate --model "$FITTED" --data "$ROOT/data/sample.csv" --json
    [ "$status" -eq 0 ]
    jq -e '.films == 400 and .r2_log10 > 0.5' <<<"$out"
    call "$MT" inspect --json "$FITTED"
    jq -e '.version == "0001" and (.models | length) == 2 and .models[0].per == "screens"' <<<"$out"
    jq -e '[.models[].model.ctrs[].cats | length] | max <= 1' <<<"$out"
}

@test "features: time order, the header of the list, empty = unknown" {
    call "$MT" features --data "$ROOT/data/sample.csv" --setting N
    [ "$status" -eq 0 ]
    [ "$(head -1 "$BATS_TEST_TMPDIR/out")" = "film_id,$(jq -r '[.features[].name] | join(",")' "$ROOT/data/features_recipe.json")" ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -eq 401 ]
    ! grep -qi nan "$BATS_TEST_TMPDIR/out"
    # With the target, to train elsewhere; the rest of the line is the same.
    "$MT" features --data "$ROOT/data/sample.csv" --setting N --outcomes >"$BATS_TEST_TMPDIR/with"
    [[ $(head -1 "$BATS_TEST_TMPDIR/with") == film_id,release_date,first_week_entries,* ]]
    cut -d, -f1,4- "$BATS_TEST_TMPDIR/with" | cmp - "$BATS_TEST_TMPDIR/out"
    python3 - "$ROOT/data/sample.csv" "$BATS_TEST_TMPDIR/with" <<'P'
import csv, sys
films = {f["film_id"]: f for f in csv.DictReader(open(sys.argv[1], encoding="utf-8"))}
for r in csv.DictReader(open(sys.argv[2], encoding="utf-8")):
    for name in ("release_date", "first_week_entries"):
        assert r[name] == films[r["film_id"]][name], (r["film_id"], name, r[name])
P
}

@test "fit --kind private: served features are those of training, from the tables of the bundle" {
    fit --data "$ROOT/data/sample.csv" --kind private --out "$BATS_TEST_TMPDIR/first-week/0002" -q
    [ "$(jq -r .form "$BATS_TEST_TMPDIR/first-week/0002/tables/history.json")" = private ]
    jq -e '.data.rows_history == 400' "$BATS_TEST_TMPDIR/first-week/0002/manifest.json"
    [ "$(jq -r .histories_as_of "$BATS_TEST_TMPDIR/first-week/0002/manifest.json")" = \
        "$(jq -r .as_of "$BATS_TEST_TMPDIR/first-week/0002/tables/history.json")" ]
    "$MT" features --data "$ROOT/data/sample.csv" --model "$BATS_TEST_TMPDIR/first-week/0002" --out "$BATS_TEST_TMPDIR/a.csv"
    "$MT" features --data "$ROOT/data/sample.csv" --features "$ROOT/data/features_private.json" \
        --features-screens "$ROOT/data/features_private_screens.json" --out "$BATS_TEST_TMPDIR/b.csv"
    # But for budgets, which the bundle fills, and nothing else does.
    others() { python3 -c 'import csv,sys
r = csv.DictReader(sys.stdin)
for x in r: print(*[v for k, v in x.items() if k != "budget"], sep=",")' <"$1"; }
    cmp <(others "$BATS_TEST_TMPDIR/a.csv") <(others "$BATS_TEST_TMPDIR/b.csv")
    jq -se '[.[].features[].derive] | index("rivals") == null' "$BATS_TEST_TMPDIR/first-week/0002"/features*.json
    # One film, or all, in any order: the same answers.
    "$MT" predict --model "$BATS_TEST_TMPDIR/first-week/0002" --data "$ROOT/data/sample.csv" >"$BATS_TEST_TMPDIR/p"
    sed -n '1p;200p' "$ROOT/data/sample.csv" | "$MT" predict --model "$BATS_TEST_TMPDIR/first-week/0002" --data - |
        diff - <(sed -n '1p;200p' "$BATS_TEST_TMPDIR/p")
}

@test "fit --kind published: no film, no rare name, rounded means only" {
    b=$BATS_TEST_TMPDIR/first-week/0003
    fit --data "$ROOT/data/sample.csv" --kind published --out "$b" -q
    jq -e '.form == "published" and (has("films") | not)' "$b/tables/history.json"
    jq -e '[.entities[][]] | length > 20 and all(.[1] >= 3 and .[2] * 100 - (.[2] * 100 | round) < 1e-6)' \
        "$b/tables/history.json"
    python3 - "$ROOT/data/sample.csv" >"$BATS_TEST_TMPDIR/rare" <<'P'
import collections, csv, sys
films = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))
for field in ("directors", "actors", "distributor"):
    seen = collections.Counter(x for film in films for x in film[field].split("|") if x)
    for name, n in seen.items():
        if n < 3:
            print(name.lower().replace("é", "e").replace(", s.a.", " s a"))
P
    [ "$(wc -l <"$BATS_TEST_TMPDIR/rare")" -gt 20 ]
    { jq -r '.entities[][][0]' "$b/tables/history.json"; jq -r '.features[] | select(.values) | .values[]' "$b"/features*.json; } \
        >"$BATS_TEST_TMPDIR/kept"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/kept")" -gt 50 ]
    [ "$(grep -cxFf "$BATS_TEST_TMPDIR/rare" "$BATS_TEST_TMPDIR/kept")" -eq 0 ]
    "$MT" predict --model "$b" --data "$ROOT/data/sample.csv" >/dev/null
    # The tables are part of the version: another one is refused.
    sed 's/"form":"published"/"form":"published" /' "$b/tables/history.json" >"$BATS_TEST_TMPDIR/h"
    cat "$BATS_TEST_TMPDIR/h" >"$b/tables/history.json"
    call "$MT" predict --model "$b" --data "$ROOT/data/sample.csv"
    [ "$status" -eq 65 ]
    one_error_line predict history.json
}

@test "fit: a list that a kind cannot serve is refused before training" {
    call fit --data "$ROOT/data/sample.csv" --features "$ROOT/data/features_recipe.json" --kind private --out "$BATS_TEST_TMPDIR/b"
    one_error_line fit "other films"
    call fit --data "$ROOT/data/sample.csv" --features "$ROOT/data/features_private.json" --out "$BATS_TEST_TMPDIR/b"
    one_error_line fit "past films"
    call fit --data "$ROOT/data/sample.csv" --features "$ROOT/data/features_private.json" --kind published \
        --out "$BATS_TEST_TMPDIR/b"
    one_error_line fit "published bundle keeps"
    [ ! -e "$BATS_TEST_TMPDIR/b" ]
}

@test "backtest: figures beside the naive rule, one line a film" {
    call "$MT" backtest --data "$ROOT/data/sample.csv" --train-until 2022-12-31 --test 2023-01-01..2024-12-31 \
        --setting N --predictions "$BATS_TEST_TMPDIR/p.csv" --json
    [ "$status" -eq 0 ]
    jq -e '.median.r2_log10 > .naive.r2_log10 and .films_S == 0' <<<"$out"
    [ "$(head -1 "$BATS_TEST_TMPDIR/p.csv")" = film_id,setting,point,median,low80,high80,low90,high90 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/p.csv")" -eq $(($(jq .films_N <<<"$out") + 1)) ]
    awk -F, 'NR > 1 && !($2 == "N" && $5 <= $4 && $4 <= $6) {exit 1}' "$BATS_TEST_TMPDIR/p.csv"
}

@test "backtest: neither a film's own figures nor later films touch its prediction" {
    # Intervals may follow the errors of films judged before: the point must not.
    run_it() { "$MT" backtest --data "$1" --train-until 2022-12-31 --test 2023-01-01..2023-06-30 --setting N \
        --predictions "$2" >/dev/null; }
    python3 -c 'import csv,sys
r = csv.DictReader(sys.stdin); w = csv.DictWriter(sys.stdout, r.fieldnames, lineterminator="\n"); w.writeheader()
for x in r:
    if x["release_date"] > "2022-12-18": x["first_week_entries"] = "77"; x["screens"] = "5"
    if x["release_date"] > "2023-06-30": x["distributor"] = "Autre"
    w.writerow(x)' <"$ROOT/data/sample.csv" >"$BATS_TEST_TMPDIR/changed.csv"
    run_it "$ROOT/data/sample.csv" "$BATS_TEST_TMPDIR/a"
    run_it "$BATS_TEST_TMPDIR/changed.csv" "$BATS_TEST_TMPDIR/b"
    cmp <(cut -d, -f1-3 "$BATS_TEST_TMPDIR/a") <(cut -d, -f1-3 "$BATS_TEST_TMPDIR/b")
}

@test "backtest --kind private: histories roll, but hold nothing younger than two weeks" {
    for kind in private published; do
        run_it() { "$MT" backtest --data "$1" --train-until 2022-12-31 --test 2023-06-17..2023-06-30 --setting N \
            --kind $kind --predictions "$2" >/dev/null; }
        change() { python3 -c 'import csv,sys
r = csv.DictReader(sys.stdin); w = csv.DictWriter(sys.stdout, r.fieldnames, lineterminator="\n"); w.writeheader()
for x in r:
    if x["release_date"] > sys.argv[1]: x["first_week_entries"] = "77"; x["screens"] = "5"
    w.writerow(x)' "$1" <"$ROOT/data/sample.csv" >"$BATS_TEST_TMPDIR/changed.csv"; }
        run_it "$ROOT/data/sample.csv" "$BATS_TEST_TMPDIR/a"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/a")" -gt 1 ]
        change 2023-06-16
        run_it "$BATS_TEST_TMPDIR/changed.csv" "$BATS_TEST_TMPDIR/b"
        cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
        # Older figures do count, though no model was trained on them.
        change 2023-01-31
        run_it "$BATS_TEST_TMPDIR/changed.csv" "$BATS_TEST_TMPDIR/b"
        ! cmp -s "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b" || return 1
    done
}

@test "backtest --histories-age: as if the histories had ended so much earlier" {
    # Of one film, so that an age is a day.
    echo "{\"iterations\": 20}" >"$BATS_TEST_TMPDIR/p.json"
    run_it() { "$MT" backtest --data "$ROOT/data/sample.csv" --train-until 2018-12-31 --test 2022-12-21..2022-12-27 --setting N \
        --kind private --points --params "$BATS_TEST_TMPDIR/p.json" --predictions "$BATS_TEST_TMPDIR/$1" "${@:2}" --quiet >/dev/null; }
    run_it now
    run_it aged --histories-age 2
    run_it ended --histories-until 2020-12-07
    cmp "$BATS_TEST_TMPDIR/aged" "$BATS_TEST_TMPDIR/ended"
    ! cmp -s "$BATS_TEST_TMPDIR/now" "$BATS_TEST_TMPDIR/aged"
}

@test "backtest: what is known only after a film's Monday touches no prediction" {
    echo '{"iterations": 20}' >"$BATS_TEST_TMPDIR/p.json"
    for kind in private published; do
        python3 "$ROOT/tests/cli/no_leak.py" "$MT" "$ROOT/data/sample.csv" 2022-06-30 "$BATS_TEST_TMPDIR" \
            2022-11-28 2023-03-13 -- --kind $kind --params "$BATS_TEST_TMPDIR/p.json"
    done
}

@test "backtest: the same on the real films" {
    [ -n "$MERCREDI_DATA" ] || skip "MERCREDI_DATA is not set"
    python3 "$ROOT/data/prepare.py" "$MERCREDI_DATA/data/fr-first-week/clean.csv" "$BATS_TEST_TMPDIR/films.csv" 2>/dev/null
    echo '{"iterations": 10}' >"$BATS_TEST_TMPDIR/p.json"
    python3 "$ROOT/tests/cli/no_leak.py" "$MT" "$BATS_TEST_TMPDIR/films.csv" 2017-12-31 "$BATS_TEST_TMPDIR" \
        2018-03-12 -- --kind private --points --params "$BATS_TEST_TMPDIR/p.json"
}

@test "backtest: groups, differences, a champion on the same films, days left out" {
    t() { call "$MT" backtest --data "$ROOT/data/sample.csv" --train-until 2021-12-31 --params "$BATS_FILE_TMPDIR/p.json" "$@"; }
    echo '{"iterations": 40}' >"$BATS_FILE_TMPDIR/p.json"
    fit --data "$ROOT/data/sample.csv" --until 2021-12-31 --params "$BATS_FILE_TMPDIR/p.json" --out "$BATS_TEST_TMPDIR/m/0001" -q
    t --test 2022-01-01..2024-12-31 --champion "$BATS_TEST_TMPDIR/m/0001" --scores "$BATS_TEST_TMPDIR/s.csv" --json
    [ "$status" -eq 0 ]
    # The champion was made as the first models of the back-test are: the same points, but its offsets do not roll.
    jq -e '.champion.films == .median.films and ((.champion.r2_log10 - .median.r2_log10) | fabs) < 0.05' <<<"$out"
    jq -e '[.groups[] | select(.rule == "median" and .by == "year").group] == ["2022", "2023", "2024"]' <<<"$out"
    jq -e '[.groups[] | select(.rule == "median" and .by == "setting").films] | add == '"$(jq .median.films <<<"$out")" <<<"$out"
    jq -e '[.differences[].against] == ["naive", "per_screen", "champion"]' <<<"$out"
    jq -e '.differences[0].rmse_log10 | .low_95 < .value and .value < .high_95 and .high_95 < 0' <<<"$out"
    jq -e '.per_screen.films < .naive.films and .naive.pinball_log10 == null and .median.pinball_log10 > 0' <<<"$out"
    [ "$(head -1 "$BATS_TEST_TMPDIR/s.csv" | cut -d, -f1-5)" = by,group,rule,films,r2_log10 ]
    [ "$(grep -c '^year,2022,' "$BATS_TEST_TMPDIR/s.csv")" -eq 5 ]
    # Days left out, and plans that would flatter.
    t --test 2022-01-01..2024-12-31 --skip 2023-01-01..2023-12-31 --points --json
    jq -e '[.groups[] | select(.rule == "median" and .by == "year").group] == ["2022", "2024"]' <<<"$out"
    jq -e '.median.coverage_80 == null and .median.r2_log10 > 0' <<<"$out"
    t --test 2022-01-01..2024-12-31 --skip 2023-01-01..2022-12-31
    [ "$status" -eq 64 ] && one_error_line backtest '--skip'
    call "$MT" backtest --data "$ROOT/data/sample.csv" --train-until 2020-12-31 --test 2021-01-01..2022-12-31 \
        --champion "$BATS_TEST_TMPDIR/m/0001"
    [ "$status" -eq 64 ] && one_error_line backtest 'the champion has learnt from films up to 2021-12-'
}

@test "backtest --robustness: each optional field known, blanked, and never learnt" {
    echo '{"iterations": 40}' >"$BATS_TEST_TMPDIR/p.json"
    t() { call "$MT" backtest --data "$ROOT/data/sample.csv" --train-until 2021-12-31 --test 2022-01-01..2024-12-31 \
        --setting N --robustness --params "$BATS_TEST_TMPDIR/p.json" "$@"; }
    t --json
    [ "$status" -eq 0 ]
    jq -e '[.N[].field] == ["budget", "directors", "actors", "duration_min", "age_rating", "original_title", "distributor",
        "genres", "countries", "often unknown", "all"]' <<<"$out"
    # Only films that have the field are judged; all of them have some.
    jq -e '(.N[0].films < .N[-1].films) and (.N[-1].films == ([.N[].films] | max))' <<<"$out"
    jq -e '.N[-1] | .given.r2_log10 > .blanked.r2_log10' <<<"$out"
    learnt=$(jq .N[-1].learnt_without.r2_log10 <<<"$out")
    # Without the field in the file at all, models are those that learnt without it.
    python3 -c 'import csv,sys
r = csv.DictReader(sys.stdin); w = csv.DictWriter(sys.stdout, r.fieldnames, lineterminator="\n"); w.writeheader()
optional = "budget directors actors duration_min age_rating original_title distributor genres countries".split()
for x in r: w.writerow({**x, **dict.fromkeys(optional, "")})' <"$ROOT/data/sample.csv" >"$BATS_TEST_TMPDIR/f.csv"
    call "$MT" backtest --data "$BATS_TEST_TMPDIR/f.csv" --train-until 2021-12-31 --test 2022-01-01..2024-12-31 --setting N \
        --points --params "$BATS_TEST_TMPDIR/p.json" --json
    jq -e "(.point.r2_log10 - $learnt) | fabs < 1e-9" <<<"$out"
    t
    [[ $out == *"learnt_without: R2, bias"* ]]
}

@test "backtest: settings, refits, and plans out of order" {
    t() { call "$MT" backtest --data "$ROOT/data/sample.csv" --train-until 2021-12-31 "$@"; }
    t --test 2022-01-01..2023-12-31 --refit yearly --json
    [ "$status" -eq 0 ]
    [ "$(jq .models_trained <<<"$out")" -eq 4 ]
    jq -e '.films_N > 0 and .films_S > 0' <<<"$out"
    t --test 2022-01-01..2022-06-30 --refit 2022-03-01 --setting S
    [ "$status" -eq 0 ]
    [[ $out == *"0 films weeks ahead"*"2 models trained"* ]]
    t --test 2022-01-01..2021-01-01
    [ "$status" -eq 64 ] && one_error_line backtest 'ends before'
    t --test 2021-06-01..2022-12-31
    [ "$status" -eq 64 ] && one_error_line backtest 'begin after'
    t --test 2022-01-01..2022-12-31 --refit 2025-01-01
    [ "$status" -eq 64 ] && one_error_line backtest 'inside the test'
    t --test 2090-01-01..2091-12-31
    [ "$status" -eq 65 ]
}

@test "backtest: finds its tables from any folder" {
    cd "$BATS_TEST_TMPDIR"
    call "$MT" backtest --data "$(realpath "$ROOT")/data/sample.csv" --train-until 2022-12-31 --test 2023-01-01..2023-06-30
    [ "$status" -eq 0 ]
}

@test "refresh: 52 weekly files in order give the tables of all at once; an incomplete week changes no sum" {
    cd "$BATS_TEST_TMPDIR"
    echo '{"iterations": 20}' >p.json
    last=$(tail -n +2 "$ROOT/data/sample.csv" | python3 -c 'import csv,sys
r = csv.DictReader(open(sys.argv[1])); print(max(x["release_date"] for x in r))' "$ROOT/data/sample.csv")
    # The last 52 film weeks of the sample, a file each; some are empty and have nothing to teach.
    python3 - "$ROOT/data/sample.csv" "$last" <<'P'
import csv, datetime, sys
rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))
end = datetime.date.fromisoformat(sys.argv[2])
begin = end - datetime.timedelta(days=(end.weekday() - 2) % 7 + 51 * 7)
open("until", "w").write((begin - datetime.timedelta(days=1)).isoformat())
for k in range(52):
    a, b = begin + datetime.timedelta(days=7 * k), begin + datetime.timedelta(days=7 * k + 6)
    week = [r for r in rows if a.isoformat() <= r["release_date"] <= b.isoformat()]
    if week:
        w = csv.DictWriter(open("w%02d.csv" % k, "w", encoding="utf-8", newline=""), rows[0], lineterminator="\n")
        w.writeheader()
        w.writerows(week)
P
    until=$(cat until)
    fit --data "$ROOT/data/sample.csv" --kind private --params p.json --out all/0001 -q >/dev/null
    fit --data "$ROOT/data/sample.csv" --kind private --params p.json --until "$until" --out base/0001 -q >/dev/null
    from=base/0001
    for w in w*.csv; do
        "$MT" refresh --model $from --data "$w" --out "base/0001-${w%.csv}"
        from=base/0001-${w%.csv}
    done
    cmp all/0001/tables/history.json $from/tables/history.json
    cmp base/0001/model.cbm $from/model.cbm
    [ "$(jq .histories_as_of $from/manifest.json)" = "$(jq .histories_as_of all/0001/manifest.json)" ]
    # Its errors moved the intervals.
    ! cmp -s base/0001/interval.json $from/interval.json || return 1
    # Half a week is not a small week.
    first=$(ls w*.csv | head -1)
    "$MT" refresh --model base/0001 --data "$first" --incomplete --out base/half
    "$MT" refresh --model base/0001 --data "$first" --out base/whole
    [ "$(jq .complete base/half/tables/history.json)" = "$(jq .complete base/0001/tables/history.json)" ]
    day=$(python3 -c 'import datetime,sys; print(datetime.date.fromisoformat(sys.argv[1]) + datetime.timedelta(days=int(sys.argv[2])))' "$(jq -r .complete base/0001/tables/history.json)" 14)
    later=$(python3 -c 'import datetime,csv,sys; print(datetime.date.fromisoformat(next(csv.DictReader(open(sys.argv[1])))["release_date"]) + datetime.timedelta(days=14))' "$first")
    printf 'film_id,title,release_date\na,Film,%s\nb,Film,%s\n' "$day" "$later" >new.csv
    sum() { "$MT" features --model "$1" --data new.csv --setting N | python3 -c 'import csv,sys
print(*[r["mk_sum52"] or "unknown" for r in csv.DictReader(sys.stdin)])'; }
    read -r a0 b0 <<<"$(sum base/0001)"
    read -r a1 b1 <<<"$(sum base/half)"
    read -r a2 b2 <<<"$(sum base/whole)"
    [ "$a0" != unknown ] && [ "$a0" = "$a1" ] && [ "$a0" = "$a2" ]
    [ "$b1" = unknown ] && [ "$b2" != unknown ]
}

@test "refresh: refuses published bundles, what exists, and files that teach nothing" {
    cd "$BATS_TEST_TMPDIR"
    echo '{"iterations": 20}' >p.json
    fit --data "$ROOT/data/sample.csv" --kind published --params p.json --out m/0001 -q >/dev/null
    call "$MT" refresh --model m/0001 --data "$ROOT/data/sample.csv" --out m/0002
    [ "$status" -eq 69 ] && one_error_line refresh 'no private bundle'
    call "$MT" refresh --model m/0001 --data "$ROOT/data/sample.csv" --out m/0001
    [ "$status" -ne 0 ] && one_error_line refresh 'a version never changes'
    fit --data "$ROOT/data/sample.csv" --kind private --params p.json --out p/0001 -q >/dev/null
    printf 'title,release_date,first_week_entries\nFilm,2026-01-07,\n' >none.csv
    call "$MT" refresh --model p/0001 --data none.csv --out p/0002
    [ "$status" -ne 0 ] && one_error_line refresh 'nothing to learn'
    [ ! -e p/0002 ]
}

@test "report: one page that asks for nothing else; a card beside it" {
    grep -q '^## Model `ahead`' "$FITTED/report.md"
    # R2 is of the first week in both; the models that learn it per cinema say that too.
    jq -e '.models | .screens.all.r2 > .screens.all.r2_per_screen and (.ahead.all | has("r2_per_screen") | not)' "$FITTED/report.json"
    grep -q '(per cinema 0\.' "$FITTED/report.md"
    jq -e '.models.ahead | .all.films >= 100 and (.by_year | length) > 0 and (.importance | map(.percent) | add) > 99' "$FITTED/report.json"
    # No group of few films, and no title.
    jq -e '[.models[] | .by_year[], .by_genre[], .by_forecast[] | .films] | min >= 20' "$FITTED/report.json"
    ! grep -q chapitre "$FITTED/report.json" "$FITTED/report.md" || return 1
    : >"$BATS_TEST_TMPDIR/none.js" # whether or not the library is installed
    "$MT" report "$FITTED" --charts "$BATS_TEST_TMPDIR/none.js" --html "$BATS_TEST_TMPDIR/r.html"
    grep -q '<script type="application/json" id="report">{' "$BATS_TEST_TMPDIR/r.html"
    ! grep -qE '(src|href)=|https?://|@REPORT@|@CHARTS@' "$BATS_TEST_TMPDIR/r.html" || return 1
    # A library of charts goes into the page as it is.
    echo 'var echarts = {init: () => ({setOption() {}})};' >"$BATS_TEST_TMPDIR/e.js"
    "$MT" report "$FITTED" --charts "$BATS_TEST_TMPDIR/e.js" --html - | grep -q 'var echarts = '
    call "$MT" report "$ROOT/models/first-week/0001" --html "$BATS_TEST_TMPDIR/none.html"
    [ "$status" -eq 66 ] && one_error_line report 'without a report'
}

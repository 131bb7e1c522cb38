#!/bin/sh
# CatBoost itself loads the models of the shipped bundle (or of BUNDLE) and answers the same raw scores, bit for bit.
# Usage: tests/golden/catboost_agrees.sh [BUNDLE [FILMS.csv]]. Python with catboost from MERCREDI_PY or PATH.
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
train=$B/mercredi-train
bundle=${1:-models/first-week/$(readlink models/first-week/current 2>/dev/null || echo 0001)}
films=${2:-data/sample.csv}
py=${MERCREDI_PY:-python3}
finish() { echo "$1 passed, $2 failed, $3 skipped"; [ "$2" = 0 ]; exit $?; }
if ! "$py" -c 'import catboost' 2>/dev/null; then echo "SKIP: $py has no catboost"; finish 0 0 1; fi
if [ ! -f "$bundle/model.cbm" ]; then echo "SKIP: no bundle $bundle"; finish 0 0 1; fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-agree.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
for setting in N S; do
    case $setting in N) model=model.cbm features=features.json ;; S) model=model_screens.cbm features=features_screens.json ;; esac
    "$train" features --data "$films" --model "$bundle" --setting $setting --out "$tmp/f.csv" || exit 1
    if "$py" - "$bundle/$model" "$bundle/$features" "$tmp/f.csv" "$tmp/catboost.csv" "$tmp/columns.json" <<'P' &&
"""First 200 rows through CatBoost; categories are the features whose derivation yields text."""
import csv, json, sys
import catboost
model_file, features_file, rows_file, out_file, columns_file = sys.argv[1:]
features = json.load(open(features_file, encoding="utf-8"))["features"]
cats = [i for i, f in enumerate(features) if f["derive"] in ("category", "item")]
rows = list(csv.reader(open(rows_file, encoding="utf-8", newline="")))[1:201]
table = [[c if i in cats else float(c or "nan") for i, c in enumerate(r[1:])] for r in rows]
model = catboost.CatBoostRegressor()
model.load_model(model_file)
assert model.feature_names_ == [f["name"] for f in features], "feature names differ"
scores = model.predict(catboost.Pool(table, cat_features=cats), prediction_type="RawFormulaVal", thread_count=1)
with open(out_file, "w") as out:
    out.write("0\n" + "".join(float(x).hex() + "\n" for x in scores))
json.dump([{"name": "film_id", "kind": "ignore"}] + [{"name": f["name"], "kind": "cat" if i in cats else "num"}
          for i, f in enumerate(features)], open(columns_file, "w"))
P
        head -201 "$tmp/f.csv" >"$tmp/first.csv" &&
        "$train" predict --model "$bundle/$model" --data "$tmp/first.csv" --columns "$tmp/columns.json" --float hex \
            --out "$tmp/ours.csv" &&
        "$py" - "$tmp/catboost.csv" "$tmp/ours.csv" <<'P'; then
import sys
a, b = ([float.fromhex(x).hex() for x in open(f).read().split()[1:]] for f in sys.argv[1:])
assert a and len(a) == len(b), (len(a), len(b))
bad = [i for i, (x, y) in enumerate(zip(a, b)) if x != y]
assert not bad, "row %d: CatBoost %s, Mercredi %s" % (bad[0] + 1, a[bad[0]], b[bad[0]])
P
        passed=$((passed + 1))
    else
        echo "FAILED: $bundle/$model"
        failed=$((failed + 1))
    fi
done
finish $passed $failed 0

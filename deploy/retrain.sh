#!/bin/sh
# The whole cycle on one's own films: validate, back-test the recipe, train, compare with the version in use on the same
# films, and make the new version current only when it is not worse. Called by `make retrain`, from the checkout.
#   DATA    films.csv (data/README.md)   KIND  private | published
#   MODELS  folder of the versions       B     where mercredi-train is
# Ends with one line: the new version, or "not better" and why; status 0 in both cases.
set -eu
train=$B/mercredi-train
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-retrain.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
field() { sed -n "s/.*\"$1\":{[^}]*\"$2\":\([-0-9.e]*\).*/\1/p"; }

# Validation: reading the whole file; the last fifth of its films, by date, is what both are judged on.
[ -r "$DATA" ] || { echo "retrain: $DATA cannot be read: say DATA=films.csv" >&2; exit 66; }
"$train" features --data "$DATA" --out "$tmp/features.csv"
n=$(($(wc -l <"$tmp/features.csv") - 1))
[ "$n" -ge 150 ] || { echo "retrain: $DATA has $n films to learn from, at least 150 are needed" >&2; exit 65; }
from=$(python3 - "$DATA" "$tmp/test.csv" <<'P'
import csv, sys
films = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))
days = sorted(f["release_date"] for f in films if f.get("use", "") in ("", "train") and f.get("first_week_entries"))
cut = days[len(days) * 4 // 5]
test = [f for f in films if f["release_date"] >= cut and f.get("use", "") in ("", "train") and f.get("first_week_entries")]
with open(sys.argv[2], "w", encoding="utf-8", newline="") as out:
    writer = csv.DictWriter(out, films[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(test)
print(cut)
P
)
before=$(date -u -d "$from -1 day" +%F)
echo "retrain: $n films; judged on those from $from on"

echo "retrain: back-test"
"$train" backtest --data "$DATA" --kind "$KIND" --train-until "$before" --test "$from..9999-12-31" --json -q >"$tmp/backtest.json"
new=$(field median rmse_log10 <"$tmp/backtest.json")

# The champion on the same films; it may have learnt from some of them, which only makes it harder to beat.
old=none
if [ -e "$MODELS/current/manifest.json" ]; then
    old=$("$train" evaluate --model "$MODELS/current" --data "$tmp/test.csv" --json | sed -n 's/.*"rmse_log10":\([-0-9.e]*\).*/\1/p' | head -1)
fi
echo "retrain: RMSE of log10 entries: new $new, in use ${old:-none}"

next=$(ls "$MODELS" 2>/dev/null | sed -n 's/^\([0-9][0-9][0-9][0-9]\)$/\1/p' | sort | tail -1)
next=$(printf '%04d' $((1${next:-0000} - 10000 + 1)))
if [ "$old" != none ] && awk -v a="$new" -v b="$old" 'BEGIN {exit !(a > b)}'; then
    echo "retrain: not better than the version in use ($new against $old): nothing changed"
    exit 0
fi
echo "retrain: training on all films"
"$train" fit --schema data/schema.json --data "$DATA" --kind "$KIND" --out "$MODELS/$next" -q
ln -s "$next" "$MODELS/.current.$$" && mv -T "$MODELS/.current.$$" "$MODELS/current"
echo "retrain: $MODELS/$next is the new version"

#!/bin/sh
# The whole cycle on one's own films: validate, back-test the recipe, train, compare with the version in use on the same
# films, and make the new version current only when it is not worse. Called by `make retrain`, from the checkout.
#   DATA    films.csv (data/README.md)   KIND  private | published
#   MODELS  folder of the versions       B     where mercredi-train is
#   PARAMS  params.json over the recipe's own; empty: none
# Ends with one line: the new version, or "not better" and why; status 0 in both cases.
set -eu
train=$B/mercredi-train
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-retrain.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
field() { sed -n "s/.*\"$1\":{[^}]*\"$2\":\([-0-9.e]*\).*/\1/p"; }

# Validation: reading the whole file.
[ -r "$DATA" ] || { echo "retrain: $DATA cannot be read: say DATA=films.csv" >&2; exit 66; }
"$train" features --data "$DATA" --out "$tmp/features.csv"
n=$(($(wc -l <"$tmp/features.csv") - 1))
[ "$n" -ge 150 ] || { echo "retrain: $DATA has $n films to learn from, at least 150 are needed" >&2; exit 65; }
current=$MODELS/current/manifest.json
as_of=
[ ! -e "$current" ] || as_of=$(sed -n 's/.*"histories_as_of": *"\([0-9-]*\)".*/\1/p' "$current" | head -1)
# Films that the version in use has not seen; without one, the last fifth.
if ! from=$(python3 - "$DATA" "$as_of" <<'P'
import csv, sys
films = [f for f in csv.DictReader(open(sys.argv[1], encoding="utf-8"))
         if f.get("use", "") in ("", "train") and f["first_week_entries"]]
days = sorted(f["release_date"] for f in films)
test = [d for d in days if (d > sys.argv[2] if sys.argv[2] else d >= days[len(days) * 4 // 5])]
if len(test) < 30:
    sys.exit("retrain: not better: %d films are newer than %s, where the version in use ends; 30 are needed to tell" % (len(test), sys.argv[2]))
print(test[0])
P
); then
    exit 0
fi
before=$(date -u -d "$from -1 day" +%F)
echo "retrain: $n films; judged on those from $from on"

# The recipe, and beside it the version in use with the tables it has, on the same films.
echo "retrain: back-test"
set --
[ -z "${PARAMS:-}" ] || set -- --params "$PARAMS"
[ ! -e "$current" ] || set -- "$@" --champion "$MODELS/current"
"$train" backtest --data "$DATA" --kind "$KIND" --train-until "$before" --test "$from..9999-12-31" --json -q "$@" \
    >"$tmp/backtest.json"
new=$(field median rmse_log10 <"$tmp/backtest.json")
old=$(field champion rmse_log10 <"$tmp/backtest.json")
old=${old:-none}
echo "retrain: RMSE of log10 entries: new $new, in use $old"

next=$(ls "$MODELS" 2>/dev/null | sed -n 's/^\([0-9][0-9][0-9][0-9]\)$/\1/p' | sort | tail -1)
next=$(printf '%04d' $((1${next:-0000} - 10000 + 1)))
if [ "$old" != none ] && awk -v a="$new" -v b="$old" 'BEGIN {exit !(a > b)}'; then
    echo "retrain: not better than the version in use ($new against $old): nothing changed"
    exit 0
fi
echo "retrain: training on all films"
"$train" fit --schema data/schema.json --data "$DATA" --kind "$KIND" --out "$MODELS/$next" -q \
    ${PARAMS:+--params "$PARAMS"}
ln -s "$next" "$MODELS/.current.$$" && mv -T "$MODELS/.current.$$" "$MODELS/current"
echo "retrain: $MODELS/$next is the new version"

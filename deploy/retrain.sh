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

# Validation: reading the whole file. What is left are the days of the films to learn from, in order.
[ -r "$DATA" ] || { echo "retrain: $DATA cannot be read: say DATA=films.csv" >&2; exit 66; }
"$train" features --data "$DATA" --outcomes --out "$tmp/features.csv"
sed -e '1d; s/^"\([^"]\|""\)*",//; t; s/^[^,]*,//' "$tmp/features.csv" >"$tmp/outcomes"
awk -F, '$2 != "" {print $1}' "$tmp/outcomes" >"$tmp/days"
n=$(wc -l <"$tmp/days")
[ "$n" -ge 150 ] || { echo "retrain: $DATA has $n films to learn from, at least 150 are needed" >&2; exit 65; }
# Judged are the films that the version in use has not seen; without one, the last fifth.
current=$MODELS/current/manifest.json
if [ -e "$current" ]; then
    as_of=$(sed -n 's/.*"histories_as_of": *"\([0-9-]*\)".*/\1/p' "$current" | head -1)
    [ -n "$as_of" ] || { echo "retrain: $current does not say what it has learnt from (histories_as_of)" >&2; exit 65; }
    awk -v end="$as_of" '$1 > end' "$tmp/days" >"$tmp/judged"
    judged=$(wc -l <"$tmp/judged")
    if [ "$judged" -lt 30 ]; then
        echo "retrain: not better: $judged films are newer than $as_of, where the version in use ends; 30 are needed to tell"
        exit 0
    fi
else
    tail -n "$((n - n * 4 / 5))" "$tmp/days" >"$tmp/judged"
fi
from=$(head -1 "$tmp/judged")
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

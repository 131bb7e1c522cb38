#!/bin/sh
# Models that fit trains, of every loss and kind of split: CatBoost loads them and predicts the same bits as we do; and
# where CatBoost is told not to draw, or draws as we do, it trains the same model. Python with catboost from MERCREDI_PY or
# the PATH; without it: skipped.
cd "$(dirname "$0")/../.." || exit 1
py=${MERCREDI_PY:-python3}
if ! "$py" -c 'import catboost, numpy' 2>/dev/null; then
    echo "SKIP: no Python with catboost"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-trained.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
"$py" tests/golden/trained_models.py "${B:-build/release}/mercredi-train" "$tmp"

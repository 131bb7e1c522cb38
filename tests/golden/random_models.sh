#!/bin/sh
# Random CatBoost configurations against ours, bit for bit. Skips, saying so, without CatBoost. CONFIGURATIONS: how many.
cd "$(dirname "$0")/../.." || exit 1
python=${MERCREDI_PY:-python3}
if ! "$python" -c 'import catboost, numpy' 2>/dev/null; then
    echo "SKIP: random CatBoost models: $python has no catboost"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
exec "$python" tests/golden/random_models.py "${B:-build/release}/mercredi-train" "${CONFIGURATIONS:-300}" 1

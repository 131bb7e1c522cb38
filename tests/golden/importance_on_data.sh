#!/bin/sh
# Importance on data against CatBoost. Skips, saying so, without it.
cd "$(dirname "$0")/../.." || exit 1
python=${MERCREDI_PY:-python3}
if ! "$python" -c 'import catboost, numpy' 2>/dev/null; then
    echo "SKIP: importance on data: $python has no catboost"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
exec "$python" tests/golden/importance_on_data.py "${B:-build/release}/mercredi-train"

#!/bin/sh
# Evaluation benchmark: apply.sh BUILD_FOLDER; CASES="a c" chooses. Skips, saying so, without CatBoost.
cd "$(dirname "$0")/../.." || exit 1
python=${MERCREDI_PY:-python3}
if ! "$python" -c 'import catboost, numpy' 2>/dev/null; then
    echo "SKIP: bench: $python has no catboost (pip install catboost; MERCREDI_PY names another Python)"
    exit 0
fi
cases=${CASES:-a b c d e}
# shellcheck disable=SC2086
"$python" tests/bench/apply_cases.py build/bench $cases && "$python" tests/bench/apply.py "$1/tests/bench/bench_apply" build/bench $cases

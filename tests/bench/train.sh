#!/bin/sh
# Training benchmark: train.sh BUILD_FOLDER; TRAIN_CASES="film film:0.2" chooses (name:rsm or name:default), THREADS="1 2",
# ROUNDS=3. Skips, saying so, without CatBoost.
cd "$(dirname "$0")/../.." || exit 1
python=${MERCREDI_PY:-python3}
if ! "$python" -c 'import catboost, numpy' 2>/dev/null; then
    echo "SKIP: bench: $python has no catboost (pip install catboost; MERCREDI_PY names another Python)"
    exit 0
fi
cases=${TRAIN_CASES:-film film:0.2 num100k cat200k higgs1m num100k:default cat200k:default}
# shellcheck disable=SC2046,SC2086
"$python" tests/bench/train_cases.py build/bench/train $(printf '%s\n' $cases | sed 's/:.*//' | sort -u) &&
    "$python" tests/bench/train.py "$1/mercredi-train" build/bench/train $cases

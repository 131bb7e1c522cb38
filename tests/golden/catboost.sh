#!/bin/sh
# Models that we wrote, applied by CatBoost itself: .cbm bit for bit; JSON to the last digits, because CatBoost's own JSON
# reader rounds decimals loosely. Python with the catboost module comes from MERCREDI_PY or the PATH; without it: skipped.
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
PY=${MERCREDI_PY:-python3}
if ! "$PY" -c 'import catboost' 2>/dev/null; then
    echo "SKIP: no Python with catboost"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
if [ ! -e "$B/libmercredi.so" ]; then
    ${MAKE:-make} -s B="$B" "$B/libmercredi.so" || exit 1
fi
exec "$PY" tests/golden/apply_models.py "$B/libmercredi.so" tests/golden/catboost ${MERCREDI_DATA:+"$MERCREDI_DATA/fixtures/catboost"}

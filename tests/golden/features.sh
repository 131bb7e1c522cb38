#!/bin/sh
# Derived features of every core film against the reference's own program (MERCREDI_DATA/reference), as float32. Python
# with numpy and pandas comes from MERCREDI_PY or the PATH; without it, or without the data: skipped.
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
PY=${MERCREDI_PY:-python3}
skip() { echo "SKIP: $1"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
films=$MERCREDI_DATA/data/fr-first-week/clean.csv
[ -n "$MERCREDI_DATA" ] && [ -e "$films" ] || skip "features: no real films (MERCREDI_DATA)"
"$PY" -c 'import numpy, pandas' 2>/dev/null || skip "features: no Python with numpy and pandas"
if [ ! -e "$B/mercredi-train" ]; then
    ${MAKE:-make} -s B="$B" "$B/mercredi-train" || exit 1
fi
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-features.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
"$PY" data/prepare.py "$films" "$tmp/films.csv" 2>/dev/null &&
    "$PY" data/months.py data/calendar.json "$MERCREDI_DATA/data/cnc-monthly/monthly_admissions.csv" "$tmp/calendar.json" &&
    "$B/mercredi-train" features --data "$tmp/films.csv" --calendar "$tmp/calendar.json" --out "$tmp/ours.csv" &&
    "$PY" -B "$MERCREDI_DATA/reference/recipe_features.py" "$tmp/reference.csv" "$films" 2>/dev/null || exit 1
"$PY" tests/golden/compare_features.py "$tmp/ours.csv" "$tmp/reference.csv"

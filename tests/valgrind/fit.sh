#!/bin/sh
# A small fit with numbers, categories and unknown cells under Valgrind, then a prediction with what it wrote.
cd "$(dirname "$0")/../.." || exit 1
umask 077
dir=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-valgrind.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
awk 'BEGIN {
    srand(7); print "size,kind,age,y"
    for (i = 0; i < 300; i++) {
        size = int(rand() * 1000); kind = substr("abcdefgh", 1 + int(rand() * 8), 1)
        age = rand() < 0.1 ? "" : int(rand() * 50)
        print size "," kind "," age "," size / 100 + (kind > "d") + rand()
    }
}' >"$dir/data.csv"
echo '[{"name":"size","kind":"num"},{"name":"kind","kind":"cat"},{"name":"age","kind":"num"},{"name":"y","kind":"target"}]' \
    >"$dir/columns.json"
checked() {
    # The OpenMP runtime keeps its threads' memory until the process is gone: that is reachable, not lost.
    valgrind --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99 "$BIN/mercredi-train" "$@" >"$dir/out" 2>&1
    status=$?
    [ $status = 0 ] || { echo "status $status: mercredi-train $*"; head -n 80 "$dir/out"; exit 1; }
}
checked fit --data "$dir/data.csv" --columns "$dir/columns.json" --set "iterations=15 depth=4" --threads 2 --model-out "$dir/model.cbm"
checked predict --model "$dir/model.cbm" --data "$dir/data.csv" --columns "$dir/columns.json" --out "$dir/scores.csv"
[ "$(wc -l <"$dir/scores.csv")" = 301 ]

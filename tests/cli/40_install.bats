#!/usr/bin/env bats
# An installed tree: what a stranger's program, shell and file system find there.
load common

setup_file() {
    export STAGE=$BATS_FILE_TMPDIR/stage
    make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$STAGE" PREFIX=/opt/mercredi B="$(cd "$BIN" && pwd)" \
        >"$BATS_FILE_TMPDIR/install.log" 2>&1 || { cat "$BATS_FILE_TMPDIR/install.log"; return 1; }
}

@test "the example builds with pkg-config and the installed header alone, and predicts as mercredi-train does" {
    root=$STAGE/opt/mercredi
    export PKG_CONFIG_PATH=$root/lib/pkgconfig
    flags=$(pkg-config --define-variable=prefix="$root" --cflags --libs mercredi)
    cp "$ROOT/examples/predict.c" "$BATS_TEST_TMPDIR/"
    # shellcheck disable=SC2086
    (cd "$BATS_TEST_TMPDIR" && ${CC:-cc} -std=c11 -Wall -Wextra -Werror -Wno-unused-value predict.c $flags -o predict)
    model=$ROOT/tests/golden/catboost/numeric_rmse/model.cbm
    columns=$("$MT" inspect "$model" | grep -c " num ")
    row=$(awk -v n="$columns" 'BEGIN { for (i = 0; i < n; i++) printf "%s%s", i ? "," : "", i * 0.37 - 1 }')
    { awk -v n="$columns" 'BEGIN { for (i = 0; i < n; i++) printf "%sc%d", i ? "," : "", i; print "" }'; echo "$row"; } \
        >"$BATS_TEST_TMPDIR/row.csv"
    want=$("$MT" predict --model "$model" --data "$BATS_TEST_TMPDIR/row.csv" --out - | tail -n 1)
    # shellcheck disable=SC2046
    call env LD_LIBRARY_PATH="$root/lib" "$BATS_TEST_TMPDIR/predict" "$model" $(echo "$row" | tr , ' ')
    echo "$out $err"
    [ "$status" = 0 ]
    [ "$(printf '%.12g' "$out")" = "$(printf '%.12g' "$want")" ]
}

@test "the installed trainer finds its schema and recipe" {
    call "$STAGE/opt/mercredi/bin/mercredi-train" fit --schema "$STAGE/opt/mercredi/share/mercredi/data/schema.json" \
        --data "$STAGE/opt/mercredi/share/mercredi/data/sample.csv" --out "$BATS_TEST_TMPDIR/bundle"
    echo "$err"
    [ "$status" = 0 ]
    [ -f "$BATS_TEST_TMPDIR/bundle/model.cbm" ]
}

@test "the library exports nothing but mrc_ names and is below 300 KB stripped of debugging" {
    lib=$STAGE/opt/mercredi/lib/libmercredi.so
    others=$(nm -D --defined-only "$lib" | awk '$3 !~ /^mrc_/ { print $3 }')
    echo "$others"
    [ -z "$others" ]
    [ "$(size "$lib" | awk 'NR == 2 { print $4 }')" -lt 307200 ]
}

@test "the manual page is well formed" {
    command -v man >/dev/null || skip "no man"
    [ -z "$(LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 "$STAGE/opt/mercredi/share/man/man3/mercredi.3" 2>&1 >/dev/null)" ]
}

@test "uninstall leaves no file" {
    make -s -C "$ROOT" uninstall DESTDIR="$STAGE" PREFIX=/opt/mercredi B="$(cd "$BIN" && pwd)"
    [ -z "$(find "$STAGE" -type f -o -type l)" ]
}

# Dependencies are kept by name: objects made under another name of the same folder were not made again.
@test "make: a build folder named in full is the one named from here" {
    call make -s -C "$ROOT" -pn B="$(cd "$ROOT" && pwd)/build/some" help
    grep -qx 'B := build/some' <<<"$out"
    call make -s -C "$ROOT" -pn B="$BATS_TEST_TMPDIR/other" help
    grep -qx "B := $BATS_TEST_TMPDIR/other" <<<"$out"
}

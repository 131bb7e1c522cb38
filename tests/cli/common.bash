# Shared by the black-box tests of mercredi-train. BIN: folder of the build, as tests/run.sh sets it.
: "${BIN:=$BATS_TEST_DIRNAME/../../build/release}"
MT=$BIN/mercredi-train
ROOT=$BATS_TEST_DIRNAME/../..
FIXTURES=$MERCREDI_DATA/fixtures/catboost

# Standard output and standard error apart: $status, $out, $err.
call() {
    status=0
    "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    out=$(cat "$BATS_TEST_TMPDIR/out")
    err=$(cat "$BATS_TEST_TMPDIR/err")
}

need_fixtures() {
    [ -n "$MERCREDI_DATA" ] && [ -d "$FIXTURES" ] || skip "MERCREDI_DATA is not set"
    command -v jq >/dev/null || skip "no jq"
}

# One line, which begins with the program's and the command's name.
one_error_line() { # command, text that must be in it
    echo "stderr: $err"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
    [[ $err == "mercredi-train $1: "* ]]
    [[ $err == *"$2"* ]]
}

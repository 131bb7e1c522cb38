#!/bin/sh
# Run test suites and count. Usage: tests/run.sh [SUITE…]; without names: all. `make test` and `make check` call it.
#
# A suite prints what failed, then one line "suite  N passed, N failed, N skipped". The last line of all is
# "N passed, N failed[, N skipped]"; exit status 1 when anything failed. A tool that is missing skips its suite with a
# reason. Everything a suite needs beside the tools it makes itself: temporary folder, free ports, processes it also ends.
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C.UTF-8
MAKE=${MAKE:-make} B=${B:-build/release} CC=${CC:-cc}
case $B in /*) BIN=$B ;; *) BIN=$PWD/$B ;; esac # programs, for the suites' scripts
KILL_EVERY=${KILL_EVERY:-7} # publish has some 65 requests; the nightly run kills it after each
export PATH LC_ALL BIN KILL_EVERY
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES # sub-runs of make are runs of their own
if [ -z "$MERCREDI_PY" ]; then
    for py in build/venv/bin/python python3; do
        if command -v "$py" >/dev/null 2>&1 && "$py" tests/has_modules.py; then
            MERCREDI_PY=$(command -v "$py")
            case $MERCREDI_PY in /*) ;; *) MERCREDI_PY=$PWD/$MERCREDI_PY ;; esac
            export MERCREDI_PY
            break
        fi
    done
fi
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
mk() { "$MAKE" -s --no-print-directory -j"$jobs" CC="$CC" "$@" </dev/null; }
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mercredi-test.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0 # of the suite under way
pass() { passed=$((passed + ${1:-1})); }
fail() { failed=$((failed + 1)); echo "FAILED: $*"; }
skip() { skipped=$((skipped + 1)); echo "SKIP: $*"; }
have() { command -v "$1" >/dev/null 2>&1; }
one() { # name, command…: one case that is its exit status
    name=$1; shift
    if "$@" >"$tmp/out" 2>&1; then pass; else grep -vE "^  (CC|AR|LD|GEN)  " "$tmp/out"; fail "$name"; fi
}

# A program of Check suites. Its lines "N%: Checks: C, Failures: F, Errors: E" are counted; a test that could not run
# prints "SKIP: reason" and is counted as that, not as a pass.
check_program() {
    timeout "${2:-300}" "$1" >"$tmp/out" 2>&1 </dev/null
    status=$?
    counts=$(awk '/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
                      gsub(/[^0-9 ]/, ""); c += $2; bad += $3 + $4 }
                  /^SKIP: / { s++ }
                  END { good = c - bad; if (s > good) s = good; printf "%d %d %d", good - s, bad, s }' "$tmp/out")
    p=${counts%% *} rest=${counts#* }
    f=${rest% *} s=${rest#* }
    if [ "$status" != 0 ] || [ "$f" != 0 ]; then
        cat "$tmp/out"
        echo "FAILED: $1 (exit status $status)"
        [ "$f" != 0 ] || f=1
    elif [ "$p$s" = 00 ]; then
        echo "FAILED: $1 ran no test"
        f=1
    else
        grep '^SKIP: ' "$tmp/out"
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}
# A script that counts by itself: its last line is "N passed, N failed[, N skipped]".
counting_script() {
    sh "$1" >"$tmp/out" 2>&1 </dev/null
    status=$?
    counts=$(tail -n 1 "$tmp/out" | sed -nE '/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ {
        s/[^0-9 ]//g; s/$/ 0/; s/ +/ /g; s/^ *([0-9]+) ([0-9]+) ([0-9]+).*/\1 \2 \3/; p; }')
    if [ -z "$counts" ]; then
        cat "$tmp/out"
        fail "$1 (exit status $status, no counts)"
        return
    fi
    p=${counts%% *} rest=${counts#* }
    f=${rest% *} s=${rest#* }
    if [ "$status" != 0 ] || [ "$f" != 0 ]; then
        cat "$tmp/out"
        [ "$f" != 0 ] || { f=1; echo "FAILED: $1 (exit status $status)"; }
    else
        grep -i '^SKIP' "$tmp/out"
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}
# bats files, counted from their TAP lines.
bats_files() {
    if ! have bats; then skip "$1: no bats"; return; fi
    bats --tap "$@" >"$tmp/out" 2>&1 </dev/null
    status=$?
    counts=$(awk '/^ok .*# skip/ { s++; next } /^ok / { p++ } /^not ok / { f++ }
                  END { printf "%d %d %d", p, f, s }' "$tmp/out")
    p=${counts%% *} rest=${counts#* }
    f=${rest% *} s=${rest#* }
    if [ "$status" != 0 ]; then
        awk '/^not ok/ { on = 1 } /^ok/ { on = 0 } on || !/^(ok|#|1\.\.)/' "$tmp/out"
        [ "$f" != 0 ] || f=1
    fi
    sed -n 's/^ok [0-9]* \(.*\) # skip *\(.*\)/SKIP: \1: \2/p' "$tmp/out"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# ---- suites ----------------------------------------------------------------------------------------------------------
suite_lint() { one "lint" mk lint; }
suite_headers() { one "mercredi.h as C99, C11, C++17" mk check-headers; }
suite_unit() {
    one "unit tests build" mk B="$B" SAN="$SAN" -k test-programs
    for t in tests/unit/t_*.c; do
        t=$B/${t%.c}
        if [ -x "$t" ]; then check_program "$t"; else fail "$t was not built"; fi
    done
}
suite_corpus() {
    for f in tests/fuzz/fuzz_*.c; do
        [ -e "$f" ] || continue
        name=${f#tests/fuzz/fuzz_} name=${name%.c}
        set -- "tests/fuzz/corpus/$name"/*
        if [ ! -e "$1" ]; then fail "fuzz target $name has no corpus"; continue; fi
        one "corpus of $name" mk B="$B" SAN="$SAN" "$B/${f%.c}"
        [ ! -x "$B/${f%.c}" ] || one "replay of $name" timeout 300 "$B/${f%.c}" "$@"
    done
}
suite_build() { one "programs and libraries build" mk B="$B" SAN="$SAN" all; }
suite_cli() { bats_files tests/cli; }
http() { # front, the program it needs, folders of cases
    if ! have "$2"; then skip "http tests under $1: no $2"; return; fi
    export FRONT="$1"
    shift 2
    bats_files "$@"
    unset FRONT
}
suite_http_lighttpd() { http lighttpd lighttpd tests/http tests/http/master tests/http/lighttpd; }
# Killed processes, full and forgetful disks, hostile clients; the latter through every web server.
suite_faults() {
    http lighttpd lighttpd tests/faults
    http nginx nginx tests/faults/30_hostile.bats
    http apache apache2 tests/faults/30_hostile.bats
}
suite_http_nginx() { http nginx nginx tests/http tests/http/master; }
suite_http_apache() {
    if [ ! -e "${APACHE_MODULES:-/usr/lib/apache2/modules}/mod_fcgid.so" ]; then
        skip "http tests under apache: no mod_fcgid"
    else
        http apache apache2 tests/http tests/http/apache
    fi
}
suite_contract() { counting_script tests/contract.sh; }
suite_web() { counting_script tests/web/run.sh; }
suite_golden() {
    for s in tests/golden/*.sh; do
        [ ! -e "$s" ] || counting_script "$s"
    done
}
suite_sanitizers() { # the quick suites again with AddressSanitizer and UBSan; each program counts once here
    (SUMMARY=$tmp/summary B=build/san-address-undefined SAN=address,undefined CK_FORK=no sh tests/run.sh unit corpus) >"$tmp/san" 2>&1
    status=$?
    if [ "$status" = 0 ]; then pass; else cat "$tmp/san"; fail "unit tests and corpora under sanitizers"; fi
}
# Warnings are errors for the compilers this code was tried with; a newer one may know warnings we have not met.
werror() { # compiler, newest major version tried
    if ! have "$1"; then skip "$1 -Werror: no $1"; return; fi
    version=$("$1" -dumpversion) version=${version%%.*}
    if [ "$version" -gt "$2" ]; then skip "$1 -Werror: $1 $version is newer than $2, the newest tried"; return; fi
    one "$1 -Werror" "$MAKE" -s --no-print-directory -j"$jobs" CC="$1" B="build/werror-$1" WERROR=-Werror -k all test-programs
}
suite_werror_gcc() { werror gcc 14; }
suite_werror_clang() { werror clang 19; }
suite_valgrind() {
    if ! have valgrind; then skip "valgrind: not installed"; return; fi
    for s in tests/valgrind/*.sh; do
        [ ! -e "$s" ] || one "${s#tests/}" sh "$s"
    done
}

all_suites="lint headers build unit corpus cli golden http_lighttpd http_apache http_nginx faults contract web valgrind sanitizers
    werror_gcc werror_clang"
total_passed=0 total_failed=0 total_skipped=0
for suite in ${*:-$all_suites}; do
    passed=0 failed=0 skipped=0
    started=$(date +%s)
    echo "== $suite"
    "suite_$suite"
    printf '   %-14s %d passed, %d failed, %d skipped (%d s)\n' "$suite" "$passed" "$failed" "$skipped" \
        $(($(date +%s) - started))
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
done
[ "$total_skipped" = 0 ] && tail_text= || tail_text=", $total_skipped skipped"
mkdir -p build
echo "$total_passed passed, $total_failed failed$tail_text" | tee "${SUMMARY:-build/test-summary}"
[ "$total_failed" = 0 ]

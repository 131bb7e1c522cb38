#!/usr/bin/env bats
# Clients that mean no good, through each web server (hostile.py, odd_bodies.py).
load faults
setup_file() { server_start MERCREDI_WORKERS=6; }
teardown_file() { server_stop; }

hostile() { # case, [arguments]
    need_python
    as_demo
    python3 "$root/tests/faults/hostile.py" "$1" "$URL" "$token" "${@:2}"
}

@test "odd bodies, types, tokens and queries: no 5xx" {
    need_python
    as_demo
    python3 "$root/tests/bench/odd_bodies.py" "$URL" "$token"
}
@test "every method on every route" { hostile methods; }
@test "tricks in paths and ids" { hostile paths; }
@test "a megabyte of nested JSON" { hostile nested; }
@test "requests that two parsers could cut in two ways" { hostile smuggle "$STATE/server.log"; }
@test "slow clients hold nobody else" { hostile slow 5; }
@test "random damage" { hostile fuzz "${FAULT_FUZZ_SECONDS:-5}"; }

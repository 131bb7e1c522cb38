#!/usr/bin/env bats
# What the web servers of other tests seldom do on the socket behind them.
load ../server

setup_file() { server_start MERCREDI_WORKERS=2; }
teardown_file() { server_stop; }

@test "a request whose end comes a moment after its body is read to the end before the connection is closed" {
    command -v python3 >/dev/null || skip "no python3"
    python3 "$BATS_TEST_DIRNAME/slow_end.py" "$STATE/run/mercredi.sock" 5
}

#!/usr/bin/env bats
# A shadow version of two hosts on one PostgreSQL: they share the work, and each prediction is compared once, whichever
# agent or database dies meanwhile.
load server
load postgres

host_start() {
    mkdir -p "$BATS_FILE_TMPDIR/$1/models/first-week"
    host "$1"
    printf the-same-on-both-hosts >"$STATE/demo.password"
    local old started=
    old=$(readlink "$root/models/first-week/current")
    cp -R "$root/models/first-week/$old" "$STATE/models/first-week/9101"
    jq '.version = "9101"' "$root/models/first-week/$old/manifest.json" >"$STATE/models/first-week/9101/manifest.json"
    PORT=$(free_port) server_start MERCREDI_WORKERS=2 MERCREDI_SHADOW=9101 MERCREDI_REQUEST_TIMEOUT=2s || started=failed
    [ -z "$started" ]
}

setup_file() {
    [ "$FRONT" != apache ] || return 0
    pg_server || return 0
    host_start a
    host_start b
}
teardown_file() {
    [ -n "$pg_dir" ] || return 0
    local stopped=
    for h in a b; do
        host $h
        server_stop || stopped=failed
    done
    pg_server_end
    [ -z "$stopped" ]
}
setup() {
    [ "$FRONT" != apache ] || skip "no agent beside mod_fcgid's workers"
    [ -n "$pg_dir" ] || skip "no PostgreSQL here"
}

predict_on() { # host, how often; answers of a database that is away do not count
    host "$1"
    login
    local i
    for ((i = 0; i < $2; i++)); do post_json /predict "$film"; done
}
until_compared() { # seconds
    local i
    for ((i = 0; i < $1 * 2; i++)); do
        if [ "$(rows "SELECT count(*) FROM predictions p WHERE NOT EXISTS (SELECT 1 FROM shadow_prediction x
            WHERE x.prediction_id = p.id AND x.version = '9101')")" = 0 ]; then return 0; fi
        sleep 0.5
    done
    rows "SELECT * FROM job" >&2
    fail "not all compared in $1 s"
}
each_once() {
    [ "$(rows 'SELECT count(*) FROM predictions')" = "$(rows "SELECT count(*) FROM shadow_prediction WHERE refused = 0")" ]
    [ "$(rows "SELECT count(*) FROM shadow_prediction WHERE admissions <> served_admissions OR low80 <> served_low80
        OR high80 <> served_high80")" = 0 ]
    [ "$(rows "SELECT count(*) FROM predictions p JOIN shadow_prediction x ON x.prediction_id = p.id WHERE x.score <> p.score")" = 0 ]
}

@test "two hosts: each prediction of both is compared once, with the figures that were served" {
    predict_on a 30
    predict_on b 30
    until_compared 60
    each_once
    [ "$(rows "SELECT count(*) FROM job WHERE name = 'shadow first-week 9101'")" = 1 ]
    get /models/9101/shadow
    expect_code 200
    expect_body '.state == "compared" and .predictions.compared == 60 and .predictions.median_ratio == 1'
}

@test "an agent killed on each, the database killed and back: the same" {
    predict_on a 20
    kill -KILL "$(processes_named mrc-agent)"
    predict_on b 20
    kill -KILL "$(processes_named mrc-agent)"
    sleep 4
    pg_kill
    sleep 3
    pg_start
    predict_on a 5
    for ((i = 0; i < 100; i++)); do
        post_json /predict "$film"
        if [ "$code" = 200 ]; then break; fi
        sleep 0.2
    done
    expect_code 200
    until_compared 120 # a lease may have to end first
    each_once
    [ "$(rows 'SELECT count(*) FROM predictions')" -ge 101 ]
    administer db shadow | jq -s 'length' | grep -qx "$(rows 'SELECT count(*) FROM predictions')"
}

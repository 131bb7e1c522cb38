#!/usr/bin/env bats
# What a client does: log in, predict, read its predictions back.
load server
setup_file() { server_start; }
teardown_file() { server_stop; }

@test "health: alive, ready, and what MLflow clients ask" {
    for path in /livez /readyz /health /ping; do
        get $path
        expect_code 200
    done
    get '/readyz?verbose'
    expect_code 200
    expect_header Cache-Control no-store
}

@test "POST /token answers FastAPI's fields and is not cached" {
    login
    expect_body '.token_type == "bearer" and (.access_token | length > 50) and (.expires_in >= 600)'
    expect_header Cache-Control no-store
}

@test "ten logins within a minute pass" {
    for _ in {1..10}; do login; done
}

@test "one film: a number, an interval around it, quantiles in order, the version" {
    as_demo
    post_json /predict "$film"
    expect_code 200
    expect_header Content-Type '^application/json$'
    expect_header Content-Length "^$(printf '%s' "$body" | wc -c)$"
    expect_body '.interval.low <= .admissions and .admissions <= .interval.high and .interval.level == 0.8'
    expect_body '[.quantiles[]] == ([.quantiles[]] | sort)'
    expect_body '(.prediction_id | length) == 36 and (.model.version | length) > 0 and (.warnings | type) == "array"'
}

@test "an unknown field is accepted and named in warnings" {
    as_demo
    post_json /predict "$(jq -c '. + {sequel: false, production_year: 2025}' <<<"$film")"
    expect_code 200
    expect_body '[.warnings[].field] | contains(["sequel", "production_year"])'
}

@test "a batch: one answer each, in order, the same as alone, each in the log" {
    as_demo
    post_json /predict "$film"
    expect_code 200
    alone=$(member '[.admissions, .interval.low, .interval.high, .score]|tostring')
    post_json /predict "{\"films\":[$(jq -c '.screens = 20' <<<"$film"),$film,$(jq -c 'del(.screens)' <<<"$film")]}"
    expect_code 200
    expect_body '(.predictions | length) == 3 and ([.predictions[].prediction_id] | unique | length) == 3'
    [ "$(member '.predictions[1] | [.admissions, .interval.low, .interval.high, .score]|tostring')" = "$alone" ]
    expect_body '.predictions[0].admissions < .predictions[1].admissions'
    for id in $(member '.predictions[].prediction_id'); do
        [ "$(log_rows "SELECT count(*) FROM predictions WHERE id = '$id'")" = 1 ]
    done
}

@test "the answer is the same, bit for bit, every time" {
    as_demo
    post_json /predict "$film"
    first=$(member '.score, .admissions')
    for _ in {1..20}; do
        post_json /predict "$film"
        [ "$(member '.score, .admissions')" = "$first" ]
    done
}

@test "a 200 is in the log: its row, version, user and request id" {
    as_demo
    post_json /predict "$film" -H 'X-Request-Id: test-log-1'
    expect_code 200
    id=$(member .prediction_id)
    [ "$(log_rows "SELECT count(*) FROM predictions WHERE id = '$id' AND request_id = 'test-log-1'
        AND model_version = '$(member .model.version)' AND user_id <> '' AND json_extract(row_json, '\$.screens') = 412")" = 1 ]
}

@test "own predictions: by id, and in pages without gap or repeat" {
    as_demo
    for _ in {1..5}; do post_json /predict "$film"; done
    id=$(member .prediction_id)
    get "/predictions/$id"
    expect_code 200
    expect_body ".prediction_id == \"$id\""
    all=$(log_rows "SELECT count(*) FROM predictions")
    seen='' cursor=''
    for ((page = 0; page < 200; page++)); do
        get "/predictions?limit=2${cursor:+&cursor=$cursor}"
        expect_code 200
        seen+=$(member '.items[].prediction_id')$'\n'
        cursor=$(member '.next // empty')
        [ -n "$cursor" ] || break
    done
    [ "$(grep -c . <<<"$seen")" = "$all" ]
    [ "$(grep . <<<"$seen" | sort -u | wc -l)" = "$all" ]
}

@test "CSV in and out" {
    as_demo
    request POST /predict -H "Authorization: Bearer $token" -H 'Content-Type: text/csv' -H 'Accept: text/csv' \
        --data-binary $'title,release_date,genres,screens\nPremier,2027-03-17,Comédie,300\nSecond,2027-03-17,Drame,80\n'
    expect_code 200
    expect_header Content-Type '^text/csv'
    [ "$(wc -l <<<"$body")" = 3 ]
    [[ $(head -n 1 <<<"$body") == *admissions*low*high* ]]
}

@test "the command line and the server score a film alike" {
    as_demo
    cat >"$BATS_TEST_TMPDIR/film.csv" <<'C'
title,release_date,genres,countries,distributor,duration_min,budget,screens
Les Lumières,2027-03-17,Comédie dramatique,FR,Pathé,112,8500000,412
C
    post_json /predict '{"title":"Les Lumières","release_date":"2027-03-17","genres":["Comédie dramatique"],
        "countries":["FR"],"distributor":"Pathé","duration_min":112,"budget":8500000,"screens":412}'
    expect_code 200
    "$BIN/mercredi-train" predict --model "$STATE/models/first-week/current/" --data "$BATS_TEST_TMPDIR/film.csv" \
        --out "$BATS_TEST_TMPDIR/out.csv"
    # admissions, low80, high80 in tickets: the server rounds to whole ones
    want=$(awk -F, 'NR == 2 { printf "%.0f %.0f %.0f", $1, $2, $3 }' "$BATS_TEST_TMPDIR/out.csv")
    got=$(member '"\(.admissions) \(.interval.low) \(.interval.high)"')
    [ "$want" = "$got" ] || fail "command line $want, server $got"
}

@test "GET /schema needs no token, and its examples are a valid film" {
    token=
    get /schema
    expect_code 200
    expect_body '[.fields[] | has("name") and has("type") and has("example")] | all'
    example=$(member '[.fields[] | select(.name != "first_week_entries") | {(.name): .example}] | add | tojson')
    etag=$(header ETag)
    get /schema -H "If-None-Match: $etag"
    expect_code 304
    [ -z "$body" ]
    as_demo
    post_json /predict "$example"
    expect_code 200
    expect_body '[.warnings[] | select(.code == "unknown_field")] == []'
}

@test "OpenAPI 3.1 with every path the server has, and a validator" {
    token=
    get /openapi.json
    expect_code 200
    expect_body '(.openapi | startswith("3.1")) and (.paths | has("/predict") and has("/token") and has("/predictions"))'
    expect_body '.paths["/predict"].post.security != null and (.components.schemas | length) > 3'
    get /openapi.json -H "If-None-Match: $(header ETag)"
    expect_code 304
}

@test "pages: the manager's, the documentation, with a strict policy" {
    token=
    for path in / /docs; do
        get $path
        expect_code 200
        expect_header Content-Type '^text/html'
        expect_header Content-Security-Policy "default-src 'none'|default-src 'self'"
        expect_header X-Content-Type-Options nosniff
    done
}

@test "a deployment is healthy by tests/smoke.sh, and is not with a wrong password" {
    run sh "$root/tests/smoke.sh" "$URL" "$MERCREDI_USER"
    [ "$status" = 0 ] || fail "$output"
    MERCREDI_PASSWORD=wrong run sh "$root/tests/smoke.sh" "$URL" "$MERCREDI_USER"
    [ "$status" = 1 ]
}

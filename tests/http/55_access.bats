#!/usr/bin/env bats
# Accounts and tokens, and what clients of all routes rely on: repeated requests, other origins, pages of one's own log.
load server
setup_file() {
    server_start MERCREDI_WORKERS=4 MERCREDI_CORS_ORIGINS=https://till.example MERCREDI_LOGIN_BACKOFF=10s
    echo some-password-1 | administer user add chief --scopes "predict admin" --password-stdin
}
teardown_file() { server_stop; }

@test "a refresh token works once; used again, it ends its family; a revoked token is none" {
    login
    old=$(member .refresh_token)
    request POST /token -d grant_type=refresh_token -d "refresh_token=$old"
    expect_code 200
    token=$(member .access_token) new=$(member .refresh_token)
    get /users/me
    expect_body ".username == \"$MERCREDI_USER\""
    request POST /token -d grant_type=refresh_token -d "refresh_token=$old"
    expect_code 401
    request POST /token -d grant_type=refresh_token -d "refresh_token=$new"
    expect_code 401
    request POST /revoke -d "token=$token"
    expect_code 200
    get /users/me
    expect_code 401
    request GET /.well-known/oauth-authorization-server
    expect_body '.token_endpoint | endswith("/token")'
}

@test "an administrator makes, changes and disables accounts; it is on record; others may not" {
    as_demo
    get /users
    expect_code 403
    login chief some-password-1
    post_json /users '{"username":"nora","password":"another-password","scopes":["predict"]}'
    expect_code 200
    get /users
    expect_body '.users | map(.username) | index("nora") != null'
    chief=$token
    login nora another-password
    post_json /users/me/password '{"current_password":"another-password","new_password":"a-better-password"}'
    expect_code 200
    sleep 1.1 # a token's time counts in seconds
    login nora a-better-password
    post_json /predict "$film"
    expect_code 200
    nora=$token token=$chief
    request PATCH /users/nora -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"disabled":true}'
    expect_code 200
    token=$nora
    post_json /predict "$film"
    expect_code 401
    [ "$(sqlite3 "$STATE/mercredi.db" "SELECT group_concat(act, ';') FROM (SELECT act FROM audit WHERE subject = 'nora' ORDER BY id)")" = \
        "user add;password change;user change" ]
    run sqlite3 "$STATE/mercredi.db" "SELECT * FROM audit"
    [[ $output != *password-* && $output != *-password* ]]
}

@test "accounts, clients and keys of the command line are on record too" {
    echo a-first-password | administer user add olga --scopes predict --password-stdin
    administer user disable olga
    administer user enable olga
    echo another-password | administer user passwd olga --password-stdin
    run administer user disable nobody
    [ "$status" -ne 0 ]
    administer client add till --scopes predict >/dev/null
    administer client disable till
    administer key revoke "$(administer key add olga --scopes predict | cut -d_ -f2)"
    [ "$(sqlite3 "$STATE/mercredi.db" "SELECT group_concat(act || ' ' || detail, '|') FROM (SELECT * FROM audit
        WHERE actor = 'command line' AND subject = 'olga' ORDER BY id)")" = \
        'user add predict|user change disabled; |user change enabled; |user change password; ' ]
    [ "$(sqlite3 "$STATE/mercredi.db" "SELECT group_concat(act, '|') FROM (SELECT * FROM audit
        WHERE actor = 'command line' AND act NOT LIKE 'user%' ORDER BY id)")" = \
        'client add|client disable|key add|key revoke' ]
}

@test "another signing key is on record once the service is reloaded; tokens of the one before stay good" {
    [ "$FRONT" != apache ] || skip "no agent beside mod_fcgid's workers"
    as_demo
    kill -KILL "$(processes_named mrc-agent)" # the next one looks at once
    for ((i = 0; i < 100; i++)); do
        if [ -n "$(sqlite3 "$STATE/mercredi.db" "SELECT memo FROM job WHERE name = 'token_keys' AND memo <> ''")" ]; then break; fi
        sleep 0.1
    done
    cp "$STATE/token.key" "$BATS_TEST_TMPDIR/old"
    { openssl rand -hex 32; cat "$BATS_TEST_TMPDIR/old"; } >"$STATE/token.key"
    kill -HUP "$(processes_named mrc-master)"
    for ((i = 0; i < 100; i++)); do
        if [ "$(sqlite3 "$STATE/mercredi.db" "SELECT count(*) FROM audit WHERE act = 'token keys change'")" = 1 ]; then break; fi
        sleep 0.1
    done
    [ "$(sqlite3 "$STATE/mercredi.db" "SELECT count(*) FROM audit WHERE act = 'token keys change'")" = 1 ]
    run sqlite3 "$STATE/mercredi.db" "SELECT * FROM audit"
    [[ $output != *"$(head -n 1 "$STATE/token.key")"* && $output != *"$(head -n 1 "$BATS_TEST_TMPDIR/old")"* ]]
    get /users/me
    expect_code 200
}

@test "wrong passwords: after five each further try waits longer, for that account from that address only" {
    for _ in {1..6}; do
        request POST /token -d username=ghost -d password=wrong
        expect_code 401
    done
    request POST /token -d username=ghost -d password=wrong
    expect_code 429
    expect_header Retry-After '^1$'
    login
}

@test "a prediction that is sent again with its Idempotency-Key is the same one, once in the log" {
    as_demo
    before=$(log_rows "SELECT count(*) FROM predictions")
    post_json /predict "$film" -H 'Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324"'
    expect_code 200
    first=$body
    for _ in {1..8}; do # whatever worker
        post_json /predict "$film" -H 'Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324"'
        expect_code 200
        expect_header Idempotency-Replayed '^true$'
        [ "$body" = "$first" ]
    done
    [ "$(log_rows "SELECT count(*) FROM predictions")" = $((before + 1)) ]
    post_json /predict '{"title":"x","release_date":"2027-03-17"}' -H 'Idempotency-Key: "8e03978e-40d5-43dd-bc93-6894a57f9324"'
    expect_code 422
}

@test "pages of allowed origins may ask and read; others get no header" {
    request OPTIONS /predict -H 'Origin: https://till.example' -H 'Access-Control-Request-Method: POST'
    expect_code 204
    expect_header Access-Control-Allow-Origin '^https://till\.example$'
    expect_header Access-Control-Allow-Methods POST
    request POST /predict -d '{}' -H 'Origin: https://till.example'
    expect_code 401
    expect_header Access-Control-Allow-Origin '^https://till\.example$'
    request OPTIONS /predict -H 'Origin: https://evil.example' -H 'Access-Control-Request-Method: POST'
    [ -z "$(header Access-Control-Allow-Origin)" ]
}

@test "own predictions by day and version, in pages of CSV; unchanged is 304" {
    as_demo
    for _ in {1..5}; do post_json /predict "$film"; done
    version=$(member .model.version) day=$(date -u +%F)
    next="/predictions?limit=2&from=$day&version=$version" lines=0
    while [ -n "$next" ]; do
        get "$next" -H 'Accept: text/csv'
        expect_code 200
        expect_header Content-Type '^text/csv'
        lines=$((lines + $(tail -n +2 <<<"$body" | grep -c .))) || true
        next=$(header Link | sed -n 's/^<\(.*\)>; rel="next"$/\1/p')
    done
    [ "$lines" -ge 5 ]
    [ "$lines" = "$(log_rows "SELECT count(*) FROM predictions WHERE user_id = (SELECT user_id FROM predictions ORDER BY id DESC LIMIT 1)")" ]
    get "/predictions?to=2020-01-01"
    expect_body '.items == [] and .next == null'
    get /predictions
    get /predictions -H "If-None-Match: $(header ETag)"
    expect_code 304
    [ -z "$body" ]
}

@test "tokens of an outside issuer: its keys lie in a folder" {
    command -v openssl >/dev/null || skip "no openssl"
    keys=$BATS_TEST_TMPDIR/keys
    mkdir -m 700 "$keys"
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$BATS_TEST_TMPDIR/rsa" 2>/dev/null
    openssl pkey -in "$BATS_TEST_TMPDIR/rsa" -pubout -out "$keys/k1.pem"
    b64() { openssl base64 -A | tr '+/' '-_' | tr -d =; }
    now=$(date +%s)
    claims="{\"iss\":\"https://id.example\",\"aud\":\"mercredi\",\"sub\":\"marie\",\"iat\":$now,\"exp\":$((now + 300)),\"scope\":\"predict\"}"
    head=$(printf '{"alg":"RS256","typ":"JWT","kid":"k1"}' | b64).$(printf '%s' "$claims" | b64)
    token=$head.$(printf '%s' "$head" | openssl dgst -sha256 -sign "$BATS_TEST_TMPDIR/rsa" | b64)
    post_json /predict "$film"
    expect_code 401 # nobody trusts it
    server_stop
    server_start MERCREDI_WORKERS=2 MERCREDI_TRUSTED_ISSUER=https://id.example MERCREDI_TRUSTED_KEYS_DIR="$keys"
    get /users/me
    expect_body '.username == "ext:marie" and .scopes == ["predict"]'
    post_json /predict "$film"
    expect_code 200
    token=${token%?????}AAAAA
    post_json /predict "$film"
    expect_code 401
}

#!/usr/bin/env bats
# What a client gets wrong, and what an attacker sends: the right status, and the server lives on.
load server
setup_file() {
    server_start
    printf 'reader-password-1\n' | administer user add reader --scopes monitor --password-stdin
}
teardown_file() { server_stop; }
teardown() { # after every refusal the server predicts
    as_demo
    post_json /predict "$film"
    expect_code 200
}
base64url() { base64 -w 0 | tr '+/' '-_' | tr -d '='; }

@test "a wrong password: 401 for FastAPI's clients and OAuth2's" {
    request POST /token -d "username=$MERCREDI_USER" -d password=wrong
    expect_code 401
    expect_header WWW-Authenticate '^Bearer'
    expect_body '.detail == "Incorrect username or password" and .error == "invalid_grant"'
    request POST /token -d username=nobody -d password=wrong
    expect_code 401
    expect_body '.detail == "Incorrect username or password"'
}

@test "a form without its fields: 422 that echoes no password" {
    request POST /token -d password=very-secret
    expect_code 422
    expect_body '.detail[0].loc == ["body", "username"]'
    [[ $body != *very-secret* ]]
}

@test "no token, not a token, a broken token: 401 with the scheme" {
    token=
    post_json /predict "$film"
    expect_code 401
    expect_header WWW-Authenticate '^Bearer'
    for authorization in 'Bearer x' 'Bearer a.b.c' 'Basic Og==' 'Bearer ' 'bogus'; do
        request POST /predict -H "Authorization: $authorization" -H 'Content-Type: application/json' -d "$film"
        expect_code 401
        expect_header WWW-Authenticate '^Bearer'
    done
}

@test "a token without a signature (alg none), or with another key, is refused" {
    as_demo
    claims=$(cut -d. -f2 <<<"$token")
    for alg in none None NONE; do
        header=$(printf '{"alg":"%s","typ":"at+jwt"}' "$alg" | base64url)
        request POST /predict -H "Authorization: Bearer $header.$claims." -H 'Content-Type: application/json' -d "$film"
        expect_code 401
    done
    signature=$(printf '%032d' 0 | base64url)
    token="$(cut -d. -f1 <<<"$token").$claims.$signature"
    post_json /predict "$film"
    expect_code 401
}

@test "a token whose claims were changed is refused" {
    as_demo
    head=$(cut -d. -f1 <<<"$token") tail=$(cut -d. -f3 <<<"$token")
    claims=$(printf '{"sub":"x","exp":4102444800,"scope":"predict admin"}' | base64url)
    token=$head.$claims.$tail
    post_json /predict "$film"
    expect_code 401
}

@test "too small a scope: 403" {
    login reader reader-password-1
    post_json /predict "$film"
    expect_code 403
    expect_header WWW-Authenticate 'insufficient_scope'
}

@test "an unknown path: 404; a wrong method: 405 with Allow" {
    token=
    get /no/such/path
    expect_code 404
    expect_body '.detail == "Not Found"'
    get /predict
    expect_code 405
    expect_header Allow POST
    request DELETE /schema
    expect_code 405
    expect_header Allow GET
    request BREW /predict
    [[ $code == 405 || $code == 501 || $code == 400 ]]
}

@test "HEAD is GET without a body; OPTIONS names the methods" {
    token=
    get /schema
    length=$(header Content-Length)
    request HEAD /schema
    expect_code 200
    expect_header Content-Length "^$length$"
    request OPTIONS /predict
    [[ $code == 200 || $code == 204 ]]
    expect_header Allow POST
}

@test "X-Request-Id: a good one comes back, a bad one is replaced, none is made up" {
    token=
    get /livez -H 'X-Request-Id: abc-123.x_Y'
    expect_header X-Request-Id '^abc-123\.x_Y$'
    get /livez -H 'X-Request-Id: bad id; drop'
    expect_header X-Request-Id '^[A-Za-z0-9._-]{8,64}$'
    get /livez
    expect_header X-Request-Id '^[A-Za-z0-9._-]{8,64}$'
}

@test "an empty film: 422 names every missing field" {
    as_demo
    post_json /predict '{}'
    expect_code 422
    expect_body '[.detail[] | select(.type == "missing") | .loc] == [["body", "title"], ["body", "release_date"]]'
}

@test "all that is wrong is said at once, with its place" {
    as_demo
    post_json /predict '{"films":[{"title":7,"release_date":"2027-13-01","screens":0},
        {"title":"x","release_date":"2027-03-17","duration_min":"112"}]}'
    expect_code 422
    expect_body '(.detail | length) == 4'
    expect_body '[.detail[].loc[1:]] | contains([["films",0,"title"],["films",0,"release_date"],["films",0,"screens"],
        ["films",1,"duration_min"]])'
}

@test "types are strict: a number in a string, NaN, infinity, a boolean" {
    as_demo
    for screens in '"412"' true 41.5 -1 2501 1e400; do
        post_json /predict "{\"title\":\"x\",\"release_date\":\"2027-03-17\",\"screens\":$screens}"
        expect_code 422
    done
    for literal in NaN Infinity -Infinity; do
        post_json /predict "{\"title\":\"x\",\"release_date\":\"2027-03-17\",\"budget\":$literal}"
        expect_code 422
    done
}

@test "not JSON, half of JSON, too deep: 422 or 400, never 500" {
    as_demo
    for data in '{' '[' 'nonsense' '{"title":"x",}' '{"a":1}{"b":2}' '""' '[]' 'null' "{\"title\":\"x\"" \
        "$(printf '[%.0s' {1..5000})"; do
        post_json /predict "$data"
        [[ $code == 422 || $code == 400 ]] || { show; fail "for $data"; }
    done
    post_json /predict $'{"title":"\xff\xfe","release_date":"2027-03-17"}'
    [[ $code == 422 || $code == 400 ]]
}

@test "a body that is not JSON by its type: 415 or FastAPI's 422; a compressed one: 415" {
    as_demo
    request POST /predict -H "Authorization: Bearer $token" -H 'Content-Type: application/xml' -d '<film/>'
    [[ $code == 415 || $code == 422 ]]
    post_json /predict "$film" -H 'Content-Encoding: gzip'
    expect_code 415
}

@test "a body at the limit is read, one above it is 413, also in chunks" {
    as_demo
    head -c 1048400 /dev/zero | tr '\0' ' ' >"$BATS_TEST_TMPDIR/blanks"
    { printf '%s' '{"title":"x","release_date":"2027-03-17"'; cat "$BATS_TEST_TMPDIR/blanks"; printf '}'; } >"$BATS_TEST_TMPDIR/fits"
    post_json /predict "@$BATS_TEST_TMPDIR/fits"
    expect_code 200
    cat "$BATS_TEST_TMPDIR/fits" "$BATS_TEST_TMPDIR/fits" | head -c 1200000 >"$BATS_TEST_TMPDIR/large"
    post_json /predict "@$BATS_TEST_TMPDIR/large"
    expect_code 413
    post_json /predict "@$BATS_TEST_TMPDIR/large" -H 'Transfer-Encoding: chunked'
    expect_code 413
    post_json /predict "@$BATS_TEST_TMPDIR/fits" -H 'Transfer-Encoding: chunked'
    expect_code 200
}

@test "a body far above every limit is refused, by the web server" {
    as_demo
    head -c 6000000 /dev/zero >"$BATS_TEST_TMPDIR/huge"
    post_json /predict "@$BATS_TEST_TMPDIR/huge" -H 'Expect:'
    [[ $code == 413 || ( $code == 000 && $curl_status != 0 ) ]] || { show; fail "accepted"; }
}

@test "more films than rows_max: 422" {
    as_demo
    one='{"title":"x","release_date":"2027-03-17"}'
    { printf '{"films":['; for _ in {1..1000}; do printf '%s,' "$one"; done; printf '%s]}' "$one"; } >"$BATS_TEST_TMPDIR/many"
    post_json /predict "@$BATS_TEST_TMPDIR/many"
    expect_code 422
    expect_body '.detail[0].type == "too_long"'
}

@test "a body cut short never becomes a prediction" {
    as_demo
    before=$(log_rows "SELECT count(*) FROM predictions")
    exec 9<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"title":' "$token" >&9
    sleep 0.3
    exec 9>&- 9<&-
    [ "$(log_rows "SELECT count(*) FROM predictions")" = "$before" ]
}

@test "odd paths: no file, no crash" {
    token=
    for path in '/../../etc/passwd' '/%2e%2e/%2e%2e/etc/passwd' '/assets/../../fcgi/app.c' '/assets/%2e%2e/package.json' \
        '/%00' '/%ff' '//predict' '/predict/' '/predict%2f' '/a%'; do
        get "$path"
        [[ $code == 400 || $code == 404 || $code == 403 || $code == 307 ]] || { show; fail "for $path"; }
        [[ $body != *root:* ]]
    done
}

@test "headers: too long, too many, a Proxy header" {
    token=
    get /livez -H "X-Long: $(head -c 20000 /dev/zero | tr '\0' x)"
    [[ $code == 200 || $code == 400 || $code == 431 ]]
    long=$(head -c 6000 /dev/zero | tr '\0' x)
    request POST /predict -H "Authorization: Bearer $long" -H 'Content-Type: application/json' -d "$film"
    [[ $code == 401 || $code == 400 || $code == 431 ]]
    get /livez -H 'Proxy: http://127.0.0.1:9'
    expect_code 200
}

@test "problem details when a client asks for them" {
    token=
    get /no/such/path -H 'Accept: application/problem+json'
    expect_code 404
    expect_header Content-Type '^application/problem\+json'
    expect_body '.status == 404'
}

@test "no password in a process's arguments, no secret in the log" {
    as_demo
    post_json /predict "$film"
    if grep -F -e "$token" -e "password=$MERCREDI_PASSWORD" "$STATE/server.log"; then fail "a secret in the log"; fi
    for p in $(server_processes); do
        if tr '\0' ' ' <"/proc/$p/cmdline" | grep -qF "$MERCREDI_PASSWORD"; then fail "a password in $p's arguments"; fi
    done
    [ "$(stat -c %a "$STATE/demo.env")" = 600 ]
}

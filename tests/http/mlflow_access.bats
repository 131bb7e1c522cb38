#!/usr/bin/env bats
# A real MLflow server that wants accounts, behind nginx with a certificate of an authority of our own: what works with the
# right ones, and what is said with wrong ones. Skips, saying so, without MLflow's Python (with Flask-WTF), nginx or openssl.
bats_require_minimum_version 1.5.0
load server
load mlflow
model=first-week

certificates() { # in $tls: two authorities, and the certificate of 127.0.0.1 by the first
    local ca
    cd "$tls" || return 1
    for ca in ours other; do
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=Test $ca" -keyout $ca.key -out $ca.pem 2>/dev/null
    done
    openssl req -newkey rsa:2048 -nodes -subj /CN=mlflow -keyout server.key -out server.csr 2>/dev/null
    printf 'subjectAltName = IP:127.0.0.1\n' >names
    openssl x509 -req -in server.csr -CA ours.pem -CAkey ours.key -CAcreateserial -days 2 -extfile names -out server.pem \
        2>/dev/null
    cd "$root" || return 1
}
front_start() {
    cat >"$tls/nginx.conf" <<C
daemon off;
pid $tls/nginx.pid;
error_log $tls/error.log;
$([ "$(id -u)" != 0 ] || echo 'user root;')
events {}
http {
    access_log off;
    client_max_body_size 0;
    client_body_temp_path $tls/body;
    proxy_temp_path $tls/proxy;
    fastcgi_temp_path $tls/fastcgi;
    uwsgi_temp_path $tls/uwsgi;
    scgi_temp_path $tls/scgi;
    server {
        listen 127.0.0.1:$tls_port ssl;
        ssl_certificate $tls/server.pem;
        ssl_certificate_key $tls/server.key;
        location / {
            proxy_pass http://127.0.0.1:$MLFLOW_PORT;
            proxy_set_header Host \$http_host;
        }
    }
}
C
    nginx -c "$tls/nginx.conf" -e "$tls/error.log" >"$tls/out" 2>&1 </dev/null 3>&- &
    echo $! >"$tls/front"
}
settings() { # more NAME=VALUE: the server anew, with these
    server_stop
    SERVER='' PORT='' server_start MERCREDI_WORKERS=2 MERCREDI_MLFLOW_URL="$tls_url" MERCREDI_MLFLOW_USERNAME=admin \
        MERCREDI_MLFLOW_PASSWORD_FILE="$tls/password" MERCREDI_MLFLOW_CA_FILE="$tls/ours.pem" "$@"
    rm -f "$BATS_FILE_TMPDIR/token"
    printf 'export SERVER=%s PORT=%s URL=%s\n' "$SERVER" "$PORT" "$URL" >"$tls/session"
}
present_server() { # which another test may have started
    # shellcheck disable=SC1091 # written above
    [ ! -s "$tls/session" ] || . "$tls/session"
}

setup_file() {
    PATH=$PATH:/usr/sbin
    none=$(mlflow_none)
    export none
    if [ -z "$none" ] && ! "$(mlflow_python)" -c 'import flask_wtf' 2>/dev/null; then
        none="no Flask-WTF beside MLflow"
    elif ! command -v nginx >/dev/null || ! command -v openssl >/dev/null; then
        export none="no nginx or no openssl"
    fi
    [ -z "$none" ] || return 0
    export MLFLOW_APP=basic-auth MLFLOW_AUTH=admin:correct-horse-battery
    mlflow_start
    export tls=$BATS_FILE_TMPDIR/tls tls_port tls_url
    mkdir -p "$tls"
    tls_port=$(free_port)
    tls_url=https://127.0.0.1:$tls_port
    certificates
    front_start
    (
        umask 077
        printf '%s\n' "${MLFLOW_AUTH#*:}" >"$tls/password"
        printf 'wrong-horse-battery\n' >"$tls/wrong"
        printf 'reader-horse-battery\n' >"$tls/reader"
    )
    quick_bundles 8001
    settings
}
teardown_file() {
    [ -z "$none" ] || return 0
    present_server
    server_stop
    kill "$(cat "$tls/front")" 2>/dev/null || true
    mlflow_stop
}
setup() {
    [ -z "$none" ] || skip "$none"
    present_server
}

# publish the bundle as these environment variables say → $status $stderr $output
publish() {
    run --separate-stderr env MLFLOW_TRACKING_USERNAME=admin MLFLOW_TRACKING_PASSWORD="${MLFLOW_AUTH#*:}" \
        MLFLOW_TRACKING_SERVER_CERT_PATH="$tls/ours.pem" MLFLOW_HTTP_REQUEST_MAX_RETRIES=1 "$@" \
        "$BIN/mercredi-train" publish "$bundles/8001" --mlflow "$tls_url" --quiet --alias champion
}
registry_line() { curl -s --noproxy '*' "$URL/readyz?verbose" | grep mlflow; }
until_registry() { # pattern in the line of /readyz?verbose
    local i
    for ((i = 0; i < 1800; i++)); do # 2.x hashes the password at each call
        [[ ! $(registry_line) =~ $1 ]] || return 0
        sleep 0.1
    done
    fail "after minutes: $(registry_line)"
}
still_serves() {
    as_demo
    post_json /predict "$film"
    expect_code 200
}
secrets_kept() { # no password in what was said
    ! grep -q 'horse-battery' "$STATE/server.log"
    [[ $stderr != *horse-battery* ]]
}

@test "wrong password, no account: nothing is published, and the message says 401" {
    publish MLFLOW_TRACKING_PASSWORD=wrong-horse-battery
    [ "$status" = 73 ]
    [[ $stderr == *": 401"*"not authenticated"* ]]
    secrets_kept
    publish MLFLOW_TRACKING_USERNAME=nobody
    [ "$status" = 73 ]
    mlflow GET "registered-models/get?name=$model"
    [ "$(jq -r .error_code <<<"$reply")" = RESOURCE_DOES_NOT_EXIST ]
    settings MERCREDI_MLFLOW_PASSWORD_FILE="$tls/wrong"
    until_registry 'refuses our credentials'
    grep -q 'alert.*401\|task failed.*401' "$STATE/server.log"
    still_serves
    secrets_kept
}

@test "an authority that is not trusted, another host's certificate, no certificates: said, and nothing is sent" {
    publish MLFLOW_TRACKING_SERVER_CERT_PATH="$tls/other.pem"
    [ "$status" = 73 ]
    [[ $stderr == *"$tls_url"*certificate* ]]
    publish MLFLOW_TRACKING_SERVER_CERT_PATH=
    [ "$status" = 73 ] # the system's do not know it either
    publish MLFLOW_TRACKING_SERVER_CERT_PATH="$tls/nothing.pem"
    [ "$status" = 73 ]
    [[ $stderr == *nothing.pem* ]]
    run --separate-stderr env MLFLOW_TRACKING_SERVER_CERT_PATH="$tls/ours.pem" MLFLOW_HTTP_REQUEST_MAX_RETRIES=0 \
        "$BIN/mercredi-train" publish "$bundles/8001" --mlflow "https://localhost:$tls_port" --quiet
    [ "$status" = 73 ]
    [[ $stderr == *localhost* ]]
    settings MERCREDI_MLFLOW_CA_FILE="$tls/other.pem"
    until_registry 'certificate is not trusted'
    still_serves
    # asked not to look at it
    publish MLFLOW_TRACKING_SERVER_CERT_PATH= MLFLOW_TRACKING_INSECURE_TLS=true MLFLOW_TRACKING_PASSWORD=wrong-horse-battery
    [[ $stderr == *": 401"* ]]
}

@test "the right account through the right certificate: published, followed, promoted" {
    settings
    publish
    [ "$status" = 0 ]
    version=$(jq -r .version <<<"$output")
    until_registry "mlflow ok, version $version there, here 8001"
    for ((i = 0; i < 50; i++)); do # the link is there; the workers follow
        still_serves
        [ "$(member .model.version)" != 8001 ] || break
        sleep 0.1
    done
    expect_body '.model.version == "8001"'
    printf '%s' promote-me | administer user add promoter --scopes "predict admin" --password-stdin
    login promoter promote-me
    request POST /models/0002/promote -H "Authorization: Bearer $token" -d ""
    expect_code 200
    until_registry 'mlflow ok, version [0-9]+ there, here 0002'
    [ "$(alias_now)" != "$version" ]
    secrets_kept
}

@test "an account that may only read follows; its promotions are refused there, and the alias decides" {
    mlflow POST users/create '{"username": "reader", "password": "reader-horse-battery"}'
    [ "$(jq -r .user.username <<<"$reply")" = reader ]
    settings MERCREDI_MLFLOW_USERNAME=reader MERCREDI_MLFLOW_PASSWORD_FILE="$tls/reader"
    until_registry 'mlflow ok, version [0-9]+ there, here 0002'
    login promoter promote-me
    request POST /models/8001/promote -H "Authorization: Bearer $token" -d ""
    expect_code 200
    for ((i = 0; i < 100; i++)); do
        grep -q 'alert: a promotion cannot be carried to MLflow.*403' "$STATE/server.log" && break
        sleep 0.1
    done
    grep -q 'alert: a promotion cannot be carried to MLflow.*403' "$STATE/server.log"
    until_registry 'mlflow ok, version [0-9]+ there, here 0002'
    publish MLFLOW_TRACKING_USERNAME=reader MLFLOW_TRACKING_PASSWORD=reader-horse-battery
    [ "$status" = 73 ]
    [[ $stderr == *": 403"*"Permission denied"* ]]
    secrets_kept
}

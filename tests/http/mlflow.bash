# A real MLflow server for tests: started on a free port from the Python of MLFLOW_PY, or of build/mlflow-venv. With
# MLFLOW_APP=basic-auth it wants accounts: MLFLOW_AUTH (user:password) is the administrator's, and what `mlflow` uses.

mlflow_python() { # the interpreter, or nothing
    local py
    for py in "$MLFLOW_PY" "$root/build/mlflow-venv/bin/python"; do
        if [ -n "$py" ] && "$py" -c 'import mlflow, flask, sqlalchemy' 2>/dev/null; then
            echo "$py"
            return 0
        fi
    done
    return 1
}
mlflow_none() { # why there is no MLflow for this file's tests, or nothing
    if [ "$FRONT" != lighttpd ]; then
        echo "runs under lighttpd"
    elif ! mlflow_python >/dev/null; then
        echo "no Python with MLflow: MLFLOW_PY is not set and build/mlflow-venv is not there"
    fi
}
quick_bundles() { # version… → $bundles/VERSION: quick ones, on invented films, each with a seed of its own
    export bundles=$BATS_FILE_TMPDIR/first-week
    mkdir -p "$bundles"
    echo '{"iterations": 20}' >"$BATS_FILE_TMPDIR/few.json"
    local v
    for v; do
        "$BIN/mercredi-train" fit --schema "$root/data/schema.json" --data "$root/data/sample.csv" --quiet --seed "$v" \
            --params "$BATS_FILE_TMPDIR/few.json" --out "$bundles/$v" >/dev/null
    done
}
mlflow_accounts() { # the administrator of a server with accounts; its passwords are hashed once a minute at most
    export MLFLOW_AUTH_CONFIG_PATH=$MLFLOW_STATE/auth.ini MLFLOW_FLASK_SERVER_SECRET_KEY=of-a-test
    cat >"$MLFLOW_AUTH_CONFIG_PATH" <<I
[mlflow]
default_permission = READ
database_uri = sqlite:///$MLFLOW_STATE/accounts.db
admin_username = ${MLFLOW_AUTH%%:*}
admin_password = ${MLFLOW_AUTH#*:}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
I
}
mlflow_launch() { # on $MLFLOW_PORT, with what it knew before
    (
        cd "$MLFLOW_STATE" || exit 1
        export PATH="${MLFLOW%/*}:$PATH" MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true
        [ -z "$MLFLOW_APP" ] || mlflow_accounts
        # shellcheck disable=SC2086 # an option and its value, or nothing
        exec setsid "$MLFLOW" -m mlflow server ${MLFLOW_APP:+--app-name $MLFLOW_APP} --backend-store-uri "sqlite:///$MLFLOW_STATE/mlflow.db" \
            --artifacts-destination "$MLFLOW_STATE/artifacts" --serve-artifacts --host 127.0.0.1 --port "$MLFLOW_PORT" \
            --workers 1
    ) >>"$MLFLOW_STATE/log" 2>&1 </dev/null 3>&- &
    echo $! >"$MLFLOW_STATE/pid" # a test may stop it and start it anew
    local i
    for ((i = 0; i < 600; i++)); do
        [ "$(curl -s --noproxy '*' --max-time 2 "$MLFLOW_URL/health" 2>/dev/null)" != OK ] || return 0
        kill -0 "$(cat "$MLFLOW_STATE/pid")" 2>/dev/null || break
        sleep 0.2
    done
    echo "MLflow did not start:" >&2
    tail -n 20 "$MLFLOW_STATE/log" >&2
    return 1
}
mlflow_start() {
    MLFLOW=$(mlflow_python) || return 1
    MLFLOW_STATE=$(mktemp -d "$BATS_FILE_TMPDIR/mlflow.XXXXXX")
    MLFLOW_PORT=$(free_port)
    MLFLOW_URL=http://127.0.0.1:$MLFLOW_PORT
    export MLFLOW MLFLOW_STATE MLFLOW_PORT MLFLOW_URL
    mlflow_launch
    mlflow_major=$(curl -s --noproxy '*' ${MLFLOW_AUTH:+-u "$MLFLOW_AUTH"} "$MLFLOW_URL/version" | cut -d. -f1)
    export mlflow_major
}
mlflow_stop() { # at once; 2.x leaves its workers when only the parent is told
    local pid
    pid=$(cat "$MLFLOW_STATE/pid" 2>/dev/null) || return 0
    rm -f "$MLFLOW_STATE/pid"
    kill -KILL -- "-$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}
mlflow() { # METHOD call [JSON] → $reply; a GET's query stands in the call
    reply=$(curl -sS --noproxy '*' --max-time 20 ${MLFLOW_AUTH:+-u "$MLFLOW_AUTH"} -X "$1" ${3:+-H 'Content-Type: application/json' -d "$3"} \
        "$MLFLOW_URL/api/2.0/mlflow/$2")
}
alias_to() { # version: what a click in MLflow's pages does
    mlflow POST registered-models/alias "{\"name\": \"$model\", \"alias\": \"champion\", \"version\": \"$1\"}"
    [ "$(jq -c . <<<"$reply")" = '{}' ] || fail "alias to $1: $reply"
}
alias_now() {
    mlflow GET "registered-models/alias?name=$model&alias=champion"
    jq -r .model_version.version <<<"$reply"
}
versions_of() { # model → one line a version: number, digest tag
    mlflow GET "model-versions/search?filter=name%3D%27$1%27"
    jq -r '.model_versions[]? | [.version, (.tags[]? | select(.key == "bundle_sha256").value)] | join(" ")' <<<"$reply"
}
publish() { # bundle, more arguments → $run_id $version
    local out
    out=$("$BIN/mercredi-train" publish "$1" --mlflow "$MLFLOW_URL" --quiet "${@:2}")
    run_id=$(jq -r .run_id <<<"$out") version=$(jq -r .version <<<"$out")
}
until_served() { # our version: wait at most 10 s for an answer by it
    local i
    as_demo
    for ((i = 0; i < 100; i++)); do
        post_json /predict "$film"
        [ "$(member .model.version)" != "$1" ] || return 0
        sleep 0.1
    done
    fail "after 10 s the version is $(member .model.version), not $1"
}
registry_line() { curl -s --noproxy '*' "$URL/readyz?verbose" | grep mlflow; }
until_registry() { # pattern in the line of /readyz?verbose
    local i
    for ((i = 0; i < 100; i++)); do
        [[ ! $(registry_line) =~ $1 ]] || return 0
        sleep 0.1
    done
    fail "after 10 s: $(registry_line)"
}
through_proxy() { # n, model: publish 8001 through killing_proxy.py → $status; what was asked for in $BATS_TEST_TMPDIR/requests
    local tmp=$BATS_TEST_TMPDIR proxy
    rm -f "$tmp/port" "$tmp/pid"
    "$MLFLOW" "$root/tests/http/killing_proxy.py" "$MLFLOW_URL" "$1" "$tmp/pid" "$tmp/port" >"$tmp/requests" 2>&1 3>&- &
    proxy=$!
    until [ -s "$tmp/port" ]; do sleep 0.05; done
    sh -c 'echo $$ >"$1"; shift; exec "$@"' - "$tmp/pid" "$BIN/mercredi-train" publish "$bundles/8001" --quiet \
        --mlflow "http://127.0.0.1:$(cat "$tmp/port")" --name "$2" --alias champion >"$tmp/out" 2>"$tmp/err" 3>&- &&
        status=0 || status=$?
    kill "$proxy" 2>/dev/null || true
    wait "$proxy" 2>/dev/null || true
}
same_files() { # model, version, bundle: does MLflow have what the bundle's manifest names?
    local file
    while read -r file; do
        [ "$(curl -s --noproxy '*' "$MLFLOW_URL/model-versions/get-artifact?name=$1&version=$2&path=$file" | sha256sum)" = \
            "$(sha256sum <"$3/$file")" ] || fail "$1 $2: $file differs"
    done < <(jq -r '.files | keys[]' "$3/manifest.json")
}

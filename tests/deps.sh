#!/bin/sh
# Install what is missing to run or to test Mercredi. Usage: tests/deps.sh run|check|test|web|all
#
#   run    build, start the server: C libraries, pkg-config, lighttpd, curl
#   check  run, and what the unit tests need
#   test   check, and every tool of the black-box tests; what cannot be had is named and its suites skip
#   web    the npm packages alone, into build/web
#   all    as test, but anything missing in the end is an error
#
# Looks for commands, headers and pkg-config modules, never for package names, so it costs nothing when all is there and
# works on any system. Only when something is missing does it ask apt-get (Debian, Ubuntu), as root or through sudo.
# Python modules and npm packages go into build/, from the registries when they answer.
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
list=${1:-run}
case $list in run | check | test | web | all) ;; *) echo "usage: tests/deps.sh run|check|test|web|all" >&2; exit 2 ;; esac

# list  need  kind  what to look for  Debian packages ("need": must | may; without a "may" some suites skip)
table() {
    cat <<'T'
run   must cmd  cc           gcc libc6-dev
run   must cmd  pkg-config   pkg-config
run   must pc   libcjson     libcjson-dev
run   must pc   libsodium    libsodium-dev
run   must pc   libutf8proc  libutf8proc-dev
run   must pc   libcurl      libcurl4-openssl-dev
run   must pc   libjwt       libjwt-dev
run   must pc   sqlite3      libsqlite3-dev
run   must pc   libpq        libpq-dev
run   must pc   libutf8proc  libutf8proc-dev
run   must hdr  fcgiapp.h    libfcgi-dev
run   must cmd  lighttpd     lighttpd
run   must cmd  curl         curl ca-certificates
check must pc   check        check
check must cmd  c++          g++
test  must cmd  bats         bats
test  must cmd  jq           jq
test  must cmd  sqlite3      sqlite3
test  may  cmd  apache2      apache2
test  may  file /usr/lib/apache2/modules/mod_fcgid.so libapache2-mod-fcgid
test  may  cmd  nginx        nginx
test  may  file /usr/lib/postgresql/*/bin/initdb postgresql
test  may  cmd  valgrind     valgrind
test  may  cmd  clang        clang libclang-rt-14-dev
test  may  file /usr/lib/llvm-*/lib/libomp.so libomp-dev
test  may  cmd  node         nodejs
test  may  cmd  npm          npm
test  may  cmd  chromium     chromium
test  may  venv python3      python3 python3-venv
T
}
in_list() { # is a row of list $1 wanted?
    case $list:$1 in run:run | check:run | check:check | test:* | all:*) return 0 ;; *) return 1 ;; esac
}
have() { # kind, what
    case $1 in
    cmd)
        command -v "$2" >/dev/null 2>&1 && return 0
        case $2 in
        pkg-config) command -v pkgconf >/dev/null 2>&1 ;;
        chromium) command -v google-chrome >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 ;;
        apache2) command -v httpd >/dev/null 2>&1 ;;
        *) return 1 ;;
        esac ;;
    pc) pkg-config --exists "$2" 2>/dev/null ;;
    hdr) echo "#include <$2>" | ${CC:-cc} -E -x c - >/dev/null 2>&1 ;;
    file) for f in $2; do [ -e "$f" ] && return 0; done; return 1 ;;
    venv) [ -n "$MERCREDI_PY" ] || [ -x build/venv/bin/python ] || python3 -c 'import ensurepip' >/dev/null 2>&1 ;;
    esac
}
missing() { # need, column (4 = what, 5 = packages) of the rows that are not there
    table | while read -r rows need kind what packages; do
        if in_list "$rows" && [ "$need" = "$1" ] && ! have "$kind" "$what"; then
            case $2 in what) echo "$what" ;; *) echo "$packages" ;; esac
        fi
    done | tr '\n' ' '
}

must=$(missing must packages)
may=
case $list in test | all) may=$(missing may packages) ;; esac

as_root= # how to become root; "no" when we cannot
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then as_root=no
    elif sudo -n true 2>/dev/null || [ -t 0 ]; then as_root=sudo
    else as_root=no
    fi
fi
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 "$@" </dev/null; }

# A server that Debian installs also starts as a service, now and at every boot. We only want the program.
servers="lighttpd apache2 nginx postgresql"
installed() { case $1 in postgresql) set -- pg_ctlcluster ;; esac; command -v "$1" >/dev/null 2>&1; }
quiet_services() { # names that were there before
    [ -d /run/systemd/system ] || return 0
    for s in $servers; do
        case " $1 " in *" $s "*) continue ;; esac
        if installed "$s"; then
            $as_root systemctl disable --now "$s" >/dev/null 2>&1 && echo "deps: the service $s that came with the package is off"
        fi
    done
}

tried=build/.deps-tried # packages that could not be had lately: not asked for again within an hour
lately() { [ -n "$(find "$1" -mmin -60 2>/dev/null)" ] && [ "$(cat "$1")" = "$2" ]; }
if [ -z "$must" ] && { [ -z "$may" ] || lately "$tried" "$may"; }; then :
elif ! command -v apt-get >/dev/null 2>&1; then
    echo "deps: missing here: $(missing must what)$(missing may what)" >&2
    echo "deps: no apt-get; install what Debian calls: $must$may" >&2
    [ -z "$must" ] || exit 1
elif [ "$as_root" = no ]; then
    echo "deps: missing here: $(missing must what)$(missing may what)" >&2
    echo "deps: not root and no sudo. Run:  apt-get install --no-install-recommends $must$may" >&2
    [ -z "$must" ] && [ "$list" != all ] || exit 1
else
    before=
    for s in $servers; do installed "$s" && before="$before $s"; done
    echo "deps: installing $must$may"
    apt update || echo "deps: package lists could not be refreshed; trying with those at hand" >&2
    if [ -n "$must" ]; then
        # shellcheck disable=SC2086 # a list of words
        apt install -y --no-install-recommends $must || {
            echo "deps: this failed:  apt-get install --no-install-recommends $must" >&2
            exit 1
        }
    fi
    wanted=
    for p in $may; do # a name this release does not have must not stop the others
        if apt-cache policy "$p" 2>/dev/null | grep -q 'Candidate: [^(]'; then wanted="$wanted $p"; fi
    done
    # shellcheck disable=SC2086
    if [ -n "$wanted" ] && ! apt install -y --no-install-recommends $wanted; then
        for p in $wanted; do apt install -y --no-install-recommends "$p" || echo "deps: no $p" >&2; done
    fi
    quiet_services "$before"
fi
must=$(missing must what)
if [ -n "$must" ]; then
    echo "deps: still missing: $must" >&2
    exit 1
fi
case $list in run | check) exit 0 ;; esac

mkdir -p build
[ "$list" = web ] || may=$(missing may packages)
if [ -n "$may" ]; then
    lately "$tried" "$may" || echo "deps: not to be had here, their suites will skip: $(missing may what)"
    echo "$may" >"$tried"
fi

# Python modules (tests only): MERCREDI_PY or the PATH's python3 when it has them, else build/venv.
python_modules() {
    for py in ${MERCREDI_PY:-python3} build/venv/bin/python; do
        if command -v "$py" >/dev/null 2>&1 && "$py" tests/has_modules.py; then return 0; fi
    done
    [ -z "$MERCREDI_PY" ] || return 1
    lately build/.pip-tried tests && return 1
    echo "deps: Python modules into build/venv"
    { [ -x build/venv/bin/python ] || python3 -m venv build/venv; } &&
        build/venv/bin/python -m pip -q --disable-pip-version-check install --timeout 20 --retries 1 --only-binary :all: \
            -r tests/requirements.txt && return 0
    echo tests >build/.pip-tried
    return 1
}
# A real MLflow server (tests only): MLFLOW_PY, else build/mlflow-venv.
mlflow_modules() {
    for py in $MLFLOW_PY build/mlflow-venv/bin/python; do
        if [ -x "$py" ] && "$py" -c 'import mlflow, flask, sqlalchemy' 2>/dev/null; then return 0; fi
    done
    [ -z "$MLFLOW_PY" ] || return 1
    lately build/.mlflow-tried tests && return 1
    echo "deps: MLflow into build/mlflow-venv"
    pip_install() { build/mlflow-venv/bin/python -m pip -q --disable-pip-version-check install --timeout 20 --retries 1 \
        --only-binary :all: "$@"; }
    { [ -x build/mlflow-venv/bin/python ] || python3 -m venv build/mlflow-venv; } &&
        pip_install -r tests/requirements-mlflow.txt && pip_install --no-deps catboost && return 0
    echo tests >build/.mlflow-tried
    return 1
}
# npm packages: the browser tests' and the documentation page's. The lock file names exact versions and digests.
npm_modules() {
    if cmp -s fcgi/www/package-lock.json build/web/package-lock.json && [ -d build/web/node_modules ]; then return 0; fi
    command -v npm >/dev/null 2>&1 || return 1
    lately build/.npm-tried tests && return 1
    echo "deps: npm packages into build/web"
    rm -rf build/web.tmp && mkdir -p build/web.tmp &&
        cp fcgi/www/package.json fcgi/www/package-lock.json build/web.tmp/ &&
        (cd build/web.tmp && timeout 600 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1) &&
        rm -rf build/web && mv build/web.tmp build/web && return 0
    rm -rf build/web.tmp
    echo tests >build/.npm-tried
    return 1
}
if [ "$list" = web ]; then
    npm_modules
    exit
fi
python_modules || echo "deps: no Python with the modules of tests/requirements.txt; their suites will skip" >&2
mlflow_modules || echo "deps: no MLflow; its suite will skip" >&2
npm_modules || echo "deps: no npm packages; the browser suite will skip and /docs is the plain page" >&2

if [ "$list" = all ] && { [ -n "$may" ] || ! python_modules || ! npm_modules; }; then
    echo "deps: not everything could be had: $(missing may what)" >&2
    exit 1
fi

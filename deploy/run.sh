#!/bin/sh
# What `make run` does once everything is built: a web server and workers in the foreground, on the shipped model, with a
# demonstration user. TERM or Ctrl-C ends everything it started.
#
#   PORT   8080                      HOST   127.0.0.1 (0.0.0.0: reachable from other machines)
#   FRONT  lighttpd|nginx|apache     STATE  build/run: databases, models, password of the demonstration user
#   BIN    build/release             WWW_MODULES  build/web: npm packages of the documentation page, when there
#
# Writes $STATE/demo.env (URL, MERCREDI_USER, MERCREDI_PASSWORD; mode 0600) as soon as /readyz answers 200.
cd "$(dirname "$0")/.." || exit 1
umask 077
checkout=$PWD
PORT=${PORT:-8080} HOST=${HOST:-127.0.0.1} FRONT=${FRONT:-lighttpd} STATE=${STATE:-build/run} BIN=${BIN:-build/release}
WWW_MODULES=${WWW_MODULES:-build/web}
say() { echo "run: $*"; }
die() { say "$*" >&2; exit 1; }
case $PORT in '' | *[!0-9]*) die "PORT is a number, not \"$PORT\"" ;; esac
case $FRONT in lighttpd | nginx | apache) ;; *) die "FRONT is lighttpd, nginx or apache, not \"$FRONT\"" ;; esac
case $FRONT in apache) front_program=apache2 ;; *) front_program=$FRONT ;; esac
PATH=$PATH:/usr/sbin:/sbin
command -v "$front_program" >/dev/null 2>&1 || die "no $front_program on this machine; \`make deps\` installs it"
case $BIN in /*) ;; *) BIN=$checkout/$BIN ;; esac
program=$BIN/mercredi-fcgi
mkdir -p "$STATE" || die "STATE=$STATE cannot be made"
STATE=$(cd "$STATE" && pwd) || exit 1
url_host=$HOST
[ "$HOST" != 0.0.0.0 ] || url_host=127.0.0.1
url=http://$url_host:$PORT
fetch() { curl -s --noproxy '*' --max-time 5 "$@"; }

# Is somebody there already? curl's status 7: nobody listens.
fetch -o /dev/null "$url/livez"
[ $? = 7 ] || die "port $PORT is taken: another server answers at $url. Stop it, or choose another: make run PORT=$((PORT + 1))"
exec 8>"$STATE/lock"
flock -n 8 || die "STATE=$STATE is in use by another \`make run\`. Stop it, or choose another folder: make run STATE=…"
rm -f "$STATE/demo.env" # of a run that was killed

# The models: the checkout's are the package's, seeded where there is none; versions are immutable, so only new ones come.
seed_models() {
    for name in models/*/; do
        name=${name%/}
        [ -e "$name/current" ] || continue
        mkdir -p "$STATE/$name"
        for version in "$name"/*/; do
            version=${version%/}
            [ ! -L "$version" ] && [ ! -e "$STATE/$version" ] || continue
            rm -rf "$STATE/$version.tmp"
            cp -R "$version" "$STATE/$version.tmp" && mv "$STATE/$version.tmp" "$STATE/$version" || return 1
        done
        [ -e "$STATE/$name/current" ] || ln -sfn "$(readlink "$name/current")" "$STATE/$name/current" || return 1
    done
}
seed_models || die "the models could not be copied into $STATE"
[ -e "$STATE/models/first-week/current" ] || die "there is no model: models/first-week/current is missing"

# The pages, and beside them what npm brought for the documentation page.
www=$STATE/www
rm -rf "$www" && mkdir -p "$www" && cp -R fcgi/www/. "$www/" || die "the pages could not be copied into $STATE"
rm -rf "$www/node_modules" "$www/package.json" "$www/package-lock.json"
swagger=$WWW_MODULES/node_modules/swagger-ui-dist
if [ -d "$swagger" ]; then
    vendor=$www/vendor/swagger-ui-$(sed -n 's/^ *"version": "\([0-9.]*\)".*/\1/p' "$swagger/package.json" | head -n 1)
    mkdir -p "$vendor"
    for f in swagger-ui.css swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt LICENSE NOTICE; do
        [ ! -e "$swagger/$f" ] || cp "$swagger/$f" "$vendor/"
    done
fi

# A socket's path holds about a hundred characters: under a long STATE the sockets live in a short folder.
run=$STATE/run
short=
if [ ${#run} -gt 70 ]; then
    short=$(mktemp -d /tmp/mercredi-run.XXXXXX) || exit 1
    run=$short
fi
mkdir -p "$run"
config=$STATE/mercredi.conf
cat >"$config.tmp" <<C || exit 1
# Written by \`make run\` at every start.
socket = "$run/mercredi.sock"
run_dir = "$run"
state_dir = "$STATE"
models_dir = "$STATE/models"
www_dir = "$www"
drain_timeout = 5s
logins_per_minute = 0
login_backoff = 0
rate_per_minute = 0
C
mv "$config.tmp" "$config"
unset MERCREDI_USER MERCREDI_PASSWORD

# The demonstration user: a password made once, kept beside the database.
user=demo
if [ ! -s "$STATE/demo.password" ]; then
    LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c 24 >"$STATE/demo.password.tmp"
    mv "$STATE/demo.password.tmp" "$STATE/demo.password"
fi
password=$(cat "$STATE/demo.password")
if ! why=$(printf '%s\n' "$password" | "$program" user add "$user" --scopes "predict outcome monitor" --password-stdin \
    --config "$config" 2>&1); then
    why2=$(printf '%s\n' "$password" | "$program" user passwd "$user" --password-stdin --config "$config" 2>&1) ||
        die "the demonstration user could not be made: $why $why2"
fi

master='' front='' nap=''
children='' # of the web server: they outlive it when it is killed
alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }
stop() { # in order: nobody new comes in, then the workers finish
    trap '' TERM INT HUP
    [ -z "$nap" ] || kill "$nap" 2>/dev/null
    rm -f "$STATE/demo.env"
    alive "$front" && children=''
    for p in $front $children $master; do
        kill -TERM "$p" 2>/dev/null
        i=0
        while alive "$p" && [ "$i" -lt 140 ]; do
            sleep 0.05
            i=$((i + 1))
        done
        alive "$p" && kill -KILL "$p" 2>/dev/null
        wait "$p" 2>/dev/null
    done
    front='' master=''
    [ -z "$short" ] || rm -rf "$short"
}
status=1
trap 'stop; exit $status' EXIT
trap 'status=0; say "stopping"; exit 0' TERM INT HUP

if [ "$FRONT" = apache ]; then
    "$program" scribe --config "$config" 8>&- &
else
    "$program" serve --config "$config" 8>&- &
fi
master=$!
sh deploy/front.sh "$FRONT" "$HOST" "$PORT" "$run" "$config" "$program" 8>&- &
front=$!

ended() { # who of the two is gone?
    alive "$master" || { say "mercredi-fcgi ended; its messages are above" >&2; return 0; }
    alive "$front" || { say "$front_program ended; its messages are above" >&2; return 0; }
    return 1
}
i=0
until [ "$(fetch -o /dev/null -w '%{http_code}' "$url/readyz")" = 200 ]; do
    ! ended || exit 1
    i=$((i + 1))
    [ $i -lt 600 ] || { fetch "$url/readyz?verbose"; die "not ready after a minute"; }
    sleep 0.05
done

printf 'URL=%s\nMERCREDI_USER=%s\nMERCREDI_PASSWORD=%s\n' "$url" "$user" "$password" >"$STATE/demo.env.tmp"
mv "$STATE/demo.env.tmp" "$STATE/demo.env"
cat <<T

Mercredi answers at $url (web server: $FRONT; pages at /, documentation at /docs).
User: $user   Password: $password   (also in $STATE/demo.env)

Log in and predict:

  . $STATE/demo.env
  TOKEN=\$(curl -s "\$URL/token" -d "username=\$MERCREDI_USER" -d "password=\$MERCREDI_PASSWORD" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s "\$URL/predict" -H "Authorization: Bearer \$TOKEN" -H 'Content-Type: application/json' -d '{
    "title": "La Marche du mercredi", "release_date": "2027-03-17", "genres": ["Comédie"], "countries": ["FR"],
    "distributor": "Pathé", "duration_min": 104, "budget": 8500000, "screens": 412}'

Ctrl-C stops it.
T

# Watch over both. make passes TERM on to us but keeps an interrupt sent to it alone: it then waits for us with the
# signal's handling reset, which /proc shows (bit 2 of the caught signals).
make_gave_up() {
    [ -n "$MAKELEVEL" ] || return 1
    [ -r "/proc/$PPID/status" ] || return 0
    caught=
    while read -r key value; do
        [ "$key" != SigCgt: ] || caught=$value
    done <"/proc/$PPID/status"
    case $caught in *[2367abef]) return 1 ;; '') return 0 ;; *) [ -z "$make_caught" ] && return 1 || return 0 ;; esac
}
make_caught=
while read -r key value; do
    [ "$key" != SigCgt: ] || case $value in *[2367abef]) make_caught=1 ;; esac
done 2>/dev/null <"/proc/$PPID/status"
while ! ended; do
    read -r children 2>/dev/null <"/proc/$front/task/$front/children"
    if make_gave_up; then
        status=0
        say "stopping"
        exit 0
    fi
    sleep 1 8>&- &
    nap=$!
    wait $nap 2>/dev/null
    nap=''
done
exit 1

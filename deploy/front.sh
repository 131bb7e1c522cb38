#!/bin/sh
# Start one of deploy/*.conf in the foreground for a developer: the file that ships, with this checkout's paths.
# Usage: [FRONT_FILE=another/lighttpd.conf] deploy/front.sh lighttpd|nginx|apache HOST PORT RUN_DIR CONFIG PROGRAM
#   RUN_DIR  has or will have mercredi.sock; gets a folder for the web server    CONFIG  mercredi.conf of the application
#   PROGRAM  mercredi-fcgi (only Apache starts it)
# `make run` and the tests under tests/http use it. FRONT_CHECK=1: check the configuration and end.
# APACHE_MODULES: folder of mod_*.so; APACHE_MORE_MODULES: names of more to load.
set -e
front=$1 host=$2 port=$3 run=$4 config=$5 program=$6
deploy=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
dir=$run/$front
mkdir -p "$dir/tmp"

quoted() { printf '%s' "$1" | sed 's/[&|\\]/\\&/g'; }
# The shipped file's own paths and port, each replaced by ours.
adapted() {
    case $front in
    apache) # takes the command apart at blanks, but for those between quotes
        case $program in *' '*) program="'$program'" ;; esac
        case $config in *' '*) config="'$config'" ;; esac ;;
    esac
    sed -e "s|/run/mercredi/fcgid|$(quoted "$dir/fcgid")|g" \
        -e "s|/run/mercredi/|$(quoted "$run")/|g" \
        -e "s|/etc/mercredi/mercredi.conf|$(quoted "$config")|g" \
        -e "s|/usr/bin/mercredi-fcgi|$(quoted "$program")|g" \
        -e "s|/usr/share/mercredi/www|$(quoted "$dir/tmp")|g" \
        -e "s|\"/var/tmp\"|\"$(quoted "$dir/tmp")\"|" \
        -e "s|^server.port .*|server.bind = \"$host\"\nserver.port = $port|" \
        -e "s|listen 80 |listen $host:$port |" \
        -e "s|<VirtualHost \*:80>|<VirtualHost $host:$port>|" \
        "${FRONT_FILE:-$deploy/$front.conf}" >"$dir/site.conf"
}
adapted
case $front in
lighttpd)
    [ -z "$FRONT_CHECK" ] || exec lighttpd -tt -f "$dir/site.conf"
    exec lighttpd -D -f "$dir/site.conf" ;;
nginx)
    cat >"$dir/nginx.conf" <<N
daemon off;
$([ "$(id -u)" != 0 ] || echo 'user root;')
worker_processes auto;
pid $dir/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path $dir/tmp/body;
    fastcgi_temp_path $dir/tmp/fastcgi;
    proxy_temp_path $dir/tmp/proxy;
    uwsgi_temp_path $dir/tmp/uwsgi;
    scgi_temp_path $dir/tmp/scgi;
    include $dir/site.conf;
}
N
    [ -z "$FRONT_CHECK" ] || exec nginx -q -t -e stderr -p "$dir" -c "$dir/nginx.conf"
    exec nginx -e stderr -p "$dir" -c "$dir/nginx.conf" ;;
apache)
    httpd=apache2 modules=${APACHE_MODULES:-/usr/lib/apache2/modules}
    if ! command -v apache2 >/dev/null 2>&1; then
        httpd=httpd
        [ -d "$modules" ] || modules=/usr/lib64/httpd/modules
    fi
    mkdir -p "$dir/fcgid"
    # Without its settings mod_fcgid would keep its tables in a folder of the system's, closed to others than root.
    fcgid=
    ! grep -q '^[[:space:]]*Fcgid' "$dir/site.conf" || fcgid=fcgid
    {
        echo "ServerRoot \"$dir\""
        echo "ServerName $host"
        echo "Listen $host:$port"
        echo "PidFile \"$dir/apache.pid\""
        echo "DefaultRuntimeDir \"$dir\""
        echo 'ErrorLog "/proc/self/fd/2"'
        echo "LogLevel warn"
        for m in mpm_event authz_core unixd alias $fcgid ${APACHE_MORE_MODULES:-}; do
            [ ! -e "$modules/mod_$m.so" ] || echo "LoadModule ${m}_module \"$modules/mod_$m.so\""
        done
        cat "$dir/site.conf"
        # mod_fcgid's processes get no environment but this: settings reach them as they reach the other web servers' workers.
        [ -z "$fcgid" ] || env | sed -n '/^MERCREDI_[A-Z_]*=/{ s/[\\"]/\\&/g; s/^\([A-Z_]*\)=\(.*\)$/FcgidInitialEnv \1 "\2"/p; }'
    } >"$dir/apache.conf"
    set -- "$httpd" -f "$dir/apache.conf"
    if [ -n "$FRONT_CHECK" ]; then set -- "$@" -t; else set -- "$@" -DFOREGROUND; fi
    [ "$(id -u)" = 0 ] || exec "$@"
    # Apache refuses to serve as root, and root's folders are closed to others: another user, with the right to enter them.
    chown nobody "$dir/fcgid"
    exec setpriv --reuid nobody --clear-groups --inh-caps +dac_override,+fowner --ambient-caps +dac_override,+fowner \
        --bounding-set -all,+dac_override,+fowner -- "$@" ;;
*)
    echo "front.sh: FRONT is lighttpd, nginx or apache, not \"$front\"" >&2
    exit 2 ;;
esac

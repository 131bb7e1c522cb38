# A PostgreSQL server of the test's own, on a UNIX socket in a folder of its own.

pg() { # program argument…: as the server's user, PostgreSQL refuses root
    if [ "$(id -u)" = 0 ]; then
        su -s /bin/sh "$pg_user" -c "cd '$pg_dir' && '$pg_bin/$1' $2 >>'$pg_dir/out' 2>&1"
    else
        (cd "$pg_dir" && eval "'$pg_bin/$1' $2" >>"$pg_dir/out" 2>&1)
    fi
}
pg_start() {
    rm -f "$pg_dir/data/postmaster.pid" "$pg_dir/.s.PGSQL.5432.lock"
    pg pg_ctl '-D data -w -t 60 -l log start'
}
pg_kill() {
    local server child
    server=$(head -n 1 "$pg_dir/data/postmaster.pid")
    child=$(ps -o pid= --ppid "$server")
    # shellcheck disable=SC2086
    kill -KILL "$server" $child 2>/dev/null || true
}
# Made and started, and the server's databases set to it. Fails where there is no PostgreSQL; $pg_dir is then unset.
pg_server() {
    export pg_bin pg_dir pg_user
    pg_bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1 | grep . || readlink -f "$(command -v initdb)")")
    [ -x "$pg_bin/initdb" ] || return 1
    pg_user=$(id -un postgres 2>/dev/null || id -un nobody)
    pg_dir=$(mktemp -d /tmp/mrc-pgfront.XXXXXX)
    if [ "$(id -u)" = 0 ]; then chown "$pg_user" "$pg_dir"; fi
    chmod 755 "$pg_dir"
    pg initdb '-D data -U mercredi -A trust -E UTF8 --locale=C -N'
    printf "listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\nmax_connections = 100\n" "$pg_dir" \
        >>"$pg_dir/data/postgresql.conf"
    pg_start
    export MERCREDI_DATABASE="postgresql://mercredi@/postgres?host=$pg_dir"
    export MERCREDI_LOG_DATABASE=$MERCREDI_DATABASE
}
pg_server_end() {
    pg pg_ctl '-D data -m immediate stop' || true
    rm -rf "$pg_dir"
}
rows() { "$pg_bin/psql" -qXAt "$MERCREDI_DATABASE" -c "$1"; }

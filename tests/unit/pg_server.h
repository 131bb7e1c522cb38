/* A PostgreSQL server of the test's own, in a folder of its own, on a UNIX socket: nothing else can reach it. */
#ifndef MRC_TESTS_PG_SERVER_H
#define MRC_TESTS_PG_SERVER_H

#include <glob.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pg_server {
    char folder[64], bin[256], user[64]; /* folder "": none runs */
    char url[256];
};

/* The folder of initdb: on the PATH, or where Debian puts the newest. */
static inline bool pg_server_find(struct pg_server *s)
{
    glob_t found;
    if (system("command -v initdb >/dev/null 2>&1") == 0) {
        s->bin[0] = '\0';
        return true;
    }
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0) {
        return false;
    }
    const char *last = found.gl_pathv[found.gl_pathc - 1];
    (void)snprintf(s->bin, sizeof s->bin, "%.*s", (int)(strlen(last) - strlen("initdb")), last);
    globfree(&found);
    return true;
}

/* Run a program of the server's, as its user: PostgreSQL refuses root. */
static inline bool pg_server_run(const struct pg_server *s, const char *program, const char *arguments)
{
    char command[2048];
    if (s->user[0] == '\0') {
        (void)snprintf(command, sizeof command, "cd %s && '%s%s' %s >>%s/out 2>&1", s->folder, s->bin, program,
                       arguments, s->folder);
    } else {
        (void)snprintf(command, sizeof command, "cd %s && su -s /bin/sh %s -c \"'%s%s' %s\" >>%s/out 2>&1", s->folder,
                       s->user, s->bin, program, arguments, s->folder);
    }
    return system(command) == 0;
}

static inline void pg_server_stop(struct pg_server *s)
{
    char command[128];
    if (s->folder[0] != '\0') {
        (void)pg_server_run(s, "pg_ctl", "-D data -m immediate stop");
        (void)snprintf(command, sizeof command, "rm -rf %s", s->folder);
        if (system(command) != 0) {
            fprintf(stderr, "could not remove %s\n", s->folder);
        }
        s->folder[0] = '\0';
    }
}

/* False, saying why, when there is none to be had: the tests that want one then skip. */
static inline bool pg_server_start(struct pg_server *s)
{
    *s = (struct pg_server){{0}, {0}, {0}, {0}};
    if (!pg_server_find(s)) {
        printf("SKIP: PostgreSQL: no initdb here\n");
        return false;
    }
    strcpy(s->folder, "/tmp/mrc-pg-XXXXXX");
    if (mkdtemp(s->folder) == NULL) {
        s->folder[0] = '\0';
        printf("SKIP: PostgreSQL: no temporary folder\n");
        return false;
    }
    if (geteuid() == 0) {
        const struct passwd *p = getpwnam("postgres");
        p = p == NULL ? getpwnam("nobody") : p;
        if (p == NULL || chown(s->folder, p->pw_uid, p->pw_gid) != 0) {
            printf("SKIP: PostgreSQL: no user to run it as\n");
            rmdir(s->folder);
            s->folder[0] = '\0';
            return false;
        }
        (void)snprintf(s->user, sizeof s->user, "%s", p->pw_name);
    }
    (void)chmod(s->folder, 0755);
    char options[512];
    (void)snprintf(options, sizeof options,
                   "-D data -w -t 60 -l log -o '-c listen_addresses= -c unix_socket_directories=%s -c fsync=off "
                   "-c max_connections=60 -c shared_buffers=16MB' start",
                   s->folder);
    if (!pg_server_run(s, "initdb", "-D data -U mercredi -A trust -E UTF8 --locale=C -N") ||
        !pg_server_run(s, "pg_ctl", options)) {
        printf("SKIP: PostgreSQL: it does not start here\n");
        pg_server_stop(s);
        return false;
    }
    (void)snprintf(s->url, sizeof s->url, "postgresql://mercredi@/postgres?host=%s", s->folder);
    return true;
}

/* Restart, as an administrator would: connections end. */
static inline bool pg_server_restart(const struct pg_server *s)
{
    return pg_server_run(s, "pg_ctl", "-D data -w -t 60 -l log -m fast restart");
}

static inline bool pg_server_sql(const struct pg_server *s, const char *statement)
{
    char command[1024];
    (void)snprintf(command, sizeof command, "'%spsql' -qXAt -v ON_ERROR_STOP=1 '%s' -c \"%s\" >/dev/null", s->bin,
                   s->url, statement);
    return system(command) == 0;
}

/* An empty database again. */
static inline bool pg_server_clear(const struct pg_server *s)
{
    return pg_server_sql(s, "SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
}

#endif

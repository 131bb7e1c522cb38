/* A PostgreSQL server of the test's own, in a folder of its own, on a UNIX socket: nothing else can reach it. */
#ifndef MRC_TESTS_PG_SERVER_H
#define MRC_TESTS_PG_SERVER_H

#include <dirent.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
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

/* Start it, also after it was killed: where nobody buries dead processes, its lock files seem to be a living one's. */
static inline bool pg_server_again(const struct pg_server *s)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/data/postmaster.pid", s->folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/.s.PGSQL.5432.lock", s->folder);
    (void)unlink(path);
    return pg_server_run(s, "pg_ctl", "-D data -w -t 60 -l log start");
}

/* Settings in its file, so that it has them after every start. */
static inline bool pg_server_configure(const struct pg_server *s)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/data/postgresql.conf", s->folder);
    FILE *f = fopen(path, "a");
    if (f == NULL) {
        return false;
    }
    fprintf(f,
            "listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\nmax_connections = 60\n"
            "shared_buffers = 16MB\n",
            s->folder);
    return fclose(f) == 0;
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
    if (!pg_server_run(s, "initdb", "-D data -U mercredi -A trust -E UTF8 --locale=C -N") || !pg_server_configure(s) ||
        !pg_server_again(s)) {
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

/* A signal to the server and to its processes, which are its children. */
static inline void pg_server_signal(const struct pg_server *s, int sig)
{
    char path[128], line[64];
    (void)snprintf(path, sizeof path, "%s/data/postmaster.pid", s->folder);
    FILE *f = fopen(path, "r");
    long server = f != NULL && fgets(line, sizeof line, f) != NULL ? strtol(line, NULL, 10) : 0;
    if (f != NULL) {
        fclose(f);
    }
    DIR *processes = server > 0 ? opendir("/proc") : NULL;
    for (struct dirent *d; processes != NULL && (d = readdir(processes)) != NULL;) {
        long pid = strtol(d->d_name, NULL, 10), parent = 0;
        char text[512] = "";
        (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
        f = pid > 0 ? fopen(path, "r") : NULL;
        if (f != NULL) {
            (void)fgets(text, sizeof text, f);
            fclose(f);
        }
        const char *end = strrchr(text, ')'); /* the name before it may hold anything */
        if (end != NULL && sscanf(end + 1, " %*c %ld", &parent) == 1 && (pid == server || parent == server)) {
            (void)kill((pid_t)pid, sig);
        }
    }
    if (processes != NULL) {
        closedir(processes);
    }
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

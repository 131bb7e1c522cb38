/* Databases for the tests of the store: a folder for SQLite's files, a PostgreSQL server where there is one, and a
 * runner of cases on both (_i: 0 SQLite, 1 PostgreSQL). */
#ifndef MRC_TESTS_STORE_BACKENDS_H
#define MRC_TESTS_STORE_BACKENDS_H

#include "common/base/digest.h"
#include "fcgi/store.h"
#include "tests/unit/pg_server.h"

#include <check.h>

static char folder[64];
static struct arena arena;
static struct pg_server pg;

static inline void begin(void)
{
    strcpy(folder, "/tmp/mrc-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    arena_init(&arena, 0);
    ck_assert(pg.folder[0] == '\0' || pg_server_clear(&pg));
}

static inline void end(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
    arena_release(&arena);
}

static inline const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static inline struct store *opened(enum store_file which, const char *url)
{
    struct store *s = NULL;
    struct mrc_err err = {0};
    int rc = store_open(&s, which, url, &err);
    ck_assert_msg(rc == MRC_OK, "%s", err.msg);
    return s;
}

/* An empty database of the kind the case runs on. */
static inline struct store *opened_on(int backend, enum store_file which)
{
    return opened(which, backend == 0 ? ":memory:" : pg.url);
}

/* Run, and stop the server. Returns the exit status. */
static inline int store_backends_run(Suite *suite)
{
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    pg_server_stop(&pg);
    return failed == 0 ? 0 : 1;
}

#endif

/* What a database driver offers to store.c: connections, transactions, and statements that take and give typed values.
 *
 * Drivers know nothing of accounts or predictions; store.c knows no SQL library. */
#ifndef MRC_FCGI_STORE_DRIVER_H
#define MRC_FCGI_STORE_DRIVER_H

#include "fcgi/store.h"

struct sql_value {
    enum { SQL_INTEGER, SQL_REAL, SQL_TEXT } kind;
    int64_t integer;
    double real;
    struct str text; /* of a result: valid until the row callback returns */
};

/* One row of a result. A non-zero return stops the query, which then returns that value. */
typedef int (*sql_row)(const struct sql_value *columns, size_t n, void *arg);

/* A step of the schema, from sql/<dialect>/NNNN_<file>.sql. */
struct migration {
    const char *file; /* "state" or "log" */
    int version;
    const char *const *statements; /* NULL-terminated */
};

struct store_driver {
    /* Connect, create and migrate. See store_open. patiently: when that is MRC_EBUSY, succeed, and do it later. */
    int (*open)(void **db, enum store_file which, const char *url, bool patiently, struct mrc_err *err);
    void (*close)(void *db);
    /* Begin writing: waits for other writers, MRC_EBUSY after a while. commit undoes everything when it fails. */
    int (*begin)(void *db, struct mrc_err *err);
    int (*commit)(void *db, struct mrc_err *err);
    void (*rollback)(void *db);
    /* Run query q (enum sql_id) with args as $1 … $n. row may be NULL; *changed (may be NULL): rows written. */
    int (*query)(void *db, int q, const struct sql_value *args, size_t n, sql_row row, void *arg, int64_t *changed,
                 struct mrc_err *err);
    /* Can it be read, and could it be written? Changes nothing; sync: goes through a commit all the same. */
    int (*ping)(void *db, bool sync, struct mrc_err *err);
    /* Drop what lies wholly before this time and can go at once, in *dropped rows; NULL: nothing can. The log only. */
    int (*prune)(void *db, int64_t before_ms, int64_t *dropped, struct mrc_err *err);
    /* Copy the whole database, as it is at one moment, to a new file; NULL: the database has tools of its own. */
    int (*backup)(void *db, const char *path, struct mrc_err *err);
    /* Put such a copy in the place of the database at url, which is set aside; MRC_ECONFLICT while anybody has it open.
     * url NULL: only look whether it could be.     * NULL as backup. */
    int (*restore)(enum store_file which, const char *url, const char *from, struct mrc_err *err);
    /* Is all that it holds sound? MRC_EFORMAT with the first fault. NULL: the server sees to that. */
    int (*check)(void *db, struct mrc_err *err);
};

#endif

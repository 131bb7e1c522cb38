/* SQLite's driver. Prepared statements are made on first use and kept; the file, its log and its index of the log are
 * readable by their owner only, because they hold password hashes and users' rows. */
#include "fcgi/store_sqlite.h"

#include "migrations_sqlite.h"
#include "queries.h"

#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BUSY_TIMEOUT_MS = 5000, /* a checkpoint or another writer may hold the file that long before we give up */
    COLUMNS_MAX = 24,
    WAL_TRIES = 50
};

struct sqlite_db {
    sqlite3 *sql;
    sqlite3_stmt *statements[Q__COUNT];
    bool in_order[Q__COUNT]; /* the statement's parameters are numbered as they are named */
    enum store_file which;
    char path[]; /* for messages */
};

static const char *file_name(enum store_file which)
{
    return which == STORE_STATE ? "state" : "log";
}

/* Our status for SQLite's. */
static int status_of(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
        return MRC_ECONFLICT;
    default:
        break;
    }
    switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return MRC_EBUSY;
    case SQLITE_NOMEM:
        return MRC_ENOMEM;
    case SQLITE_TOOBIG:
        return MRC_ELIMIT;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return MRC_EINVAL;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return MRC_EFORMAT;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return MRC_EBUG;
    default:
        return MRC_EIO;
    }
}

static int fail(struct sqlite_db *d, struct mrc_err *err)
{
    int code = sqlite3_extended_errcode(d->sql);
    return mrc_fail(err, status_of(code), "%s: %s (SQLite %d)", d->path, sqlite3_errmsg(d->sql), code);
}

/* ---- statements ------------------------------------------------------------------------------------------------ */

/* Run the statements of a text and drop what they give. */
static int run(struct sqlite_db *d, const char *text, struct mrc_err *err)
{
    if (sqlite3_exec(d->sql, text, NULL, NULL, NULL) != SQLITE_OK) {
        return fail(d, err);
    }
    return MRC_OK;
}

/* SQLite numbers $1, $2 … by first appearance, not by the digits: ask for the name. */
static int position(sqlite3_stmt *st, size_t number)
{
    char name[24] = "$";
    (void)format_u64(number, name + 1);
    return sqlite3_bind_parameter_index(st, name);
}

static bool is_in_order(sqlite3_stmt *st)
{
    int n = sqlite3_bind_parameter_count(st);
    for (int i = 1; i <= n; i++) {
        if (position(st, (size_t)i) != i) {
            return false;
        }
    }
    return true;
}

static int bind(struct sqlite_db *d, sqlite3_stmt *st, bool in_order, const struct sql_value *args, size_t n,
                struct mrc_err *err)
{
    for (size_t i = 0; i < n; i++) {
        int at = in_order ? (int)i + 1 : position(st, i + 1);
        int rc;
        switch (args[i].kind) {
        case SQL_INTEGER:
            rc = sqlite3_bind_int64(st, at, args[i].integer);
            break;
        case SQL_REAL:
            rc = sqlite3_bind_double(st, at, args[i].real);
            break;
        default:
            /* The values outlive the step: no copy. A NULL pointer would bind NULL, not the empty text. */
            rc = sqlite3_bind_text64(st, at, args[i].text.n > 0 ? args[i].text.p : "", args[i].text.n, SQLITE_STATIC,
                                     SQLITE_UTF8);
            break;
        }
        if (rc != SQLITE_OK) {
            return fail(d, err);
        }
    }
    return MRC_OK;
}

static int read_row(struct sqlite_db *d, sqlite3_stmt *st, sql_row row, void *arg, struct mrc_err *err)
{
    struct sql_value columns[COLUMNS_MAX];
    int n = sqlite3_column_count(st);
    if (n > COLUMNS_MAX) {
        return mrc_fail(err, MRC_EBUG, "%s: a query has %d columns, at most %d are read", d->path, n, COLUMNS_MAX);
    }
    for (int i = 0; i < n; i++) {
        switch (sqlite3_column_type(st, i)) {
        case SQLITE_INTEGER:
            columns[i] = (struct sql_value){.kind = SQL_INTEGER, .integer = sqlite3_column_int64(st, i)};
            break;
        case SQLITE_FLOAT:
            columns[i] = (struct sql_value){.kind = SQL_REAL, .real = sqlite3_column_double(st, i)};
            break;
        default: {
            const void *p = sqlite3_column_text(st, i);
            size_t bytes = (size_t)sqlite3_column_bytes(st, i);
            if (p == NULL && bytes > 0) {
                return mrc_fail(err, MRC_ENOMEM, "%s: no memory for a column", d->path);
            }
            columns[i] = (struct sql_value){.kind = SQL_TEXT, .text = {p, p == NULL ? 0 : bytes}};
            break;
        }
        }
    }
    return row == NULL ? MRC_OK : row(columns, (size_t)n, arg);
}

static int step_all(struct sqlite_db *d, sqlite3_stmt *st, sql_row row, void *arg, struct mrc_err *err)
{
    for (;;) {
        int rc = sqlite3_step(st);
        if (rc == SQLITE_DONE) {
            return MRC_OK;
        }
        if (rc != SQLITE_ROW) {
            return fail(d, err);
        }
        rc = read_row(d, st, row, arg, err);
        if (rc != MRC_OK) {
            return rc;
        }
    }
}

static int query(void *db, int q, const struct sql_value *args, size_t n, sql_row row, void *arg, int64_t *changed,
                 struct mrc_err *err)
{
    struct sqlite_db *d = db;
    sqlite3_stmt **st = &d->statements[q];
    if (*st == NULL) {
        if (sqlite3_prepare_v3(d->sql, sql_texts[q], -1, SQLITE_PREPARE_PERSISTENT, st, NULL) != SQLITE_OK) {
            return fail(d, err);
        }
        d->in_order[q] = is_in_order(*st);
    }
    int rc = bind(d, *st, d->in_order[q], args, n, err);
    if (rc == MRC_OK) {
        rc = step_all(d, *st, row, arg, err);
    }
    if (rc == MRC_OK && changed != NULL) {
        *changed = sqlite3_changes64(d->sql);
    }
    /* An unfinished statement would keep a read transaction open and the write-ahead log growing. */
    sqlite3_reset(*st);
    sqlite3_clear_bindings(*st);
    return rc;
}

/* A statement of driver.sql, prepared for one use. */
static int query_once(struct sqlite_db *d, const char *text, const struct sql_value *args, size_t n, sql_row row,
                      void *arg, struct mrc_err *err)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(d->sql, text, -1, &st, NULL) != SQLITE_OK) {
        return fail(d, err);
    }
    int rc = bind(d, st, false, args, n, err);
    if (rc == MRC_OK) {
        rc = step_all(d, st, row, arg, err);
    }
    sqlite3_finalize(st);
    return rc;
}

static int begin(void *db, struct mrc_err *err)
{
    return run(db, sqlite_begin, err);
}

static void rollback(void *db)
{
    struct sqlite_db *d = db;
    /* After some failures SQLite has rolled back by itself; a second rollback is then an error without meaning. */
    if (!sqlite3_get_autocommit(d->sql)) {
        (void)sqlite3_exec(d->sql, sqlite_rollback, NULL, NULL, NULL);
    }
}

static int commit(void *db, struct mrc_err *err)
{
    int rc = run(db, sqlite_commit, err);
    if (rc < 0) {
        rollback(db);
    }
    return rc;
}

static int ping(void *db, bool sync, struct mrc_err *err)
{
    MRC_TRY(begin(db, err));
    int rc = run(db, sqlite_ping, err);
    if (rc == MRC_OK && sync) {
        return commit(db, err);
    }
    rollback(db);
    return rc;
}

/* ---- opening and migrating ------------------------------------------------------------------------------------- */

struct schema_state {
    bool present;
    int64_t version;
    char file[16]; /* which database this is, "" when empty */
};

static int take_present(const struct sql_value *columns, size_t n, void *arg)
{
    struct schema_state *s = arg;
    (void)n;
    s->present = columns[0].integer > 0;
    return MRC_OK;
}

static int take_version(const struct sql_value *columns, size_t n, void *arg)
{
    struct schema_state *s = arg;
    (void)n;
    s->version = columns[0].integer;
    size_t len = columns[1].text.n < sizeof(s->file) ? columns[1].text.n : sizeof(s->file) - 1;
    if (len > 0) {
        memcpy(s->file, columns[1].text.p, len);
    }
    s->file[len] = '\0';
    return MRC_OK;
}

static int newest_version(enum store_file which)
{
    int newest = 0;
    for (size_t i = 0; i < sizeof(sqlite_migrations) / sizeof(sqlite_migrations[0]); i++) {
        if (strcmp(sqlite_migrations[i].file, file_name(which)) == 0 && sqlite_migrations[i].version > newest) {
            newest = sqlite_migrations[i].version;
        }
    }
    return newest;
}

static int read_schema(struct sqlite_db *d, struct schema_state *s, struct mrc_err *err)
{
    *s = (struct schema_state){.present = false};
    MRC_TRY(query_once(d, sqlite_migrations_present, NULL, 0, take_present, s, err));
    if (!s->present) {
        return MRC_OK;
    }
    MRC_TRY(query_once(d, sqlite_migrations_version, NULL, 0, take_version, s, err));
    if (s->file[0] != '\0' && strcmp(s->file, file_name(d->which)) != 0) {
        return mrc_fail(err, MRC_EFORMAT, "%s is a %s database, not a %s database", d->path, s->file,
                        file_name(d->which));
    }
    if (s->version > newest_version(d->which)) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "%s has schema version %lld, this program knows up to %d", d->path,
                        (long long)s->version, newest_version(d->which));
    }
    return MRC_OK;
}

static int apply(struct sqlite_db *d, const struct migration *m, struct mrc_err *err)
{
    for (const char *const *s = m->statements; *s != NULL; s++) {
        MRC_TRY(run(d, *s, err));
    }
    struct sql_value record[] = {{.kind = SQL_TEXT, .text = str_of(m->file)},
                                 {.kind = SQL_INTEGER, .integer = m->version},
                                 {.kind = SQL_INTEGER, .integer = (int64_t)time(NULL) * 1000}};
    return query_once(d, sqlite_migration_record, record, 3, NULL, NULL, err);
}

/* Inside a write transaction, so that of several processes one migrates and the others find it done. The table is in
 * the order of file names, hence of versions. */
static int migrate_locked(struct sqlite_db *d, struct mrc_err *err)
{
    struct schema_state s;
    MRC_TRY(read_schema(d, &s, err));
    MRC_TRY(run(d, sqlite_migrations_create, err));
    for (size_t i = 0; i < sizeof(sqlite_migrations) / sizeof(sqlite_migrations[0]); i++) {
        if (strcmp(sqlite_migrations[i].file, file_name(d->which)) == 0 && sqlite_migrations[i].version > s.version) {
            MRC_TRY(apply(d, &sqlite_migrations[i], err));
        }
    }
    return MRC_OK;
}

static int migrate(struct sqlite_db *d, struct mrc_err *err)
{
    struct schema_state s;
    MRC_TRY(read_schema(d, &s, err));
    if (s.present && s.version == newest_version(d->which)) {
        return MRC_OK;
    }
    MRC_TRY(begin(d, err));
    int rc = migrate_locked(d, err);
    if (rc < 0) {
        rollback(d);
        return rc;
    }
    return commit(d, err);
}

/* The switch to the write-ahead log does not wait for other openers (SQLite would risk a deadlock): try again. */
static int use_wal(struct sqlite_db *d, struct mrc_err *err)
{
    for (int tries = 0;; tries++) {
        int rc = run(d, sqlite_wal, err);
        if (rc != MRC_EBUSY || tries == WAL_TRIES) {
            return rc;
        }
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
}

/* Make the file before SQLite does, for its permissions; SQLite gives the same ones to the log beside it. */
static int create_file(const char *path, struct mrc_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "database %s", path);
    }
    close(fd);
    return MRC_OK;
}

static void close_db(void *db)
{
    struct sqlite_db *d = db;
    for (size_t q = 0; q < Q__COUNT; q++) {
        sqlite3_finalize(d->statements[q]);
    }
    sqlite3_close(d->sql);
    free(d);
}

static int open_db(void **out, enum store_file which, const char *url, struct mrc_err *err)
{
    bool memory = strcmp(url, ":memory:") == 0;
    if (!memory) {
        MRC_TRY(create_file(url, err));
    }
    size_t len = strlen(url);
    struct sqlite_db *d = calloc(1, sizeof(*d) + len + 1);
    if (d == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a database connection");
    }
    memcpy(d->path, url, len + 1);
    d->which = which;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = MRC_OK;
    if (sqlite3_open_v2(url, &d->sql, memory ? flags | SQLITE_OPEN_CREATE : flags, NULL) != SQLITE_OK) {
        rc = d->sql == NULL ? mrc_fail(err, MRC_ENOMEM, "no memory for a database connection") : fail(d, err);
        goto out;
    }
    sqlite3_busy_timeout(d->sql, BUSY_TIMEOUT_MS);
    sqlite3_db_config(d->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    if ((rc = run(d, sqlite_connection, err)) == MRC_OK && (rc = use_wal(d, err)) == MRC_OK) {
        rc = migrate(d, err);
    }
out:
    if (rc < 0) {
        close_db(d);
        return rc;
    }
    *out = d;
    return MRC_OK;
}

const struct store_driver store_sqlite = {
    .open = open_db,
    .close = close_db,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .query = query,
    .ping = ping,
};

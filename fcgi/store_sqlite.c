/* SQLite's driver. Prepared statements are made on first use and kept; the file, its log and its index of the log are
 * readable by their owner only, because they hold password hashes and users' rows. */
#include "fcgi/store_sqlite.h"

#include "migrations_sqlite.h"
#include "queries.h"

#include <sqlite3.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    STATE_TIMEOUT_MS = 2000, /* another writer may hold the file that long before a request gives up */
    LOG_TIMEOUT_MS = 5000,   /* the scribe's, whose rows wait in memory meanwhile */
    LOCK_TIMEOUT_MS = 200,   /* to find out whether anybody has the file open */
    COLUMNS_MAX = 24,
    WAL_TRIES = 50
};

struct sqlite_db {
    sqlite3 *sql; /* NULL: could not be opened again */
    sqlite3_stmt *statements[Q__COUNT];
    bool in_order[Q__COUNT]; /* the statement's parameters are numbered as they are named */
    enum store_file which;
    bool memory;
    char path[];
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
    int code = sqlite3_extended_errcode(d->sql), status = status_of(code);
    if (status == MRC_EINVAL) { /* may be shown to who sent the value: without path and statement */
        return mrc_fail(err, status, "a value that the database does not take (SQLite %d)", code);
    }
    return mrc_fail(err, status, "%s: %s (SQLite %d)", d->path, sqlite3_errmsg(d->sql), code);
}

/* The same of a statement of the service: a damaged file is no wrong input. */
static int fail_query(struct sqlite_db *d, struct mrc_err *err)
{
    int rc = fail(d, err);
    if (rc == MRC_EFORMAT && err != NULL) {
        err->code = MRC_EIO;
    }
    return rc == MRC_EFORMAT ? MRC_EIO : rc;
}

static int follow_file(struct sqlite_db *d, struct mrc_err *err);

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
            return fail_query(d, err);
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
    MRC_TRY(follow_file(d, err));
    if (*st == NULL) {
        if (sqlite3_prepare_v3(d->sql, sql_texts[q], -1, SQLITE_PREPARE_PERSISTENT, st, NULL) != SQLITE_OK) {
            return fail_query(d, err);
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
    MRC_TRY(follow_file(db, err));
    return run(db, sqlite_begin, err);
}

static void rollback(void *db)
{
    struct sqlite_db *d = db;
    /* After some failures SQLite has rolled back by itself; a second rollback is then an error without meaning. */
    if (d->sql != NULL && !sqlite3_get_autocommit(d->sql)) {
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

static void disconnect(struct sqlite_db *d)
{
    for (size_t q = 0; q < Q__COUNT; q++) {
        sqlite3_finalize(d->statements[q]);
        d->statements[q] = NULL;
    }
    sqlite3_close(d->sql);
    d->sql = NULL;
}

static void close_db(void *db)
{
    disconnect(db);
    free(db);
}

static int open_file(struct sqlite_db *d, int flags, struct mrc_err *err)
{
    if (sqlite3_open_v2(d->path, &d->sql, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK) {
        return d->sql == NULL ? mrc_fail(err, MRC_ENOMEM, "no memory for a database connection") : fail(d, err);
    }
    sqlite3_busy_timeout(d->sql, d->which == STORE_STATE ? STATE_TIMEOUT_MS : LOG_TIMEOUT_MS);
    sqlite3_db_config(d->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    return MRC_OK;
}

static int connect_db(struct sqlite_db *d, struct mrc_err *err)
{
    int rc = open_file(d, SQLITE_OPEN_READWRITE | (d->memory ? SQLITE_OPEN_CREATE : 0), err);
    if (rc == MRC_OK && (rc = run(d, sqlite_connection, err)) == MRC_OK && (rc = use_wal(d, err)) == MRC_OK) {
        rc = migrate(d, err);
    }
    if (rc < 0) {
        disconnect(d);
    }
    return rc;
}

/* A file that was removed or replaced would go on taking writes that nobody will find: notice it before each use, and
 * take the file that is there now. Costs a stat. */
static int follow_file(struct sqlite_db *d, struct mrc_err *err)
{
    int moved = 0;
    if (d->memory || (d->sql != NULL && !sqlite3_get_autocommit(d->sql))) {
        return MRC_OK;
    }
    if (d->sql != NULL &&
        (sqlite3_file_control(d->sql, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || moved == 0)) {
        return MRC_OK;
    }
    if (access(d->path, F_OK) != 0) {
        return mrc_fail(err, MRC_EBUSY, "%s: the file is gone", d->path);
    }
    disconnect(d);
    struct mrc_err why = {0};
    /* Whatever is wrong with it, the service waits for the right one. */
    return connect_db(d, &why) < 0 ? mrc_fail(err, MRC_EBUSY, "%s", why.msg) : MRC_OK;
}

static struct sqlite_db *new_db(enum store_file which, const char *path, struct mrc_err *err)
{
    size_t len = strlen(path);
    struct sqlite_db *d = calloc(1, sizeof(*d) + len + 1);
    if (d == NULL) {
        (void)mrc_fail(err, MRC_ENOMEM, "no memory for a database connection");
        return NULL;
    }
    memcpy(d->path, path, len + 1);
    d->which = which;
    d->memory = strcmp(path, ":memory:") == 0;
    return d;
}

static int open_db(void **out, enum store_file which, const char *url, bool patiently, struct mrc_err *err)
{
    if (strcmp(url, ":memory:") != 0) {
        MRC_TRY(create_file(url, err));
    }
    struct sqlite_db *d = new_db(which, url, err);
    if (d == NULL) {
        return MRC_ENOMEM;
    }
    int rc = connect_db(d, err);
    if (rc < 0 && !(rc == MRC_EBUSY && patiently)) {
        close_db(d);
        return rc;
    }
    *out = d;
    return MRC_OK;
}

/* ---- whole databases ------------------------------------------------------------------------------------------- */

static int take_fault(const struct sql_value *columns, size_t n, void *arg)
{
    struct buf *b = arg;
    if (b->n == 0 && !(n == 1 && str_is(columns[0].text, "ok"))) {
        buf_str(b, columns[0].text);
        if (n > 2) { /* of a foreign key: the table, the row, what it refers to */
            buf_puts(b, ": a row refers to one that is not there, of ");
            buf_str(b, columns[2].text);
        }
    }
    return MRC_OK;
}

static int check(void *db, struct mrc_err *err)
{
    struct sqlite_db *d = db;
    struct buf fault;
    buf_init(&fault, NULL, 400);
    int rc = query_once(d, sqlite_integrity, NULL, 0, take_fault, &fault, err);
    if (rc == MRC_OK) {
        rc = query_once(d, sqlite_references, NULL, 0, take_fault, &fault, err);
    }
    if (rc == MRC_OK && fault.n > 0) {
        rc = mrc_fail(err, MRC_EFORMAT, "%s: %.180s", d->path, fault.p);
    }
    buf_release(&fault);
    return rc;
}

static int sync_file(const char *path, struct mrc_err *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) != 0 ? mrc_fail_errno(err, MRC_EIO, errno, "%s", path) : MRC_OK;
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* In one step: in a write-ahead log a long reader holds up nobody, and the copy is of one moment. */
static int copy_pages(struct sqlite_db *from, struct sqlite_db *to, struct mrc_err *err)
{
    sqlite3_backup *b = sqlite3_backup_init(to->sql, "main", from->sql, "main");
    if (b == NULL) {
        return fail(to, err);
    }
    int step = sqlite3_backup_step(b, -1);
    int finished = sqlite3_backup_finish(b);
    if (step != SQLITE_DONE || finished != SQLITE_OK) {
        return mrc_fail(err, status_of(finished), "%s: %s", to->path,
                        sqlite3_errstr(finished != SQLITE_OK ? finished : step));
    }
    return MRC_OK;
}

/* To <path>.tmp, checked and synced, then to its name. */
static int copy_to(struct sqlite_db *from, const char *path, struct mrc_err *err)
{
    char temporary[4200];
    int n = snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof(temporary)) {
        return mrc_fail(err, MRC_EINVAL, "%.100s…: the path is too long", path);
    }
    (void)unlink(temporary);
    MRC_TRY(create_file(temporary, err));
    struct sqlite_db *to = new_db(from->which, temporary, err);
    if (to == NULL) {
        return MRC_ENOMEM;
    }
    int rc = open_file(to, SQLITE_OPEN_READWRITE, err);
    if (rc == MRC_OK && (rc = copy_pages(from, to, err)) == MRC_OK) {
        rc = check(to, err);
    }
    close_db(to); /* folds its log into the file */
    if (rc == MRC_OK && (rc = sync_file(temporary, err)) == MRC_OK && rename(temporary, path) != 0) {
        rc = mrc_fail_errno(err, MRC_EIO, errno, "%s", path);
    }
    if (rc < 0) {
        (void)unlink(temporary);
    }
    return rc;
}

static int backup(void *db, const char *path, struct mrc_err *err)
{
    MRC_TRY(follow_file(db, err));
    if (access(path, F_OK) == 0) {
        return mrc_fail(err, MRC_ECONFLICT, "%s is there already: a backup replaces none", path);
    }
    return copy_to(db, path, err);
}

/* Nobody may have the file open: whoever has would go on with the old one. */
static int set_aside(enum store_file which, const char *path, struct mrc_err *err)
{
    char aside[4200];
    struct sqlite_db *d = new_db(which, path, err);
    if (d == NULL) {
        return MRC_ENOMEM;
    }
    int rc = open_file(d, SQLITE_OPEN_READWRITE, err);
    if (rc == MRC_OK) {
        sqlite3_busy_timeout(d->sql, LOCK_TIMEOUT_MS);
        rc = run(d, sqlite_lock, err);
        if (rc == MRC_EBUSY) {
            rc = mrc_fail(err, MRC_ECONFLICT, "%s is in use: stop the server first", path);
        }
    }
    close_db(d);
    MRC_TRY(rc);
    int n = snprintf(aside, sizeof(aside), "%s.replaced-%lld", path, (long long)time(NULL));
    if (n < 0 || (size_t)n >= sizeof(aside)) {
        return mrc_fail(err, MRC_EINVAL, "%.100s…: the path is too long", path);
    }
    return rename(path, aside) == 0 ? MRC_OK : mrc_fail_errno(err, MRC_EIO, errno, "%s", path);
}

static int restore(enum store_file which, const char *path, const char *from, struct mrc_err *err)
{
    struct schema_state schema;
    struct sqlite_db *d = new_db(which, from, err);
    if (d == NULL) {
        return MRC_ENOMEM;
    }
    int rc = open_file(d, SQLITE_OPEN_READONLY, err);
    if (rc == MRC_OK && (rc = read_schema(d, &schema, err)) == MRC_OK && !schema.present) {
        rc = mrc_fail(err, MRC_EFORMAT, "%s is no %s database of this program", from, file_name(which));
    }
    if (rc == MRC_OK && (rc = check(d, err)) == MRC_OK && path != NULL && access(path, F_OK) == 0) {
        rc = set_aside(which, path, err);
    }
    if (rc == MRC_OK && path != NULL) {
        rc = copy_to(d, path, err);
    }
    close_db(d);
    return rc;
}

const struct store_driver store_sqlite = {
    .open = open_db,
    .close = close_db,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .query = query,
    .ping = ping,
    .backup = backup,
    .restore = restore,
    .check = check,
};

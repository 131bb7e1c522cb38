/* PostgreSQL's driver, on libpq. Values travel in binary: integers as int8, reals as float8, to the last bit. A lost
 * connection is noticed by the statement that meets it: reading is simply done again on a new one; writing happens
 * between BEGIN and COMMIT, so that only a COMMIT can end in doubt, and that one is reported. */
#include "fcgi/store_pg.h"

#include "fcgi/process.h"
#include "migrations_pg.h"
#include "queries.h"

#include <libpq-fe.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARGUMENTS_MAX = 24,
    COLUMNS_MAX = 24,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 5000,
    ANSWER_MS = 7000,              /* a server answers within statement_timeout, or it is not there */
    PATIENT_MS = 3600 * 1000,      /* of migrations and retention */
    MONTHS_EVERY_MS = 3600 * 1000, /* how often the log's partitions are looked after */
    MONTHS_AHEAD_MS = 3 * 86400 * 1000
};

/* Types of pg_type.dat: they are part of the protocol and do not change. */
enum { OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25, OID_FLOAT8 = 701 };

struct pg_db {
    PGconn *sql;
    bool prepared[Q__COUNT]; /* on this connection */
    bool opened, migrated;   /* open_db has returned; the schema was looked at */
    bool open_transaction, patient;
    bool hung; /* the connection was given up because no answer came */
    enum store_file which;
    int64_t retry_at_ms, backoff_ms; /* monotonic; of making the connection */
    int64_t months_at_ms;            /* monotonic: when to look after the partitions again */
    char name[160];                  /* host and database, for messages */
    char url[];
};

static const char *file_name(enum store_file which)
{
    return which == STORE_STATE ? "state" : "log";
}

bool store_pg_url(const char *url)
{
    return strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* Our status for an SQLSTATE; NULL: the connection broke. */
static int status_of(const char *state)
{
    static const struct {
        const char *begins;
        int status;
    } table[] = {
        {"23505", MRC_ECONFLICT}, /* unique_violation */
        {"23", MRC_EINVAL},       /* other constraints */
        {"22", MRC_EINVAL},       /* data exceptions */
        {"40", MRC_EBUSY},        /* serialisation, deadlock */
        {"55P03", MRC_EBUSY},     /* lock_not_available */
        {"57", MRC_EBUSY},        /* cancelled by a timeout, server going down */
        {"08", MRC_EBUSY},        /* connection */
        {"53", MRC_EBUSY},        /* too many connections, no memory, disk full */
        {"25006", MRC_EIO},       /* read-only */
        {"42501", MRC_EDENIED},   /* privileges */
        {"42", MRC_EBUG},         /* a statement this schema does not understand */
    };
    if (state == NULL) {
        return MRC_EBUSY;
    }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strncmp(state, table[i].begins, strlen(table[i].begins)) == 0) {
            return table[i].status;
        }
    }
    return MRC_EIO;
}

/* libpq ends its messages with a newline and may write several lines: the first says it. */
static int fail_text(const struct pg_db *d, int status, const char *message, struct mrc_err *err)
{
    size_t n = strcspn(message, "\n");
    return mrc_fail(err, status, "%s: %.*s", d->name, (int)(n < 300 ? n : 300), message);
}

static int fail(const struct pg_db *d, const PGresult *r, struct mrc_err *err)
{
    const char *state = r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *message = r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    if (d->hung) {
        return mrc_fail(err, MRC_EBUSY, "%s: no answer", d->name);
    }
    if (message == NULL) {
        return fail_text(d, status_of(state), PQerrorMessage(d->sql), err);
    }
    if (status_of(state) == MRC_EINVAL) { /* may be shown to who sent the value: without names of tables */
        return mrc_fail(err, MRC_EINVAL, "a value that the database does not take (%s)", state);
    }
    return mrc_fail(err, status_of(state), "%s: %.300s (%s)", d->name, message, state);
}

/* ---- connecting ------------------------------------------------------------------------------------------------ */

static bool connected(const struct pg_db *d)
{
    return d->sql != NULL && PQstatus(d->sql) == CONNECTION_OK;
}

static void disconnect(struct pg_db *d)
{
    PQfinish(d->sql);
    d->sql = NULL;
    memset(d->prepared, 0, sizeof(d->prepared));
    d->open_transaction = false;
}

/* Wait until the socket is ready, at most until then. */
static bool wait_socket(struct pg_db *d, short events, int64_t until_ms)
{
    struct pollfd p = {.fd = PQsocket(d->sql), .events = events};
    for (;;) {
        int64_t left = until_ms - monotonic_ms();
        int rc = poll(&p, 1, left > 0 ? (int)left : 0);
        if (rc != 0 && !(rc < 0 && errno == EINTR)) {
            return true; /* ready, or broken: libpq will say */
        }
        if (left <= 0) {
            return false;
        }
    }
}

/* Send what is left and read what is there. False: no answer within the time. */
static bool progress(struct pg_db *d, int64_t until_ms)
{
    int left = PQflush(d->sql);
    if (!wait_socket(d, (short)(left > 0 ? POLLIN | POLLOUT : POLLIN), until_ms)) {
        return false;
    }
    (void)PQconsumeInput(d->sql);
    return true;
}

/* The last result of what was sent, an error before anything else; NULL: the connection is gone. libpq's own functions
 * would wait for ever for a server that was stopped. */
static PGresult *answer(struct pg_db *d, int sent)
{
    int64_t until = monotonic_ms() + (d->patient ? PATIENT_MS : ANSWER_MS);
    PGresult *last = NULL, *r = NULL;
    while (sent != 0) {
        while (PQflush(d->sql) > 0 || (PQstatus(d->sql) == CONNECTION_OK && PQisBusy(d->sql) != 0)) {
            if (!progress(d, until)) {
                PQclear(last);
                disconnect(d);
                d->hung = true;
                d->backoff_ms = BACKOFF_FIRST_MS;
                return NULL;
            }
        }
        r = PQgetResult(d->sql);
        if (r == NULL) {
            break;
        }
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(r);
        } else {
            PQclear(last);
            last = r;
        }
    }
    return last;
}

/* Run a text of driver.sql without parameters and drop what it gives. */
static int run(struct pg_db *d, const char *text, struct mrc_err *err)
{
    PGresult *r = answer(d, PQsendQuery(d->sql, text));
    ExecStatusType status = PQresultStatus(r);
    int rc = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? MRC_OK : fail(d, r, err);
    PQclear(r);
    return rc;
}

/* A server that is older than what the statements need would fail them one by one. */
static int check_server(const struct pg_db *d, struct mrc_err *err)
{
    int version = PQserverVersion(d->sql);
    if (version < 120000) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "%s: PostgreSQL %d, at least 12 is needed", d->name, version / 10000);
    }
    return MRC_OK;
}

/* What a server remarks beside its answers would stand between the lines of our log. */
static void drop_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static int try_connect(struct pg_db *d, struct mrc_err *err)
{
    /* What stands before dbname is a default that the address may change. */
    static const char *const keys[] = {"connect_timeout",
                                       "keepalives_idle",
                                       "tcp_user_timeout",
                                       "client_encoding",
                                       "fallback_application_name",
                                       "dbname",
                                       NULL};
    const char *values[] = {"2", "30", "15000", "UTF8", "mercredi", d->url, NULL};
    d->sql = PQconnectdbParams(keys, values, 1);
    if (d->sql == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a database connection");
    }
    if (PQstatus(d->sql) != CONNECTION_OK) {
        return fail_text(d, MRC_EBUSY, PQerrorMessage(d->sql), err);
    }
    (void)PQsetNoticeProcessor(d->sql, drop_notice, NULL);
    (void)PQsetnonblocking(d->sql, 1);
    d->hung = false;
    MRC_TRY(check_server(d, err));
    return run(d, pg_connection, err);
}

static int migrate(struct pg_db *d, struct mrc_err *err);

/* Connect when there is no connection, not more often than the back-off allows. */
static int connect_db(struct pg_db *d, struct mrc_err *err)
{
    int64_t now = monotonic_ms();
    if (connected(d)) {
        return MRC_OK;
    }
    disconnect(d);
    if (now < d->retry_at_ms) {
        return mrc_fail(err, MRC_EBUSY, "%s: not reached lately, next try in %lld ms", d->name,
                        (long long)(d->retry_at_ms - now));
    }
    struct mrc_err why = {0};
    int rc = try_connect(d, &why);
    if (rc == MRC_OK && !d->migrated) {
        d->patient = true;
        rc = migrate(d, &why);
        d->patient = false;
        d->migrated = rc == MRC_OK;
    }
    if (rc < 0) {
        disconnect(d);
        d->backoff_ms = d->backoff_ms == 0                   ? BACKOFF_FIRST_MS
                        : 2 * d->backoff_ms < BACKOFF_MAX_MS ? 2 * d->backoff_ms
                                                             : BACKOFF_MAX_MS;
        d->retry_at_ms = monotonic_ms() + d->backoff_ms;
        /* Whatever is wrong with it, a service that has begun waits for the right one. */
        return mrc_fail(err, d->opened ? MRC_EBUSY : rc, "%s", why.msg);
    }
    d->backoff_ms = 0;
    d->retry_at_ms = 0;
    return MRC_OK;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static void put_u64(unsigned char *out, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (unsigned char)(v >> (56 - 8 * i));
    }
}

static uint64_t get_big_endian(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v = v << 8 | (unsigned char)p[i];
    }
    return v;
}

/* Arguments as libpq takes them. */
struct arguments {
    Oid types[ARGUMENTS_MAX];
    const char *values[ARGUMENTS_MAX];
    int lengths[ARGUMENTS_MAX], formats[ARGUMENTS_MAX];
    unsigned char numbers[ARGUMENTS_MAX][8];
    int n;
};

static int pack(const struct pg_db *d, const struct sql_value *args, size_t n, struct arguments *out,
                struct mrc_err *err)
{
    if (n > ARGUMENTS_MAX) {
        return mrc_fail(err, MRC_EBUG, "%s: %zu arguments, at most %d are sent", d->name, n, ARGUMENTS_MAX);
    }
    out->n = (int)n;
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = (uint64_t)args[i].integer;
        out->formats[i] = 1;
        if (args[i].kind == SQL_TEXT) {
            struct str s = args[i].text;
            if (s.n > INT32_MAX / 2 || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)) {
                return mrc_fail(err, MRC_EINVAL, "a text too long or with the character U+0000");
            }
            out->types[i] = OID_TEXT;
            out->values[i] = s.n > 0 ? s.p : "";
            out->lengths[i] = (int)s.n;
            continue;
        }
        if (args[i].kind == SQL_REAL) {
            memcpy(&bits, &args[i].real, sizeof(bits));
        }
        put_u64(out->numbers[i], bits);
        out->types[i] = args[i].kind == SQL_REAL ? OID_FLOAT8 : OID_INT8;
        out->values[i] = (const char *)out->numbers[i];
        out->lengths[i] = 8;
    }
    return MRC_OK;
}

static int unpack(const struct pg_db *d, const PGresult *r, int row, int column, struct sql_value *out,
                  struct mrc_err *err)
{
    const char *p = PQgetvalue(r, row, column);
    int n = PQgetlength(r, row, column);
    uint64_t bits;
    if (PQgetisnull(r, row, column)) {
        *out = (struct sql_value){.kind = SQL_TEXT, .text = {"", 0}};
        return MRC_OK;
    }
    switch (PQftype(r, column)) {
    case OID_INT8:
        *out = (struct sql_value){.kind = SQL_INTEGER, .integer = (int64_t)get_big_endian(p, 8)};
        return MRC_OK;
    case OID_INT4:
        *out = (struct sql_value){.kind = SQL_INTEGER, .integer = (int32_t)get_big_endian(p, 4)};
        return MRC_OK;
    case OID_FLOAT8:
        bits = get_big_endian(p, 8);
        *out = (struct sql_value){.kind = SQL_REAL};
        memcpy(&out->real, &bits, sizeof(bits));
        return MRC_OK;
    case OID_TEXT:
        *out = (struct sql_value){.kind = SQL_TEXT, .text = {p, (size_t)n}};
        return MRC_OK;
    default:
        return mrc_fail(err, MRC_EBUG, "%s: column %d has type %u", d->name, column + 1, PQftype(r, column));
    }
}

/* ---- statements ------------------------------------------------------------------------------------------------ */

static int give_rows(const struct pg_db *d, const PGresult *r, sql_row row, void *arg, struct mrc_err *err)
{
    struct sql_value columns[COLUMNS_MAX];
    int n = PQnfields(r);
    if (n > COLUMNS_MAX) {
        return mrc_fail(err, MRC_EBUG, "%s: a query has %d columns, at most %d are read", d->name, n, COLUMNS_MAX);
    }
    for (int i = 0; row != NULL && i < PQntuples(r); i++) {
        for (int c = 0; c < n; c++) {
            MRC_TRY(unpack(d, r, i, c, &columns[c], err));
        }
        int rc = row(columns, (size_t)n, arg);
        if (rc != MRC_OK) {
            return rc;
        }
    }
    return MRC_OK;
}

static int take(const struct pg_db *d, PGresult *r, sql_row row, void *arg, int64_t *changed, struct mrc_err *err)
{
    ExecStatusType status = PQresultStatus(r);
    int rc = status == PGRES_COMMAND_OK  ? MRC_OK
             : status == PGRES_TUPLES_OK ? give_rows(d, r, row, arg, err)
                                         : fail(d, r, err);
    if (rc == MRC_OK && changed != NULL) {
        int64_t n = 0;
        *changed = parse_i64(str_of(PQcmdTuples(r)), &n) ? n : 0;
    }
    PQclear(r);
    return rc;
}

/* A statement of driver.sql, with arguments, prepared for one use. */
static int query_once(struct pg_db *d, const char *text, const struct sql_value *args, size_t n, sql_row row, void *arg,
                      struct mrc_err *err)
{
    struct arguments a;
    MRC_TRY(pack(d, args, n, &a, err));
    PGresult *r = answer(d, PQsendQueryParams(d->sql, text, a.n, a.types, a.values, a.lengths, a.formats, 1));
    return take(d, r, row, arg, NULL, err);
}

/* On the connection there is. *lost: it broke before an answer came. */
static int execute(struct pg_db *d, int q, const struct sql_value *args, size_t n, sql_row row, void *arg,
                   int64_t *changed, bool *lost, struct mrc_err *err)
{
    struct arguments a;
    char name[16];
    *lost = false;
    MRC_TRY(pack(d, args, n, &a, err));
    (void)snprintf(name, sizeof(name), "q%d", q);
    if (!d->prepared[q]) {
        PGresult *r = answer(d, PQsendPrepare(d->sql, name, sql_texts[q], a.n, a.types));
        if (PQresultStatus(r) != PGRES_COMMAND_OK) {
            *lost = !connected(d) && !d->hung;
            int rc = fail(d, r, err);
            PQclear(r);
            return rc;
        }
        PQclear(r);
        d->prepared[q] = true;
    }
    PGresult *r = answer(d, PQsendQueryPrepared(d->sql, name, a.n, a.values, a.lengths, a.formats, 1));
    *lost = !connected(d) && !d->hung;
    return take(d, r, row, arg, changed, err);
}

static int begin_plain(struct pg_db *d, struct mrc_err *err)
{
    struct mrc_err first = {0};
    MRC_TRY(connect_db(d, err));
    int rc = run(d, pg_begin, &first);
    if (rc < 0 && !connected(d) && !d->hung) { /* an idle connection that had ended: nothing was lost with it */
        MRC_TRY(connect_db(d, err));
        rc = run(d, pg_begin, &first);
    }
    if (rc < 0) {
        return mrc_fail(err, rc, "%s", first.msg);
    }
    d->open_transaction = true;
    return MRC_OK;
}

static void rollback(void *db)
{
    struct pg_db *d = db;
    if (d->open_transaction && connected(d) && run(d, pg_rollback, NULL) < 0) {
        disconnect(d); /* the server undoes what the connection had begun */
    }
    d->open_transaction = false;
}

static int commit(void *db, struct mrc_err *err)
{
    struct pg_db *d = db;
    if (!d->open_transaction || !connected(d)) {
        d->open_transaction = false;
        return mrc_fail(err, MRC_EBUSY, "%s: the connection was lost during a transaction", d->name);
    }
    /* After a failed statement COMMIT succeeds and rolls back: its command tag tells. */
    PGresult *r = answer(d, PQsendQuery(d->sql, pg_commit));
    int rc = PQresultStatus(r) != PGRES_COMMAND_OK ? fail(d, r, err)
             : strcmp(PQcmdStatus(r), "COMMIT") != 0
                 ? mrc_fail(err, MRC_EIO, "%s: the transaction had failed and was undone", d->name)
                 : MRC_OK;
    PQclear(r);
    if (rc < 0) {
        rollback(d);
    }
    d->open_transaction = false;
    return rc;
}

/* The log's partitions: this month's, and the next one's some days ahead. Should one be missing, rows go to the table
 * of the others, and move when it is made: nothing here may stop a row. */
static void make_months(struct pg_db *d)
{
    int64_t now = monotonic_ms();
    if (d->which != STORE_LOG || now < d->months_at_ms || connect_db(d, NULL) < 0) {
        return;
    }
    d->months_at_ms = now + MONTHS_EVERY_MS;
    int64_t today = wall_ms();
    struct sql_value days[] = {{.kind = SQL_INTEGER, .integer = today},
                               {.kind = SQL_INTEGER, .integer = today + MONTHS_AHEAD_MS}};
    for (size_t i = 0; i < 2; i++) {
        (void)query_once(d, pg_make_month, &days[i], 1, NULL, NULL, NULL);
    }
}

static int begin(void *db, struct mrc_err *err)
{
    make_months(db);
    return begin_plain(db, err);
}

/* A single statement that writes, in a transaction of its own so that a connection found dead can be made anew. */
static int write_alone(struct pg_db *d, int q, const struct sql_value *args, size_t n, sql_row row, void *arg,
                       int64_t *changed, struct mrc_err *err)
{
    bool lost;
    MRC_TRY(begin_plain(d, err));
    int rc = execute(d, q, args, n, row, arg, changed, &lost, err);
    if (rc != MRC_OK) {
        rollback(d);
        return rc;
    }
    return commit(d, err);
}

static int query(void *db, int q, const struct sql_value *args, size_t n, sql_row row, void *arg, int64_t *changed,
                 struct mrc_err *err)
{
    struct pg_db *d = db;
    bool lost;
    if (d->open_transaction) {
        return execute(d, q, args, n, row, arg, changed, &lost, err);
    }
    if (strncmp(sql_texts[q], "SELECT", 6) != 0) {
        return write_alone(d, q, args, n, row, arg, changed, err);
    }
    struct mrc_err first = {0};
    MRC_TRY(connect_db(d, err));
    int rc = execute(d, q, args, n, row, arg, changed, &lost, &first);
    if (rc < 0 && lost) { /* no row was given yet: libpq reads a result whole */
        MRC_TRY(connect_db(d, err));
        return execute(d, q, args, n, row, arg, changed, &lost, err);
    }
    if (rc < 0 && err != NULL && first.code != 0) {
        *err = first;
    }
    return rc;
}

static int take_integer(const struct sql_value *columns, size_t n, void *arg)
{
    (void)n;
    *(int64_t *)arg = columns[0].integer;
    return MRC_OK;
}

static int ping(void *db, bool sync, struct mrc_err *err)
{
    struct pg_db *d = db;
    int64_t read_only = 0;
    MRC_TRY(begin_plain(d, err));
    int rc = query_once(d, pg_ping, NULL, 0, take_integer, &read_only, err);
    if (rc == MRC_OK && read_only != 0) {
        rc = mrc_fail(err, MRC_EIO, "%s: the server takes no writes", d->name);
    }
    if (rc == MRC_OK && sync) {
        rc = run(d, pg_ping_write, err);
    }
    if (rc == MRC_OK && sync) {
        return commit(d, err);
    }
    rollback(d);
    return rc;
}

static int prune_patiently(struct pg_db *d, int64_t before_ms, int64_t *dropped, struct mrc_err *err)
{
    struct sql_value arg = {.kind = SQL_INTEGER, .integer = before_ms};
    MRC_TRY(begin_plain(d, err));
    int rc = run(d, pg_no_timeout, err);
    if (rc == MRC_OK) {
        rc = query_once(d, pg_drop_months, &arg, 1, take_integer, dropped, err);
    }
    if (rc < 0) {
        rollback(d);
        return rc;
    }
    return commit(d, err);
}

static int prune(void *db, int64_t before_ms, int64_t *dropped, struct mrc_err *err)
{
    struct pg_db *d = db;
    d->patient = true;
    int rc = prune_patiently(d, before_ms, dropped, err);
    d->patient = false;
    return rc;
}

/* ---- opening and migrating ------------------------------------------------------------------------------------- */

static int64_t newest_version(enum store_file which)
{
    int newest = 0;
    for (size_t i = 0; i < sizeof(pg_migrations) / sizeof(pg_migrations[0]); i++) {
        if (strcmp(pg_migrations[i].file, file_name(which)) == 0 && pg_migrations[i].version > newest) {
            newest = pg_migrations[i].version;
        }
    }
    return newest;
}

/* Version of this file's schema, 0 when there is none. */
static int read_version(struct pg_db *d, int64_t *version, struct mrc_err *err)
{
    int64_t present = 0;
    struct sql_value file = {.kind = SQL_TEXT, .text = str_of(file_name(d->which))};
    *version = 0;
    MRC_TRY(query_once(d, pg_migrations_present, NULL, 0, take_integer, &present, err));
    if (present == 0) {
        return MRC_OK;
    }
    MRC_TRY(query_once(d, pg_migrations_version, &file, 1, take_integer, version, err));
    if (*version > newest_version(d->which)) {
        return mrc_fail(err, MRC_EUNSUPPORTED, "%s has %s schema version %lld, this program knows up to %lld", d->name,
                        file_name(d->which), (long long)*version, (long long)newest_version(d->which));
    }
    return MRC_OK;
}

static int apply(struct pg_db *d, const struct migration *m, struct mrc_err *err)
{
    for (const char *const *s = m->statements; *s != NULL; s++) {
        MRC_TRY(run(d, *s, err));
    }
    struct sql_value record[] = {{.kind = SQL_TEXT, .text = str_of(m->file)},
                                 {.kind = SQL_INTEGER, .integer = m->version},
                                 {.kind = SQL_INTEGER, .integer = wall_ms()}};
    return query_once(d, pg_migration_record, record, 3, NULL, NULL, err);
}

/* Under a lock that ends with the transaction: of several processes one migrates and the others find it done. */
static int migrate_locked(struct pg_db *d, struct mrc_err *err)
{
    int64_t version;
    MRC_TRY(run(d, pg_migrations_lock, err));
    MRC_TRY(run(d, pg_migrations_create, err));
    MRC_TRY(read_version(d, &version, err));
    for (size_t i = 0; i < sizeof(pg_migrations) / sizeof(pg_migrations[0]); i++) {
        if (strcmp(pg_migrations[i].file, file_name(d->which)) == 0 && pg_migrations[i].version > version) {
            MRC_TRY(apply(d, &pg_migrations[i], err));
        }
    }
    return MRC_OK;
}

static int migrate(struct pg_db *d, struct mrc_err *err)
{
    int64_t version;
    MRC_TRY(read_version(d, &version, err));
    if (version == newest_version(d->which)) {
        return MRC_OK;
    }
    MRC_TRY(begin_plain(d, err));
    int rc = migrate_locked(d, err);
    if (rc < 0) {
        rollback(d);
        return rc;
    }
    return commit(d, err);
}

/* Read the address: is it well-formed, without a secret in it, and what do messages call it? */
static int read_url(struct pg_db *d, struct mrc_err *err)
{
    const char *host = NULL, *database = NULL;
    bool secret = false;
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(d->url, &why);
    if (options == NULL) {
        /* libpq's words may quote the address, and so a password in it. */
        PQfreemem(why);
        return mrc_fail(err, MRC_EINVAL,
                        "the database's address is not postgresql://[user@][host][:port]/database[?…]");
    }
    for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
        bool set = o->val != NULL && o->val[0] != '\0';
        host = set && strcmp(o->keyword, "host") == 0 ? o->val : host;
        database = set && strcmp(o->keyword, "dbname") == 0 ? o->val : database;
        secret = secret || (set && (strcmp(o->keyword, "password") == 0 || strcmp(o->keyword, "sslpassword") == 0));
    }
    (void)snprintf(d->name, sizeof(d->name), "PostgreSQL %.60s/%.60s", host == NULL ? "(default)" : host,
                   database == NULL ? "(default)" : database);
    PQconninfoFree(options);
    if (secret) {
        return mrc_fail(err, MRC_EINVAL,
                        "%s: the address holds a password, which lists of settings and processes would show: write it "
                        "into a file (host:port:database:user:password, mode 0600) and add ?passfile=/path",
                        d->name);
    }
    return MRC_OK;
}

static void close_db(void *db)
{
    struct pg_db *d = db;
    PQfinish(d->sql);
    free(d);
}

static int open_db(void **out, enum store_file which, const char *url, bool patiently, struct mrc_err *err)
{
    size_t len = strlen(url);
    struct pg_db *d = calloc(1, sizeof(*d) + len + 1);
    if (d == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a database connection");
    }
    memcpy(d->url, url, len + 1);
    d->which = which;
    int rc = read_url(d, err);
    if (rc == MRC_OK) {
        rc = connect_db(d, err);
        rc = rc == MRC_EBUSY && patiently ? MRC_OK : rc;
    }
    if (rc < 0) {
        close_db(d);
        return rc;
    }
    d->opened = true;
    *out = d;
    return MRC_OK;
}

const struct store_driver store_pg = {
    .open = open_db,
    .close = close_db,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .query = query,
    .ping = ping,
    .prune = prune,
};

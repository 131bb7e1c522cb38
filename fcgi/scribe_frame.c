/* Encoding and decoding of the frames between workers and the scribe. */
#include "fcgi/scribe_frame.h"

#include "common/base/digest.h"

#include <string.h>

enum { ROW_TEXTS = 8 };

/* ---- little-endian numbers ------------------------------------------------------------------------------------- */

static void put32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (unsigned char)(v >> (8 * i));
    }
}

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void add32(struct buf *b, uint32_t v)
{
    unsigned char p[4];
    put32(p, v);
    buf_add(b, p, sizeof(p));
}

static void add64(struct buf *b, uint64_t v)
{
    add32(b, (uint32_t)v);
    add32(b, (uint32_t)(v >> 32));
}

static void add_double(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    add64(b, bits);
}

/* ---- headers --------------------------------------------------------------------------------------------------- */

static void header_write(unsigned char *p, enum scribe_kind kind, uint32_t sequence, size_t length)
{
    put32(p, (uint32_t)length);
    p[4] = SCRIBE_VERSION;
    p[5] = (unsigned char)kind;
    p[6] = p[7] = 0;
    put32(p + 8, sequence);
}

int scribe_header_read(const unsigned char *p, struct scribe_header *out, struct mrc_err *err)
{
    if (p[4] != SCRIBE_VERSION) {
        return mrc_fail(err, MRC_EFORMAT, "frame of protocol version %u, this program speaks %d", p[4], SCRIBE_VERSION);
    }
    if (p[5] < SCRIBE_ROWS || p[5] > SCRIBE_ANSWER || p[6] != 0 || p[7] != 0) {
        return mrc_fail(err, MRC_EFORMAT, "frame of unknown kind %u", p[5]);
    }
    uint32_t length = get32(p);
    if (length > SCRIBE_BODY_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "frame of %u bytes, at most %d", length, SCRIBE_BODY_MAX);
    }
    *out = (struct scribe_header){.length = length, .kind = p[5], .sequence = get32(p + 8)};
    return MRC_OK;
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static void texts_of(const struct prediction *r, struct str out[ROW_TEXTS])
{
    const struct str texts[ROW_TEXTS] = {r->id,         r->user_id,       r->request_id, r->trace_id,
                                         r->model_name, r->model_version, r->row_json,   r->quantiles_json};
    memcpy(out, texts, sizeof(texts));
}

static size_t row_size(const struct prediction *r)
{
    struct str texts[ROW_TEXTS];
    texts_of(r, texts);
    size_t size = SCRIBE_ROW_MIN;
    for (size_t i = 0; i < ROW_TEXTS; i++) {
        if (texts[i].n > SCRIBE_BODY_MAX) {
            return SIZE_MAX;
        }
        size += texts[i].n;
    }
    return size;
}

static void row_write(struct buf *b, const struct prediction *r)
{
    add64(b, (uint64_t)r->time_ms);
    add64(b, (uint64_t)r->latency_us);
    add_double(b, r->score);
    add_double(b, r->admissions);
    add_double(b, r->low80);
    add_double(b, r->high80);
    struct str texts[ROW_TEXTS];
    texts_of(r, texts);
    for (size_t i = 0; i < ROW_TEXTS; i++) {
        add32(b, (uint32_t)texts[i].n);
        buf_str(b, texts[i]);
    }
}

int scribe_rows_write(struct buf *b, uint32_t sequence, const struct prediction *rows, size_t n, size_t *taken,
                      struct mrc_err *err)
{
    size_t length = 4, fit = 0;
    while (fit < n) {
        size_t size = row_size(&rows[fit]);
        if (size > SCRIBE_BODY_MAX - length) {
            break;
        }
        length += size;
        fit++;
    }
    if (fit == 0 && n > 0) {
        return mrc_fail(err, MRC_ELIMIT, "prediction %.36s is too long for the log, at most %d bytes",
                        rows[0].id.n >= 36 ? rows[0].id.p : "", SCRIBE_BODY_MAX);
    }
    unsigned char header[SCRIBE_HEADER];
    header_write(header, SCRIBE_ROWS, sequence, length);
    buf_reset(b);
    buf_add(b, header, sizeof(header));
    add32(b, (uint32_t)fit);
    for (size_t i = 0; i < fit; i++) {
        row_write(b, &rows[i]);
    }
    *taken = fit;
    return buf_ok(b, err);
}

size_t scribe_rows_count(struct str body)
{
    if (body.n < 4) {
        return 0;
    }
    size_t n = get32((const unsigned char *)body.p);
    return n <= (body.n - 4) / SCRIBE_ROW_MIN ? n : 0;
}

struct cursor {
    const unsigned char *p;
    size_t n;
    bool failed;
};

static uint64_t take(struct cursor *c, size_t bytes)
{
    if (c->n < bytes) {
        c->failed = true;
        return 0;
    }
    uint64_t v = get32(c->p);
    if (bytes == 8) {
        v |= (uint64_t)get32(c->p + 4) << 32;
    }
    c->p += bytes;
    c->n -= bytes;
    return v;
}

static double take_double(struct cursor *c)
{
    uint64_t bits = take(c, 8);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static struct str take_text(struct cursor *c)
{
    size_t n = (size_t)take(c, 4);
    if (c->failed || n > c->n) {
        c->failed = true;
        return (struct str){"", 0};
    }
    struct str s = {(const char *)c->p, n};
    c->p += n;
    c->n -= n;
    return s;
}

static struct prediction row_read(struct cursor *c)
{
    /* One statement a value: the order of initialisers is not the order of evaluation. */
    struct prediction r = {.time_ms = (int64_t)take(c, 8)};
    r.latency_us = (int64_t)take(c, 8);
    r.score = take_double(c);
    r.admissions = take_double(c);
    r.low80 = take_double(c);
    r.high80 = take_double(c);
    r.id = take_text(c);
    r.user_id = take_text(c);
    r.request_id = take_text(c);
    r.trace_id = take_text(c);
    r.model_name = take_text(c);
    r.model_version = take_text(c);
    r.row_json = take_text(c);
    r.quantiles_json = take_text(c);
    return r;
}

int scribe_rows_read(struct str body, struct prediction *rows, size_t n, struct mrc_err *err)
{
    if (n == 0) {
        return mrc_fail(err, MRC_EFORMAT, "frame without rows");
    }
    struct cursor c = {.p = (const unsigned char *)body.p + 4, .n = body.n - 4};
    for (size_t i = 0; i < n; i++) {
        rows[i] = row_read(&c);
        if (c.failed) {
            return mrc_fail(err, MRC_EFORMAT, "row %zu of %zu is cut", i, n);
        }
        if (!uuid_valid(rows[i].id)) {
            return mrc_fail(err, MRC_EFORMAT, "row %zu has no valid id", i);
        }
    }
    return c.n == 0 ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "%zu bytes behind the last row", c.n);
}

/* ---- ping and answer ------------------------------------------------------------------------------------------- */

void scribe_ping_write(struct buf *b, uint32_t sequence)
{
    unsigned char header[SCRIBE_HEADER];
    header_write(header, SCRIBE_PING, sequence, 0);
    buf_reset(b);
    buf_add(b, header, sizeof(header));
}

size_t scribe_answer_write(unsigned char *out, uint32_t sequence, int status, const char *message)
{
    size_t n = message == NULL ? 0 : strlen(message);
    if (n > SCRIBE_ANSWER_MAX - 4) {
        n = SCRIBE_ANSWER_MAX - 4;
    }
    header_write(out, SCRIBE_ANSWER, sequence, 4 + n);
    put32(out + SCRIBE_HEADER, (uint32_t)status);
    if (n > 0) {
        memcpy(out + SCRIBE_HEADER + 4, message, n);
    }
    return SCRIBE_HEADER + 4 + n;
}

int scribe_answer_read(struct str body, struct mrc_err *err)
{
    if (body.n < 4 || body.n > SCRIBE_ANSWER_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "answer of %zu bytes from the prediction log's writer", body.n);
    }
    int status = (int)(int32_t)get32((const unsigned char *)body.p);
    if (status == MRC_OK) {
        return MRC_OK;
    }
    if (status > 0 || status < -1000) {
        return mrc_fail(err, MRC_EFORMAT, "status %d from the prediction log's writer", status);
    }
    return mrc_fail(err, status, "%.*s", (int)(body.n - 4), body.p + 4);
}

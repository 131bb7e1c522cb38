/* CSV reader: one buffer, whole records, cells as slices of it.
 *
 * A record is parsed where it lies. When the buffer ends before the record does, more is read (at least as much again,
 * so that a long record is gone over few times) and the record is parsed from its start. Only then are doubled quotes
 * made single, in place. */
#include "common/base/csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct csv_limits csv_limits_file = {.record_max = (size_t)16 << 20, .cells_max = 65536};

enum { READ_SIZE = 256 << 10 };

struct csv {
    int fd;          /* -1: memory */
    struct str rest; /* memory not yet taken */
    bool at_end;     /* the source has no more */
    struct csv_limits limits;

    char *buf;
    bool is_part;           /* buf is another reader's */
    size_t cap, begin, end; /* begin: first byte of the next record */
    uint32_t line;          /* of the byte at begin */
    uint32_t record_line;

    struct csv_cell *cells;
    uint32_t n_cells, cells_cap;

    struct arena arena; /* column names */
    struct str *names;
    uint32_t n_names; /* 0: no header was read */

    struct mrc_err failure; /* why reading cannot go on */
};

/* Where a record's parsing stands. */
struct cursor {
    const char *p, *end;
    const char *line_start;
    uint32_t line;
};

enum progress { COMPLETE, NEEDS_MORE }; /* or a negative status */

/* ---- source ---------------------------------------------------------------------------------------------------- */

static struct csv *csv_new(const struct csv_limits *limits)
{
    struct csv *c = calloc(1, sizeof(*c));
    if (c != NULL) {
        c->fd = -1;
        c->limits = *limits;
        c->line = 1;
        arena_init(&c->arena, 0);
    }
    return c;
}

int csv_open(struct csv **out, const char *path, const struct csv_limits *limits, struct mrc_err *err)
{
    struct csv *c = csv_new(limits);
    if (c == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "%s: out of memory", path);
    }
    if (strcmp(path, "-") == 0) {
        c->fd = STDIN_FILENO;
    } else {
        do {
            c->fd = open(path, O_RDONLY | O_CLOEXEC);
        } while (c->fd < 0 && errno == EINTR);
    }
    struct stat st;
    if (c->fd < 0 || fstat(c->fd, &st) != 0) {
        int number = errno;
        csv_close(c);
        return mrc_fail_errno(err, number == ENOENT ? MRC_ENOTFOUND : MRC_EIO, number, "%s", path);
    }
    if (S_ISDIR(st.st_mode)) {
        csv_close(c);
        return mrc_fail(err, MRC_EIO, "%s: is a folder, not a file", path);
    }
    *out = c;
    return MRC_OK;
}

int csv_open_mem(struct csv **out, struct str text, const struct csv_limits *limits, struct mrc_err *err)
{
    struct csv *c = csv_new(limits);
    if (c == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "out of memory");
    }
    c->rest = text;
    *out = c;
    return MRC_OK;
}

void csv_close(struct csv *c)
{
    if (c == NULL) {
        return;
    }
    if (c->fd > STDIN_FILENO) {
        close(c->fd);
    }
    if (!c->is_part) {
        free(c->buf);
    }
    free(c->cells);
    arena_release(&c->arena);
    free(c);
}

/* Up to n bytes from the source; 0 at its end. */
static ssize_t take(struct csv *c, char *into, size_t n)
{
    if (c->fd >= 0) {
        ssize_t got;
        do {
            got = read(c->fd, into, n);
        } while (got < 0 && errno == EINTR);
        return got;
    }
    n = n < c->rest.n ? n : c->rest.n;
    if (n > 0) {
        memcpy(into, c->rest.p, n);
        c->rest.p += n;
        c->rest.n -= n;
    }
    return (ssize_t)n;
}

/* Read on: the unfinished record moves to the front, then at least as many bytes again are read. */
static int fill(struct csv *c, struct mrc_err *err)
{
    size_t have = c->end - c->begin;
    if (c->begin > 0 && have > 0) {
        memmove(c->buf, c->buf + c->begin, have);
    }
    c->begin = 0;
    c->end = have;
    size_t more = have > READ_SIZE ? have : READ_SIZE;
    if (c->fd < 0 && more > c->rest.n) {
        more = c->rest.n + 1; /* a small text needs no large buffer */
    }
    size_t want = have + more;
    if (want > c->cap) {
        char *larger = realloc(c->buf, want);
        if (larger == NULL) {
            return mrc_fail(err, MRC_ENOMEM, "out of memory (record of more than %zu bytes)", have);
        }
        c->buf = larger;
        c->cap = want;
    }
    do {
        ssize_t got = take(c, c->buf + c->end, c->cap - c->end);
        if (got < 0) {
            return mrc_fail_errno(err, MRC_EIO, errno, "reading line %u", (unsigned)c->line);
        }
        c->at_end = got == 0;
        c->end += (size_t)got;
    } while (!c->at_end && c->end < 2 * have && c->end < c->cap);
    return MRC_OK;
}

/* ---- one record ------------------------------------------------------------------------------------------------ */

/* The first comma or line end from p on, or end. Eight bytes at a time: a byte of `word ^ pattern` is zero where the
 * character stands, and the usual test marks the first such byte for certain (later marks may be false). */
static const char *plain_end(const char *p, const char *end)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        uint64_t comma = word ^ ones * ',', lf = word ^ ones * '\n', cr = word ^ ones * '\r';
        uint64_t hit = (((comma - ones) & ~comma) | ((lf - ones) & ~lf) | ((cr - ones) & ~cr)) & tops;
        if (hit != 0) {
            return p + __builtin_ctzll(hit) / 8;
        }
        p += 8;
    }
#endif
    while (p < end && *p != ',' && *p != '\n' && *p != '\r') {
        p++;
    }
    return p;
}

/* Count the line ends in [p, end) and remember where the last line begins. */
static void count_lines(struct cursor *at, const char *p, const char *end)
{
    for (; p < end; p++) {
        if (*p == '\n' || (*p == '\r' && !(p + 1 < end && p[1] == '\n'))) {
            at->line++;
            at->line_start = p + 1;
        }
    }
}

static uint32_t column(const struct cursor *at, const char *p)
{
    return (uint32_t)(p - at->line_start) + 1;
}

/* p at the opening quote; *closing is set to the quote that ends the cell. */
static int find_closing(struct csv *c, const struct cursor *at, const char **closing, struct mrc_err *err)
{
    const char *p = at->p + 1;
    for (;;) {
        const char *quote = p < at->end ? memchr(p, '"', (size_t)(at->end - p)) : NULL;
        if (quote == NULL && c->at_end) {
            return mrc_fail_at(err, MRC_EFORMAT, at->line, column(at, at->p), "the quote opened here is never closed");
        }
        if (quote == NULL || (quote + 1 == at->end && !c->at_end)) {
            return NEEDS_MORE;
        }
        if (quote + 1 == at->end || quote[1] != '"') {
            *closing = quote;
            return COMPLETE;
        }
        p = quote + 2;
    }
}

static int add_cell(struct csv *c, const struct cursor *at, struct csv_cell cell, struct mrc_err *err)
{
    if (c->n_cells == c->cells_cap) {
        if (c->n_cells >= c->limits.cells_max) {
            return mrc_fail_at(err, MRC_ELIMIT, cell.line, cell.col, "more than %u cells in one record",
                               (unsigned)c->limits.cells_max);
        }
        uint32_t cap = c->cells_cap < 32 ? 32 : c->cells_cap * 2;
        cap = cap > c->limits.cells_max ? c->limits.cells_max : cap;
        struct csv_cell *cells = realloc(c->cells, cap * sizeof(*cells));
        if (cells == NULL) {
            return mrc_fail_at(err, MRC_ENOMEM, at->line, 0, "out of memory (%u cells)", (unsigned)c->n_cells);
        }
        c->cells = cells;
        c->cells_cap = cap;
    }
    c->cells[c->n_cells++] = cell;
    return MRC_OK;
}

/* One cell at at->p; then at->p is behind it (and behind its closing quote). */
static int parse_cell(struct csv *c, struct cursor *at, struct mrc_err *err)
{
    struct csv_cell cell = {.line = at->line, .col = column(at, at->p)};
    if (at->p < at->end && *at->p == '"') {
        const char *closing = NULL;
        int rc = find_closing(c, at, &closing, err);
        if (rc != COMPLETE) {
            return rc;
        }
        cell.quoted = true;
        cell.text = (struct str){at->p + 1, (size_t)(closing - at->p) - 1};
        count_lines(at, at->p + 1, closing);
        at->p = closing + 1;
        if (at->p < at->end && *at->p != ',' && *at->p != '\n' && *at->p != '\r') {
            return mrc_fail_at(err, MRC_EFORMAT, at->line, column(at, at->p),
                               "text after a closing quote (opened on line %u, column %u); a quote inside quotes is "
                               "written twice",
                               (unsigned)cell.line, (unsigned)cell.col);
        }
    } else {
        const char *end = plain_end(at->p, at->end);
        cell.text = (struct str){at->p, (size_t)(end - at->p)};
        at->p = end;
    }
    if (at->p == at->end && !c->at_end) {
        return NEEDS_MORE;
    }
    return add_cell(c, at, cell, err);
}

/* The record at c->begin: its cells, and in *at what lies behind its last cell. */
static int parse_record(struct csv *c, struct cursor *at, struct mrc_err *err)
{
    c->n_cells = 0;
    *at = (struct cursor){c->buf + c->begin, c->buf + c->end, c->buf + c->begin, c->line};
    for (;;) {
        int rc = parse_cell(c, at, err);
        if (rc != COMPLETE) {
            return rc;
        }
        if (at->p == at->end || *at->p != ',') {
            break;
        }
        at->p++;
    }
    bool cr_at_end = at->p < at->end && *at->p == '\r' && at->p + 1 == at->end;
    return cr_at_end && !c->at_end ? NEEDS_MORE : COMPLETE; /* is it CR LF? */
}

/* The bytes of the record are UTF-8 without NUL. */
static int check_text(const struct csv *c, struct str text, struct mrc_err *err)
{
    size_t valid = utf8_valid(text);
    const char *nul = valid == 0 ? NULL : memchr(text.p, '\0', valid);
    if (valid == text.n && nul == NULL) {
        return MRC_OK;
    }
    const char *bad = nul != NULL ? nul : text.p + valid;
    struct cursor at = {.p = text.p, .line_start = text.p, .line = c->line};
    count_lines(&at, text.p, bad);
    if (nul != NULL) {
        return mrc_fail_at(err, MRC_EFORMAT, at.line, column(&at, bad), "NUL byte in text");
    }
    return mrc_fail_at(err, MRC_EFORMAT, at.line, column(&at, bad), "byte 0x%02x is not valid UTF-8",
                       (unsigned)(unsigned char)*bad);
}

/* "a ""b""" → a "b", in place: the slice points into our buffer. */
static void unescape(struct csv *c, struct csv_cell *cell)
{
    char *base = c->buf + (cell->text.p - c->buf), *end = base + cell->text.n;
    char *quote = cell->text.n == 0 ? NULL : memchr(base, '"', cell->text.n);
    if (quote == NULL) {
        return;
    }
    char *to = quote;
    for (const char *from = quote; from < end; from++) {
        *to++ = *from;
        from += *from == '"'; /* the second of a pair */
    }
    cell->text.n = (size_t)(to - base);
}

/* Text before the record: a byte-order mark at the very start, blank lines. NEEDS_MORE: nothing but that so far. */
static int skip_blank_lines(struct csv *c)
{
    for (;;) {
        if (c->begin == c->end) {
            return NEEDS_MORE;
        }
        char first = c->buf[c->begin];
        if (first != '\n' && first != '\r') {
            return COMPLETE;
        }
        bool pair_open = first == '\r' && c->begin + 1 == c->end;
        if (pair_open && !c->at_end) {
            return NEEDS_MORE;
        }
        c->begin += first == '\r' && !pair_open && c->buf[c->begin + 1] == '\n' ? 2 : 1;
        c->line++;
    }
}

static int too_long(const struct csv *c, size_t n, struct mrc_err *err)
{
    /* A file that is no text has no line ends either: say that rather. A last sequence may be cut off here. */
    struct str text = {c->buf + c->begin, n};
    size_t valid = utf8_valid(text);
    if (n - valid >= 4 || (valid > 0 && memchr(text.p, '\0', valid) != NULL)) {
        return check_text(c, text, err);
    }
    return mrc_fail_at(err, MRC_ELIMIT, c->line, 0,
                       "the record that begins here is longer than %zu bytes; is a quote not closed?",
                       c->limits.record_max);
}

/* Find the next record and its cells. 1, 0 at the end, or the failure that ends reading. */
static int read_record(struct csv *c, struct mrc_err *err)
{
    struct cursor at;
    for (;;) {
        int rc = skip_blank_lines(c);
        if (rc == NEEDS_MORE && c->at_end) {
            return 0;
        }
        if (rc == COMPLETE) {
            rc = parse_record(c, &at, err);
        }
        if (rc < 0) {
            return rc;
        }
        size_t n = rc == COMPLETE ? (size_t)(at.p - c->buf) - c->begin : c->end - c->begin;
        if (n > c->limits.record_max && (rc == COMPLETE || n > c->limits.record_max + 4)) {
            return too_long(c, n, err);
        }
        if (rc == COMPLETE) {
            MRC_TRY(check_text(c, (struct str){c->buf + c->begin, n}, err));
            break;
        }
        MRC_TRY(fill(c, err));
    }
    for (uint32_t i = 0; i < c->n_cells; i++) {
        if (c->cells[i].quoted) {
            unescape(c, &c->cells[i]);
        }
    }
    c->record_line = c->line;
    c->line = at.line;
    if (at.p < at.end) {
        c->line++;
        at.p += *at.p == '\r' && at.p + 1 < at.end && at.p[1] == '\n' ? 2 : 1;
    }
    c->begin = (size_t)(at.p - c->buf);
    return 1;
}

/* The first bytes: a byte-order mark is no text. */
static int begin_reading(struct csv *c, struct mrc_err *err)
{
    while (c->end < 3 && !c->at_end) {
        MRC_TRY(fill(c, err));
    }
    if (c->end >= 3 && memcmp(c->buf, "\xef\xbb\xbf", 3) == 0) {
        c->begin = 3;
    }
    return MRC_OK;
}

int csv_next(struct csv *c, const struct csv_cell **cells, uint32_t *n, struct mrc_err *err)
{
    int rc = c->failure.code;
    if (rc == MRC_OK && c->buf == NULL) {
        rc = begin_reading(c, &c->failure);
    }
    if (rc == MRC_OK) {
        rc = read_record(c, &c->failure);
    }
    if (rc < 0) {
        if (err != NULL) {
            *err = c->failure;
        }
        return rc;
    }
    if (rc == 0) {
        return 0;
    }
    if (c->n_names > 0 && c->n_cells != c->n_names) {
        uint32_t col = c->n_cells > c->n_names ? c->cells[c->n_names].col : 0;
        uint32_t line = c->n_cells > c->n_names ? c->cells[c->n_names].line : c->record_line;
        return mrc_fail_at(err, MRC_EFORMAT, line, col, "%u cells, expected %u as in the header", (unsigned)c->n_cells,
                           (unsigned)c->n_names);
    }
    *cells = c->cells;
    *n = c->n_cells;
    return 1;
}

/* ---- header ---------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct csv_cell *const *x = a, *const *y = b;
    int order = str_cmp((*x)->text, (*y)->text);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

/* No name stands twice. Sorted, since a hostile header has many. */
static int check_names(const struct csv_cell *cells, uint32_t n, struct mrc_err *err)
{
    const struct csv_cell **sorted = malloc(n * sizeof(*sorted));
    if (sorted == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "out of memory (%u columns)", (unsigned)n);
    }
    for (uint32_t i = 0; i < n; i++) {
        sorted[i] = &cells[i];
    }
    qsort(sorted, n, sizeof(*sorted), by_name);
    const struct csv_cell *first = NULL, *second = NULL;
    for (uint32_t i = 1; i < n; i++) {
        if (str_eq(sorted[i - 1]->text, sorted[i]->text) && (second == NULL || sorted[i] < second)) {
            first = sorted[i - 1];
            second = sorted[i];
        }
    }
    free(sorted);
    if (second == NULL) {
        return MRC_OK;
    }
    return mrc_fail_at(err, MRC_EFORMAT, second->line, second->col,
                       "column name \"%.*s\" stands twice: columns %u and %u",
                       second->text.n > 100 ? 100 : (int)second->text.n, second->text.p, (unsigned)(first - cells) + 1,
                       (unsigned)(second - cells) + 1);
}

int csv_header(struct csv *c, const struct str **names, uint32_t *n, struct mrc_err *err)
{
    const struct csv_cell *cells = NULL;
    uint32_t count = 0;
    if (c->record_line > 0) {
        return mrc_fail(err, MRC_EINVAL, "the header is the first record, and that was read already");
    }
    int rc = csv_next(c, &cells, &count, err);
    if (rc < 0) {
        return rc;
    }
    if (rc == 0) {
        return mrc_fail(err, MRC_EFORMAT, "empty: a first line with column names is expected");
    }
    for (uint32_t i = 0; i < count; i++) {
        if (cells[i].text.n == 0) {
            return mrc_fail_at(err, MRC_EFORMAT, cells[i].line, cells[i].col, "column %u of %u has no name",
                               (unsigned)i + 1, (unsigned)count);
        }
    }
    MRC_TRY(check_names(cells, count, err));
    struct str *copies = ARENA_ARRAY(&c->arena, count, struct str);
    for (uint32_t i = 0; i < count; i++) {
        if (copies == NULL || !str_copy(&c->arena, cells[i].text, &copies[i])) {
            return arena_fail(&c->arena, err);
        }
    }
    c->names = copies;
    c->n_names = count;
    *names = copies;
    *n = count;
    return MRC_OK;
}

int64_t csv_column(const struct csv *c, struct str name)
{
    for (uint32_t i = 0; i < c->n_names; i++) {
        if (str_eq(c->names[i], name)) {
            return i;
        }
    }
    return -1;
}

uint32_t csv_line(const struct csv *c)
{
    return c->record_line;
}

uint32_t csv_lines(const struct csv *c)
{
    return c->line - 1;
}

/* ---- in parts -------------------------------------------------------------------------------------------------- */

static size_t line_end(const char *p, size_t at, size_t n)
{
    return p[at] == '\r' && at + 1 < n && p[at + 1] == '\n' ? at + 2 : at + 1;
}

/* Where records end, by the rules of parse_cell: the first end at or behind `wanted`, else the last one there is; 0:
 * none. A carriage return as the last byte ends nothing yet. */
static size_t record_end(struct str text, size_t begin, size_t wanted)
{
    size_t last = 0, at = begin;
    bool cell_begins = true;
    while (at < text.n) {
        char b = text.p[at];
        if (b == '"' && cell_begins) { /* to the closing quote */
            for (at++;; at += 2) {
                const char *quote = at < text.n ? memchr(text.p + at, '"', text.n - at) : NULL;
                if (quote == NULL) {
                    return last;
                }
                at = (size_t)(quote - text.p);
                if (at + 1 == text.n || text.p[at + 1] != '"') {
                    break;
                }
            }
            at++;
            cell_begins = false;
        } else if (b == '\n' || (b == '\r' && at + 1 < text.n)) {
            at = line_end(text.p, at, text.n);
            last = at;
            cell_begins = true;
            if (at >= wanted) {
                return last;
            }
        } else if (b == ',') {
            at++;
            cell_begins = true;
        } else {
            const char *end = plain_end(text.p + at, text.p + text.n);
            at = (size_t)(end - text.p);
            at += at < text.n && text.p[at] == '\r' && at + 1 == text.n; /* LF may follow */
            cell_begins = false;
        }
    }
    return last;
}

/* The last record end of a text, 0 when there is none. Without quotes every line end is one. */
static size_t last_end(struct str text)
{
    if (text.n == 0 || memchr(text.p, '"', text.n) != NULL) {
        return record_end(text, 0, SIZE_MAX);
    }
    for (size_t at = text.n; at-- > 0;) {
        if (text.p[at] == '\n' || (text.p[at] == '\r' && at + 1 < text.n)) {
            return at + 1;
        }
    }
    return 0;
}

int csv_take(struct csv *c, size_t bytes, uint32_t lines, struct str *text, struct mrc_err *err)
{
    c->line += lines;
    for (;;) {
        while (c->end - c->begin < bytes && !c->at_end) {
            MRC_TRY(fill(c, err));
        }
        struct str all = {c->buf + c->begin, c->end - c->begin};
        if (all.n == 0 && c->at_end) {
            return 0;
        }
        size_t n = c->at_end ? all.n : last_end(all);
        if (n > 0) {
            *text = (struct str){all.p, n};
            c->begin += n;
            return 1;
        }
        if (all.n > c->limits.record_max + 4) {
            return too_long(c, all.n, err);
        }
        bytes = all.n + 1;
    }
}

uint32_t csv_cut(struct str text, uint32_t n, struct str *pieces)
{
    bool quotes = text.n > 0 && memchr(text.p, '"', text.n) != NULL;
    uint32_t count = 0;
    size_t begin = 0;
    for (uint32_t i = 1; i <= n && begin < text.n; i++) {
        size_t wanted = (size_t)((double)text.n * i / n), end = 0;
        if (i == n) {
            end = text.n;
        } else if (wanted <= begin) {
            continue;
        } else if (quotes) {
            end = record_end(text, begin, wanted);
        } else {
            const char *p = text.p + wanted - 1;
            while (p < text.p + text.n && *p != '\n' && *p != '\r') {
                p++;
            }
            end = p < text.p + text.n ? line_end(text.p, (size_t)(p - text.p), text.n) : text.n;
        }
        if (end > begin) {
            pieces[count++] = (struct str){text.p + begin, end - begin};
            begin = end;
        }
    }
    return count;
}

int csv_open_part(struct csv **out, const struct csv *c, struct str text, struct mrc_err *err)
{
    struct csv *part = csv_new(&c->limits);
    if (part == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "out of memory");
    }
    part->is_part = true;
    part->at_end = true;
    part->buf = c->buf + (text.p - c->buf);
    part->end = part->cap = text.n;
    part->n_names = c->n_names;
    *out = part;
    return MRC_OK;
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static bool is_blank(char b)
{
    return b == ' ' || b == '\t';
}

static bool needs_quotes(struct str cell, bool first)
{
    if (cell.n == 0) {
        return first; /* alone in its record it would be a blank line */
    }
    if (is_blank(cell.p[0]) || is_blank(cell.p[cell.n - 1])) {
        return true;
    }
    for (size_t i = 0; i < cell.n; i++) {
        char b = cell.p[i];
        if (b == ',' || b == '"' || b == '\n' || b == '\r') {
            return true;
        }
    }
    return first && cell.n >= 3 && memcmp(cell.p, "\xef\xbb\xbf", 3) == 0; /* not to be taken for a byte-order mark */
}

void csv_put(struct buf *b, struct str cell, bool first)
{
    if (!first) {
        buf_char(b, ',');
    }
    if (!needs_quotes(cell, first)) {
        buf_str(b, cell);
        return;
    }
    buf_char(b, '"');
    while (cell.n > 0) {
        const char *quote = memchr(cell.p, '"', cell.n);
        size_t run = quote == NULL ? cell.n : (size_t)(quote - cell.p) + 1;
        buf_add(b, cell.p, run);
        if (quote != NULL) {
            buf_char(b, '"');
        }
        cell.p += run;
        cell.n -= run;
    }
    buf_char(b, '"');
}

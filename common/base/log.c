/* Events as logfmt lines (log.h). The line is built on the stack and cut at its ceiling, so logging never allocates. */
#include "common/base/log.h"

#include "common/base/date.h"
#include "common/base/number.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, TEXT_MAX_BYTES = 1024 };

static struct {
    const char *program;
    enum log_level level;
    int fd;
} setup = {.program = NULL, .level = LOG_INFO, .fd = STDERR_FILENO};

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
_Static_assert(sizeof level_names / sizeof *level_names == LOG__COUNT, "one name a level");

void log_setup(const char *program, enum log_level level, int fd)
{
    setup.program = program;
    setup.level = level;
    setup.fd = fd;
}

bool log_level_parse(struct str s, enum log_level *out)
{
    for (int i = 0; i < LOG__COUNT; i++) {
        if (str_is(s, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return level <= setup.level;
}

struct line {
    char text[LINE_MAX_BYTES];
    size_t n;
    bool full; /* later text is dropped; the end of the line says so */
};

enum { TAIL_BYTES = 8 }; /* kept free for a closing quote, the mark of a cut line and the line end */

/* Whole pieces only: an escape or a character is never cut in two. */
static void put(struct line *l, const char *p, size_t n)
{
    if (l->full || n > sizeof l->text - TAIL_BYTES - l->n) {
        l->full = true;
        return;
    }
    memcpy(l->text + l->n, p, n);
    l->n += n;
}

static void put_text(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

static bool plain(struct str s)
{
    if (s.n == 0) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f) {
            return false;
        }
    }
    return true;
}

static void put_hex(struct line *l, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    put(l, (const char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
}

/* Length of the character at s.p that a terminal shows as it is; 0: escape its first byte. */
static size_t printable(struct str s)
{
    unsigned char c = (unsigned char)s.p[0];
    if (c < 0x80) {
        return c >= ' ' && c != 0x7f;
    }
    size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n > s.n || utf8_valid((struct str){s.p, n}) != n) {
        return 0;
    }
    bool c1 = c == 0xc2 && (unsigned char)s.p[1] < 0xa0; /* U+0080 to U+009F */
    bool ends_line = c == 0xe2 && memcmp(s.p, "\xe2\x80\xa8", 2) == 0 && ((unsigned char)s.p[2] & 0xfe) == 0xa8;
    return c1 || ends_line ? 0 : n; /* U+2028 and U+2029 end lines for some readers */
}

/* Quoted where needed; control characters and bytes that are no UTF-8 become \xHH, so that no value can end a line. */
static void put_value(struct line *l, struct str s)
{
    bool cut = s.n > TEXT_MAX_BYTES;
    s.n = cut ? TEXT_MAX_BYTES : s.n;
    if (!cut && plain(s)) {
        put(l, s.p, s.n);
        return;
    }
    put(l, "\"", 1);
    if (l->full) {
        return;
    }
    while (s.n > 0 && !l->full) {
        size_t n = printable(s);
        if (s.p[0] == '"' || s.p[0] == '\\') {
            put(l, (const char[]){'\\', s.p[0]}, 2);
        } else if (s.p[0] == '\n') {
            put(l, "\\n", 2);
        } else if (n > 0) {
            put(l, s.p, n);
        } else if (!(cut && s.n < 4)) { /* what a cut has left of a character is dropped */
            put_hex(l, (unsigned char)s.p[0]);
        }
        n = n == 0 ? 1 : n;
        s.p += n;
        s.n -= n;
    }
    if (cut) {
        put(l, "...", 3);
    }
    if (l->full) {
        l->text[l->n++] = '"'; /* in the tail */
    } else {
        put(l, "\"", 1);
    }
}

static void put_field(struct line *l, const struct log_field *f)
{
    char number[NUMBER_TEXT_MAX];
    if (l->full) {
        return;
    }
    put(l, " ", 1);
    put_text(l, f->key);
    put(l, "=", 1);
    if (l->full) {
        return;
    }
    if (f->kind == LOG_F_STR) {
        put_value(l, f->s);
    } else if (f->kind == LOG_F_INT) {
        snprintf(number, sizeof number, "%lld", (long long)f->i);
        put_text(l, number);
    } else {
        format_double(f->d, number);
        put_text(l, number);
    }
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t n)
{
    if (!log_enabled(level)) {
        return;
    }
    int saved = errno; /* a caller may log before it looks */
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char stamp[STAMP_TEXT], pid[24];
    stamp_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, stamp);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    struct line l = {.n = 0};
    put_text(&l, "ts=");
    put_text(&l, stamp);
    put_text(&l, " lvl=");
    put_text(&l, level_names[level]);
    if (setup.program != NULL) {
        put_text(&l, " prog=");
        put_value(&l, str_of(setup.program));
    }
    put_text(&l, " pid=");
    put_text(&l, pid);
    put_text(&l, " msg=");
    put_value(&l, str_of(msg));
    for (size_t i = 0; i < n; i++) {
        put_field(&l, &fields[i]);
    }
    if (l.full) {
        memcpy(l.text + l.n, " ...", 4);
        l.n += 4;
    }
    l.text[l.n++] = '\n';
    /* A log that cannot be written has nowhere to say so. */
    ssize_t written;
    do {
        written = write(setup.fd, l.text, l.n);
    } while (written < 0 && errno == EINTR);
    errno = saved;
}

void log_err(enum log_level level, const char *msg, const struct mrc_err *e)
{
    char text[sizeof e->msg + 48];
    err_format(e, text, sizeof text);
    struct log_field fields[] = {LOG_CSTR("err", text), LOG_CSTR("code", err_name(e->code))};
    log_write(level, msg, fields, 2);
}

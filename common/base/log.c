/* Events as logfmt lines (log.h). The line is built on the stack and cut at its ceiling, so logging never allocates. */
#include "common/base/log.h"

#include "common/base/date.h"
#include "common/base/number.h"

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
    size_t n; /* one byte stays free for the line end */
};

static void put(struct line *l, char c)
{
    if (l->n < sizeof l->text - 1) {
        l->text[l->n++] = c;
    }
}

static void put_text(struct line *l, const char *s)
{
    while (*s != '\0') {
        put(l, *s++);
    }
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

/* Quoted where needed; control characters and bytes that are no UTF-8 become \xHH, so that no value can end a line. */
static void put_value(struct line *l, struct str s)
{
    s.n = s.n > TEXT_MAX_BYTES ? TEXT_MAX_BYTES : s.n;
    if (plain(s)) {
        for (size_t i = 0; i < s.n; i++) {
            put(l, s.p[i]);
        }
        return;
    }
    static const char hex[] = "0123456789abcdef";
    size_t valid = utf8_valid(s);
    put(l, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') {
            put(l, '\\');
            put(l, (char)c);
        } else if (c == '\n') {
            put_text(l, "\\n");
        } else if (c < ' ' || c == 0x7f || (c >= 0x80 && i >= valid)) {
            put_text(l, "\\x");
            put(l, hex[c >> 4]);
            put(l, hex[c & 15]);
        } else {
            put(l, (char)c);
        }
    }
    put(l, '"');
}

static void put_field(struct line *l, const struct log_field *f)
{
    char number[NUMBER_TEXT_MAX];
    put(l, ' ');
    put_text(l, f->key);
    put(l, '=');
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
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char stamp[STAMP_TEXT];
    stamp_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, stamp);
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
    char pid[24];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    put_text(&l, pid);
    put_text(&l, " msg=");
    put_value(&l, str_of(msg));
    for (size_t i = 0; i < n; i++) {
        put_field(&l, &fields[i]);
    }
    l.text[l.n++] = '\n';
    /* A log that cannot be written has nowhere to say so. */
    ssize_t written = write(setup.fd, l.text, l.n);
    (void)written;
}

void log_err(enum log_level level, const char *msg, const struct mrc_err *e)
{
    char text[sizeof e->msg + 48];
    err_format(e, text, sizeof text);
    struct log_field fields[] = {LOG_CSTR("err", text), LOG_CSTR("code", err_name(e->code))};
    log_write(level, msg, fields, 2);
}

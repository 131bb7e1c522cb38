/* Error objects: messages are made one line of valid UTF-8 whatever bytes the caller's values hold. */
#include "common/base/err.h"
#include "common/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MSG_MAX = sizeof(((struct mrc_err *)0)->msg) };

/* Hostile input reaches messages: a control character or a broken sequence becomes '?', so that a message can neither
 * break a log line nor make an answer invalid UTF-8. A sequence cut by the end of the buffer is dropped. */
static void make_one_line(char *s, size_t n, bool was_cut)
{
    size_t i = 0;
    while (i < n) {
        size_t valid = utf8_valid((struct str){s + i, n - i});
        for (size_t end = i + valid; i < end; i++) {
            unsigned char c = (unsigned char)s[i];
            if (c < 0x20 || c == 0x7f) {
                s[i] = '?';
            }
        }
        if (i == n) {
            break;
        }
        unsigned char c = (unsigned char)s[i];
        size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        if (was_cut && c >= 0xc2 && c <= 0xf4 && n - i < want) {
            s[i] = '\0';
            break;
        }
        s[i++] = '?';
    }
}

/* vsnprintf into out[size], made one line. */
MRC_PRINTF(3, 0)
static void format_message(char *out, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(out, size, fmt, ap);
    if (n < 0) {
        n = snprintf(out, size, "(unprintable message)");
    }
    bool cut = (size_t)n >= size;
    make_one_line(out, cut ? size - 1 : (size_t)n, cut);
}

MRC_PRINTF(5, 0)
static void set(struct mrc_err *e, int code, uint32_t line, uint32_t col, const char *fmt, va_list ap)
{
    if (e == NULL) {
        return;
    }
    char msg[MSG_MAX]; /* the arguments may point into e->msg */
    format_message(msg, sizeof(msg), fmt, ap);
    e->code = code;
    e->line = line;
    e->col = col;
    memcpy(e->msg, msg, strlen(msg) + 1);
}

int mrc_fail(struct mrc_err *e, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set(e, code, 0, 0, fmt, ap);
    va_end(ap);
    return code;
}

int mrc_fail_at(struct mrc_err *e, int code, uint32_t line, uint32_t col, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set(e, code, line, col, fmt, ap);
    va_end(ap);
    return code;
}

int mrc_fail_errno(struct mrc_err *e, int code, int errnum, const char *fmt, ...)
{
    if (e == NULL) {
        return code;
    }
    int saved = errno;
    char reason[96];
    if (strerror_r(errnum, reason, sizeof(reason)) != 0) {
        snprintf(reason, sizeof(reason), "error %d", errnum);
    }
    /* The reason is the part that must not be cut away. */
    char what[MSG_MAX - sizeof(reason) - 2];
    va_list ap;
    va_start(ap, fmt);
    format_message(what, sizeof(what), fmt, ap);
    va_end(ap);
    errno = saved;
    return mrc_fail(e, code, "%s: %s", what, reason);
}

int err_wrap(struct mrc_err *e, const char *fmt, ...)
{
    if (e == NULL) {
        return MRC_EBUG;
    }
    char context[MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    format_message(context, sizeof(context), fmt, ap);
    va_end(ap);
    return mrc_fail_at(e, e->code, e->line, e->col, "%s: %s", context, e->msg);
}

int err_place(struct mrc_err *e, const char *path)
{
    if (e == NULL) {
        return MRC_EBUG;
    }
    uint32_t line = e->line, col = e->col;
    e->line = e->col = 0;
    if (line == 0) {
        return err_wrap(e, "%s", path);
    }
    return col != 0 ? err_wrap(e, "%s:%u:%u", path, line, col) : err_wrap(e, "%s:%u", path, line);
}

const char *err_name(int code)
{
    switch (code) {
    case MRC_OK:
        return "ok";
    case MRC_EINVAL:
        return "invalid";
    case MRC_EFORMAT:
        return "format";
    case MRC_EUNSUPPORTED:
        return "unsupported";
    case MRC_ENOTFOUND:
        return "not_found";
    case MRC_ECONFLICT:
        return "conflict";
    case MRC_EDENIED:
        return "denied";
    case MRC_ELIMIT:
        return "limit";
    case MRC_EBUSY:
        return "busy";
    case MRC_EIO:
        return "io";
    case MRC_ENOMEM:
        return "no_memory";
    case MRC_EBUG:
        return "bug";
    default:
        return "unknown";
    }
}

void err_format(const struct mrc_err *e, char *buf, unsigned size)
{
    if (size == 0) {
        return;
    }
    int n;
    if (e->line > 0 && e->col > 0) {
        n = snprintf(buf, size, "line %u, column %u: %s", (unsigned)e->line, (unsigned)e->col, e->msg);
    } else if (e->line > 0) {
        n = snprintf(buf, size, "line %u: %s", (unsigned)e->line, e->msg);
    } else {
        n = snprintf(buf, size, "%s", e->msg);
    }
    if (n >= 0 && (unsigned)n >= size) {
        make_one_line(buf, size - 1, true);
    }
}

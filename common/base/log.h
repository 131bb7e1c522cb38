/* Events to standard error, one logfmt line each: ts= lvl= msg= then the caller's pairs.
 *
 * Feature values, tokens, passwords and bodies are never logged. A line is written with one write(2), so lines of several
 * processes do not mix. Values are quoted when needed and control characters are escaped: nothing can forge a line. */
#ifndef MRC_BASE_LOG_H
#define MRC_BASE_LOG_H

#include "common/base/text.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG__COUNT };

/* The only process-wide state of the program: level, program name, file descriptor. Set once in main (and by tests). */
void log_setup(const char *program, enum log_level level, int fd);
bool log_level_parse(struct str s, enum log_level *out);
bool log_enabled(enum log_level level);

/* A pair of a line. Use the LOG_* makers below. */
struct log_field {
    const char *key;
    enum { LOG_F_STR, LOG_F_INT, LOG_F_NUM } kind;
    struct str s;
    int64_t i;
    double d;
};
#define LOG_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_F_STR, .s = (v)})
#define LOG_CSTR(k, v) ((struct log_field){.key = (k), .kind = LOG_F_STR, .s = str_of(v)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .kind = LOG_F_INT, .i = (int64_t)(v)})
#define LOG_NUM(k, v) ((struct log_field){.key = (k), .kind = LOG_F_NUM, .d = (v)})

void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t n);
/* log_event(LOG_INFO, "listening", LOG_CSTR("socket", path), LOG_INT("workers", n)); at least one pair */
#define log_event(level, msg, ...)                                                                                     \
    log_write((level), (msg), (const struct log_field[]){__VA_ARGS__},                                                 \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
/* An mrc_err as an event: msg= and err= */
void log_err(enum log_level level, const char *msg, const struct mrc_err *e);

#endif

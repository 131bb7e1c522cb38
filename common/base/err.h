/* Errors: a stable negative status, and a message in an object that the caller owns.
 *
 * Functions return MRC_OK (0) or a negative status. The object is the last parameter, may be NULL, and is untouched on
 * success. A message is one line that names the value and the limit, without "failed to" and without a function name;
 * whoever knows more (a file name, a row) adds it at a boundary with err_wrap(). Problems of single input fields are
 * data (see forecast/row.h), never an mrc_err. Thread-safe: there is no last-error variable. */
#ifndef MRC_BASE_ERR_H
#define MRC_BASE_ERR_H

#include <stdarg.h>
#include <stdint.h>

/* The block below stands, word for word, in common/trees/mercredi.h too, so that the installed header needs no other
 * file; tests/lint.sh compares the two. */
#ifndef MRC_ERR_DEFINED
#define MRC_ERR_DEFINED
enum mrc_status {           /* 0 ok, negative = failed. Numbers are stable; the gaps are for later ones. */
    MRC_OK = 0,
    MRC_EINVAL = -1,        /* an argument is wrong */
    MRC_EFORMAT = -2,       /* input is malformed */
    MRC_EUNSUPPORTED = -3,  /* input is well-formed but asks for something this version does not do */
    MRC_ENOTFOUND = -10,    /* the named thing is absent */
    MRC_ECONFLICT = -11,    /* it exists already, or changed meanwhile */
    MRC_EDENIED = -12,      /* not allowed */
    MRC_ELIMIT = -20,       /* a ceiling: size, depth, count, rate */
    MRC_EBUSY = -21,        /* try again later */
    MRC_EIO = -30,          /* the system refused: disk, socket, permission */
    MRC_ENOMEM = -31,       /* no memory */
    MRC_EBUG = -40          /* an invariant of our own does not hold */
};
struct mrc_err {
    int code;               /* enum mrc_status, 0 when never set */
    uint32_t line, col;     /* position in a CSV, JSON or settings file, from 1; 0 = none */
    char msg[232];          /* one line, UTF-8, NUL-terminated, cut at a character boundary */
};
#endif

#if defined(__GNUC__)
#define MRC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MRC_CHECKED __attribute__((warn_unused_result))
#else
#define MRC_PRINTF(fmt, args)
#define MRC_CHECKED
#endif

/* Fill *e (when not NULL) with code and message, position 0:0. Returns code, so that `return mrc_fail(…)` reads well. */
int mrc_fail(struct mrc_err *e, int code, const char *fmt, ...) MRC_PRINTF(3, 4);

/* The same with a position (from 1; 0 = unknown). */
int mrc_fail_at(struct mrc_err *e, int code, uint32_t line, uint32_t col, const char *fmt, ...) MRC_PRINTF(5, 6);

/* mrc_fail with the system's text for errnum appended: "…: No space left on device". */
int mrc_fail_errno(struct mrc_err *e, int code, int errnum, const char *fmt, ...) MRC_PRINTF(4, 5);

/* Put "context: " before the message of a failed call; keeps code and position. Returns e's code (MRC_EBUG if e is NULL). */
int err_wrap(struct mrc_err *e, const char *fmt, ...) MRC_PRINTF(2, 3);
/* The same with "path:line:column: ", as far as the position is known, which moves into the text. */
int err_place(struct mrc_err *e, const char *path);

/* A short fixed name for a status: "invalid", "format", … never NULL. */
const char *err_name(int code);

/* Print "msg", or "line L, column C: msg" when there is a position, into buf (NUL-terminated, cut to size). */
void err_format(const struct mrc_err *e, char *buf, unsigned size);

/* Return early from a function that holds nothing. */
#define MRC_TRY(call)                                                                                                  \
    do {                                                                                                               \
        int rc_ = (call);                                                                                              \
        if (rc_ < 0) {                                                                                                 \
            return rc_;                                                                                                \
        }                                                                                                              \
    } while (0)

#endif

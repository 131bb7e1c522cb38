/* Settings: one table describes every option; parsing, ranges, --help, environment, file and print-config follow it.
 *
 * Order of precedence: default < file < environment < flag. An unknown key is an error with its line. Both programs and
 * each command of the trainer have a table of their own; values are read by the row's index, typed. */
#ifndef MRC_BASE_SETTINGS_H
#define MRC_BASE_SETTINGS_H

#include "common/base/text.h"

enum setting_type {
    SETTING_TEXT,     /* any UTF-8 text */
    SETTING_INT,      /* integer in [min, max] */
    SETTING_NUMBER,   /* finite number in [min, max] */
    SETTING_BOOL,     /* true/false, yes/no, on/off, 1/0; as a flag also without value, or --no-name */
    SETTING_BYTES,    /* integer with optional KiB, MiB, GiB (or K, M, G) */
    SETTING_DURATION, /* number with ms, s, min, h, d; stored in milliseconds; bare = seconds */
    SETTING_CHOICE,   /* one of `choices`, separated by '|' */
    SETTING_PATH      /* text; a relative path in a file is relative to that file's folder */
};

enum setting_flag {
    SETTING_SECRET = 1,     /* masked by print and in messages */
    SETTING_REQUIRED = 2,   /* no default: absence is an error */
    SETTING_FLAG_ONLY = 4,  /* command-line only: not in file or environment */
    SETTING_POSITIONAL = 8, /* filled by arguments without a flag, in table order; REQUIRED ones first */
    SETTING_HIDDEN = 16     /* accepted, not shown in help */
};

struct setting_spec {
    const char *name; /* snake_case; flag --snake-case, environment PREFIX_SNAKE_CASE, file key snake_case */
    enum setting_type type;
    const char *value; /* default as text; NULL = none (is_set false) */
    double min, max;   /* for INT, NUMBER, BYTES, DURATION (milliseconds); TEXT, PATH: length in bytes; both 0: any */
    const char *choices;
    unsigned flags;
    char letter;      /* short flag, 0 = none */
    const char *unit; /* for help: "bytes", "s"; may be NULL */
    const char *help; /* one sentence */
};

enum setting_origin { ORIGIN_NONE, ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_FLAG };

struct setting_value {
    enum setting_origin origin;
    struct str text; /* as given; NUL-terminated */
    int64_t integer; /* INT, BYTES, DURATION, BOOL, CHOICE (its index) */
    double number;   /* NUMBER (and INT) */
    uint32_t line;   /* in the file */
};

struct settings {
    const struct setting_spec *specs;
    size_t n;
    struct setting_value *values; /* [n] */
    struct arena arena;
};

/* Take the table (which must outlive s) and its defaults. A default that breaks its own rule is MRC_EBUG. */
int settings_init(struct settings *s, const struct setting_spec *specs, size_t n, struct mrc_err *err) MRC_CHECKED;
void settings_release(struct settings *s);

/* Read `key = value` lines; '#' begins a comment; blank lines; values may be quoted, a quote inside is doubled. A name
 * that stands twice is an error. Text values hold no control characters. */
int settings_file(struct settings *s, const char *path, struct mrc_err *err) MRC_CHECKED;
/* Read PREFIX_NAME variables; a variable with our prefix that is no setting is an error unless in `ignore`
 * (NULL-terminated list of full names, may be NULL). */
int settings_environment(struct settings *s, const char *prefix, char *const *environment, const char *const *ignore,
                         struct mrc_err *err) MRC_CHECKED;
/* Read flags: --name value, --name=value, -x value, --, positionals. */
int settings_arguments(struct settings *s, int argc, char *const *argv, struct mrc_err *err) MRC_CHECKED;
/* All REQUIRED ones set? */
int settings_check(const struct settings *s, struct mrc_err *err) MRC_CHECKED;
/* Set one by name from text, as a file would. */
int settings_set(struct settings *s, struct str name, struct str value, enum setting_origin origin, uint32_t line,
                 struct mrc_err *err) MRC_CHECKED;

bool setting_is_set(const struct settings *s, size_t i);
struct str setting_text(const struct settings *s, size_t i);
const char *setting_cstr(const struct settings *s, size_t i); /* NULL when not set */
int64_t setting_int(const struct settings *s, size_t i);
double setting_number(const struct settings *s, size_t i);
bool setting_bool(const struct settings *s, size_t i);

/* A bound in its type's largest even unit: "64MiB", "5min", "0.5". */
void settings_bound(enum setting_type type, double v, char out[NUMBER_TEXT_MAX + 4]);
/* Two columns: flag, unit, default, range, help; for --help. */
void settings_help(const struct setting_spec *specs, size_t n, struct buf *out);
/* name = value  # origin; secrets masked. */
void settings_print(const struct settings *s, struct buf *out);
/* A commented file with every setting at its default, for deploy/. */
void settings_example(const struct setting_spec *specs, size_t n, struct buf *out);

#endif

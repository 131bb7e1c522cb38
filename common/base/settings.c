/* Reading settings (settings.h): defaults, file, environment, flags; every value is parsed once, where it enters. */
#include "common/base/settings.h"

#include "common/base/file.h"
#include "common/base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 1 << 20 };

/* ---- values ---------------------------------------------------------------------------------------------------- */

struct unit {
    const char *name;
    double factor;
};
static const struct unit byte_units[] = {{"", 1},        {"B", 1},         {"K", 1024},         {"KiB", 1024},
                                         {"M", 1048576}, {"MiB", 1048576}, {"G", 1073741824.0}, {"GiB", 1073741824.0}};
static const struct unit time_units[] = {{"", 1000},     {"ms", 1},      {"s", 1000},
                                         {"min", 60000}, {"h", 3600000}, {"d", 86400000}};

/* A decimal number followed by one of the units; the value times the unit's factor. */
static bool parse_with_unit(struct str text, const struct unit *units, size_t n_units, double *out)
{
    size_t digits = 0;
    while (digits < text.n && ((text.p[digits] >= '0' && text.p[digits] <= '9') || text.p[digits] == '.')) {
        digits++;
    }
    double number;
    struct str unit = str_trim((struct str){text.p + digits, text.n - digits});
    if (!parse_double((struct str){text.p, digits}, &number)) {
        return false;
    }
    for (size_t i = 0; i < n_units; i++) {
        if (str_is(unit, units[i].name)) {
            *out = number * units[i].factor;
            return true;
        }
    }
    return false;
}

static bool parse_bool(struct str text, int64_t *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (int i = 0; i < 8; i++) {
        if (str_is(text, words[i])) {
            *out = i & 1;
            return true;
        }
    }
    return false;
}

static bool parse_choice(struct str text, const char *choices, int64_t *out)
{
    int64_t i = 0;
    for (const char *p = choices; *p != '\0'; i++) {
        size_t n = strcspn(p, "|");
        if (str_eq(text, (struct str){p, n})) {
            *out = i;
            return true;
        }
        p += n + (p[n] == '|');
    }
    return false;
}

static const char *type_hint(enum setting_type type)
{
    switch (type) {
    case SETTING_INT:
        return "an integer";
    case SETTING_NUMBER:
        return "a number";
    case SETTING_BOOL:
        return "true or false";
    case SETTING_BYTES:
        return "a size such as 64KiB or 1MiB";
    case SETTING_DURATION:
        return "a time such as 500ms, 30s, 5min, 2h or 7d";
    case SETTING_TEXT:
    case SETTING_CHOICE:
    case SETTING_PATH:
        break;
    }
    return "text";
}

/* A value in a message; that of a secret is not shown. */
static struct str shown(const struct setting_spec *spec, struct str text)
{
    return (spec->flags & SETTING_SECRET) != 0 ? STR("********") : text;
}

static int check_range(const struct setting_spec *spec, struct str text, double v, struct mrc_err *err)
{
    if ((spec->min == 0 && spec->max == 0) || (v >= spec->min && v <= spec->max)) {
        return MRC_OK;
    }
    char low[NUMBER_TEXT_MAX + 4], high[NUMBER_TEXT_MAX + 4];
    settings_bound(spec->type, spec->min, low);
    settings_bound(spec->type, spec->max, high);
    return mrc_fail(err, MRC_EINVAL, "%s: %.*s is outside %s to %s", spec->name, STR_ARG(shown(spec, text)), low, high);
}

/* One line of UTF-8: a control character could not be written back to a file. */
static int check_text(const struct setting_spec *spec, struct str text, struct mrc_err *err)
{
    if (utf8_valid(text) != text.n) {
        return mrc_fail(err, MRC_EINVAL, "%s: the text is not valid UTF-8", spec->name);
    }
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < ' ' || c == 0x7f) {
            return mrc_fail(err, MRC_EINVAL, "%s: control character 0x%02x in the text", spec->name, (unsigned)c);
        }
    }
    double n = (double)text.n;
    if (spec->max > 0 && (n > spec->max || n < spec->min)) {
        return mrc_fail(err, MRC_EINVAL, "%s: %zu bytes, allowed are %.0f to %.0f", spec->name, text.n, spec->min,
                        spec->max);
    }
    return MRC_OK;
}

/* Text → typed value. */
static int parse_value(const struct setting_spec *spec, struct str text, struct setting_value *v, struct mrc_err *err)
{
    bool ok = false;
    switch (spec->type) {
    case SETTING_TEXT:
    case SETTING_PATH:
        return check_text(spec, text, err);
    case SETTING_CHOICE:
        if (parse_choice(text, spec->choices, &v->integer)) {
            return MRC_OK;
        }
        return mrc_fail(err, MRC_EINVAL, "%s: \"%.*s\" is none of %s", spec->name, STR_ARG(shown(spec, text)),
                        spec->choices);
    case SETTING_BOOL:
        if (parse_bool(text, &v->integer)) {
            return MRC_OK;
        }
        break;
    case SETTING_INT:
        ok = parse_i64(text, &v->integer);
        v->number = (double)v->integer;
        break;
    case SETTING_NUMBER:
        ok = parse_double(text, &v->number) && isfinite(v->number);
        break;
    case SETTING_BYTES:
        ok = parse_with_unit(text, byte_units, sizeof byte_units / sizeof *byte_units, &v->number) &&
             v->number == floor(v->number) && v->number < 9e15;
        v->integer = ok ? (int64_t)v->number : 0;
        break;
    case SETTING_DURATION:
        ok = parse_with_unit(text, time_units, sizeof time_units / sizeof *time_units, &v->number) && v->number < 9e15;
        v->integer = ok ? (int64_t)llround(v->number) : 0;
        break;
    }
    if (!ok) {
        return mrc_fail(err, MRC_EINVAL, "%s: \"%.*s\" is not %s", spec->name, STR_ARG(shown(spec, text)),
                        type_hint(spec->type));
    }
    return check_range(spec, text, v->number, err);
}

static int assign(struct settings *s, size_t i, struct str text, enum setting_origin origin, uint32_t line,
                  struct mrc_err *err)
{
    struct setting_value v = {.origin = origin, .line = line};
    MRC_TRY(parse_value(&s->specs[i], text, &v, err));
    if (!str_copy(&s->arena, text, &v.text)) {
        return arena_fail(&s->arena, err);
    }
    s->values[i] = v;
    return MRC_OK;
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

int settings_init(struct settings *s, const struct setting_spec *specs, size_t n, struct mrc_err *err)
{
    *s = (struct settings){.specs = specs, .n = n};
    arena_init(&s->arena, 0);
    s->values = ARENA_ARRAY(&s->arena, n, struct setting_value);
    if (s->values == NULL) {
        return arena_fail(&s->arena, err);
    }
    for (size_t i = 0; i < n; i++) {
        if (specs[i].value != NULL && assign(s, i, str_of(specs[i].value), ORIGIN_DEFAULT, 0, err) < 0) {
            settings_release(s);
            return mrc_fail(err, MRC_EBUG, "the default of %s breaks its own rule: %s", specs[i].name, specs[i].value);
        }
    }
    return MRC_OK;
}

void settings_release(struct settings *s)
{
    arena_release(&s->arena);
    *s = (struct settings){.specs = NULL};
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Name as in the table; '-' counts as '_' and, for the environment, case does not count. SIZE_MAX: no such setting. */
static size_t find(const struct settings *s, struct str name, bool any_case)
{
    for (size_t i = 0; i < s->n; i++) {
        const char *want = s->specs[i].name;
        if (strlen(want) != name.n) {
            continue;
        }
        size_t k = 0;
        for (; k < name.n; k++) {
            char c = name.p[k] == '-' && !any_case ? '_' : name.p[k];
            if ((any_case ? lower(c) : c) != want[k]) {
                break;
            }
        }
        if (k == name.n) {
            return i;
        }
    }
    return SIZE_MAX;
}

enum { NAME_COMPARED_MAX = 48 };

/* Edits (a letter more, less, other) from a to b; '-', '_' and case do not count. Both at most NAME_COMPARED_MAX long.
 */
static size_t distance(struct str a, struct str b)
{
    size_t row[NAME_COMPARED_MAX + 1];
    for (size_t j = 0; j <= b.n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        char c = a.p[i - 1] == '-' ? '_' : lower(a.p[i - 1]);
        for (size_t j = 1; j <= b.n; j++) {
            size_t replace = diagonal + (c != b.p[j - 1]), least = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = least + 1 < replace ? least + 1 : replace;
        }
    }
    return row[b.n];
}

/* The setting that was probably meant, for "did you mean"; NULL when nothing is near. */
static const char *find_near(const struct settings *s, struct str name)
{
    const char *best = NULL;
    size_t least = name.n <= 4 ? 2 : 3; /* exclusive */
    for (size_t i = 0; i < s->n && name.n <= NAME_COMPARED_MAX; i++) {
        struct str candidate = str_of(s->specs[i].name);
        if ((s->specs[i].flags & (SETTING_HIDDEN | SETTING_POSITIONAL)) != 0 || candidate.n > NAME_COMPARED_MAX) {
            continue;
        }
        size_t d = distance(name, candidate);
        if (d < least) {
            least = d;
            best = candidate.p;
        }
    }
    return best;
}

static int fail_unknown(const struct settings *s, struct str name, struct mrc_err *err)
{
    const char *near = find_near(s, name);
    if (near != NULL) {
        return mrc_fail(err, MRC_EINVAL, "unknown setting \"%.*s\"; did you mean %s?", STR_ARG(name), near);
    }
    return mrc_fail(err, MRC_EINVAL, "unknown setting \"%.*s\"", STR_ARG(name));
}

int settings_set(struct settings *s, struct str name, struct str value, enum setting_origin origin, uint32_t line,
                 struct mrc_err *err)
{
    size_t i = find(s, name, false);
    if (i == SIZE_MAX) {
        return fail_unknown(s, name, err);
    }
    if ((s->specs[i].flags & SETTING_FLAG_ONLY) != 0 && origin != ORIGIN_FLAG) {
        return mrc_fail(err, MRC_EINVAL, "%s is a command-line flag only", s->specs[i].name);
    }
    return assign(s, i, value, origin, line, err);
}

/* "big_share" → "big-share". */
static void flag_name(const char *name, char *out, size_t size)
{
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < size; i++) {
        out[i] = name[i] == '_' ? '-' : name[i];
    }
    out[i] = '\0';
}

int settings_check(const struct settings *s, struct mrc_err *err)
{
    for (size_t i = 0; i < s->n; i++) {
        if ((s->specs[i].flags & SETTING_REQUIRED) != 0 && !setting_is_set(s, i)) {
            if ((s->specs[i].flags & SETTING_POSITIONAL) != 0) {
                return mrc_fail(err, MRC_EINVAL, "%s is missing", s->specs[i].name);
            }
            char flag[NAME_COMPARED_MAX + 1];
            flag_name(s->specs[i].name, flag, sizeof flag);
            return mrc_fail(err, MRC_EINVAL, "%s is missing: give --%s", s->specs[i].name, flag);
        }
    }
    return MRC_OK;
}

/* ---- file ------------------------------------------------------------------------------------------------------ */

/* The value of "key = value": up to a comment, or in quotes, where a doubled quote stands for one. */
static int file_value(struct settings *s, struct str rest, struct str *value, uint32_t line, struct mrc_err *err)
{
    rest = str_trim(rest);
    if (rest.n == 0 || rest.p[0] != '"') {
        const char *comment = rest.n == 0 ? NULL : memchr(rest.p, '#', rest.n);
        *value = str_trim((struct str){rest.p, comment == NULL ? rest.n : (size_t)(comment - rest.p)});
        return MRC_OK;
    }
    char *text = arena_alloc(&s->arena, rest.n, 1);
    if (text == NULL) {
        return arena_fail(&s->arena, err);
    }
    size_t n = 0, i = 1;
    while (i < rest.n && (rest.p[i] != '"' || (i + 1 < rest.n && rest.p[i + 1] == '"'))) {
        text[n++] = rest.p[i];
        i += rest.p[i] == '"' ? 2 : 1;
    }
    if (i >= rest.n) {
        return mrc_fail_at(err, MRC_EFORMAT, line, 0, "the quoted value does not end with its line");
    }
    struct str after = str_trim((struct str){rest.p + i + 1, rest.n - i - 1});
    if (after.n > 0 && after.p[0] != '#') {
        return mrc_fail_at(err, MRC_EFORMAT, line, 0, "\"%.*s\" stands behind the quoted value", STR_ARG(after));
    }
    *value = (struct str){text, n};
    return MRC_OK;
}

/* A relative path in a file is relative to the file's folder. */
static int file_path(struct settings *s, const char *file, struct str name, struct str *value, struct mrc_err *err)
{
    size_t i = find(s, name, false);
    const char *slash = strrchr(file, '/');
    bool relative = value->n > 0 && value->p[0] != '/' && !str_is(*value, "-"); /* "-" is a standard stream */
    if (i == SIZE_MAX || s->specs[i].type != SETTING_PATH || !relative || slash == NULL) {
        return MRC_OK;
    }
    struct buf joined;
    buf_init(&joined, &s->arena, 1 << 16);
    buf_add(&joined, file, (size_t)(slash - file) + 1);
    buf_str(&joined, *value);
    MRC_TRY(buf_ok(&joined, err));
    *value = buf_text(&joined);
    return MRC_OK;
}

/* seen: for each setting the line that set it, 0 = none yet. */
static int file_line(struct settings *s, const char *path, struct str text, uint32_t line, uint32_t *seen,
                     struct mrc_err *err)
{
    text = str_trim(text);
    if (text.n == 0 || text.p[0] == '#') {
        return MRC_OK;
    }
    const char *equals = memchr(text.p, '=', text.n);
    if (equals == NULL) {
        return mrc_fail_at(err, MRC_EFORMAT, line, 0, "\"%.*s\" is not of the form: name = value", STR_ARG(text));
    }
    struct str name = str_trim((struct str){text.p, (size_t)(equals - text.p)});
    struct str value = {.p = NULL};
    MRC_TRY(file_value(s, (struct str){equals + 1, text.n - (size_t)(equals + 1 - text.p)}, &value, line, err));
    MRC_TRY(file_path(s, path, name, &value, err));
    size_t i = find(s, name, false);
    int rc;
    if (i != SIZE_MAX && seen[i] != 0) {
        rc = mrc_fail(err, MRC_EINVAL, "%s is set twice, first on line %u", s->specs[i].name, (unsigned)seen[i]);
    } else {
        rc = settings_set(s, name, value, ORIGIN_FILE, line, err);
    }
    if (rc < 0 && err != NULL) {
        err->line = line;
    } else if (i != SIZE_MAX) {
        seen[i] = line;
    }
    return rc;
}

int settings_file(struct settings *s, const char *path, struct mrc_err *err)
{
    char *text;
    size_t n;
    uint32_t *seen = ARENA_ARRAY(&s->arena, s->n, uint32_t);
    if (seen == NULL) {
        return arena_fail(&s->arena, err);
    }
    MRC_TRY(file_read(path, FILE_MAX_BYTES, &text, &n, err));
    int rc = MRC_OK;
    uint32_t line = 1;
    size_t at = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a byte-order mark */
    for (; rc == MRC_OK && at < n; line++) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end == NULL ? n - at : (size_t)(end - text) - at;
        rc = file_line(s, path, (struct str){text + at, length}, line, seen, err);
        at += length + 1;
    }
    free(text);
    if (rc < 0) {
        err_wrap(err, "%s", path);
    }
    return rc;
}

/* ---- environment ----------------------------------------------------------------------------------------------- */

static bool listed(const char *const *list, struct str name)
{
    for (; list != NULL && *list != NULL; list++) {
        if (str_is(name, *list)) {
            return true;
        }
    }
    return false;
}

int settings_environment(struct settings *s, const char *prefix, char *const *environment, const char *const *ignore,
                         struct mrc_err *err)
{
    size_t n_prefix = strlen(prefix);
    for (; environment != NULL && *environment != NULL; environment++) {
        const char *equals = strchr(*environment, '=');
        if (equals == NULL || strncmp(*environment, prefix, n_prefix) != 0) {
            continue;
        }
        struct str full = {*environment, (size_t)(equals - *environment)};
        if (listed(ignore, full)) {
            continue;
        }
        size_t i = find(s, (struct str){full.p + n_prefix, full.n - n_prefix}, true);
        if (i == SIZE_MAX || (s->specs[i].flags & SETTING_FLAG_ONLY) != 0) {
            return mrc_fail(err, MRC_EINVAL, "environment: %.*s names no setting", STR_ARG(full));
        }
        int rc = assign(s, i, str_of(equals + 1), ORIGIN_ENVIRONMENT, 0, err);
        if (rc < 0) {
            err_wrap(err, "environment %.*s", STR_ARG(full));
            return rc;
        }
    }
    return MRC_OK;
}

/* ---- flags ----------------------------------------------------------------------------------------------------- */

static size_t find_letter(const struct settings *s, char letter)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->specs[i].letter != 0 && s->specs[i].letter == letter) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* --name, --name=value, --no-name, -x: which setting, and its value when it stands in the same argument. */
static size_t find_flag(const struct settings *s, const char *arg, struct str *value, bool *has_value)
{
    *has_value = false;
    if (arg[1] != '-') {
        *has_value = arg[2] != '\0';
        *value = str_of(arg + 2);
        return find_letter(s, arg[1]);
    }
    size_t n = strcspn(arg + 2, "=");
    struct str name = {arg + 2, n};
    size_t i = find(s, name, false);
    if (arg[2 + n] == '=') {
        *has_value = true;
        *value = str_of(arg + 3 + n);
    } else if (i == SIZE_MAX && str_starts(name, "no-")) {
        i = find(s, (struct str){name.p + 3, name.n - 3}, false);
        if (i != SIZE_MAX && s->specs[i].type != SETTING_BOOL) {
            return SIZE_MAX;
        }
        *has_value = true;
        *value = STR("false");
    }
    return i;
}

static size_t next_positional(const struct settings *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if ((s->specs[i].flags & SETTING_POSITIONAL) != 0 && s->values[i].origin != ORIGIN_FLAG) {
            return i;
        }
    }
    return SIZE_MAX;
}

static int fail_option(const struct settings *s, const char *arg, struct mrc_err *err)
{
    int n = (int)strcspn(arg, "=");
    const char *near = arg[1] == '-' ? find_near(s, (struct str){arg + 2, (size_t)n - 2}) : NULL;
    if (near != NULL) {
        char flag[NAME_COMPARED_MAX + 1];
        flag_name(near, flag, sizeof flag);
        return mrc_fail(err, MRC_EINVAL, "unknown option %.*s; did you mean --%s?", n, arg, flag);
    }
    return mrc_fail(err, MRC_EINVAL, "unknown option %.*s; --help lists them", n, arg);
}

int settings_arguments(struct settings *s, int argc, char *const *argv, struct mrc_err *err)
{
    bool only_positional = false;
    for (int a = 0; a < argc; a++) {
        const char *arg = argv[a];
        if (!only_positional && strcmp(arg, "--") == 0) {
            only_positional = true;
            continue;
        }
        if (only_positional || arg[0] != '-' || arg[1] == '\0') {
            size_t i = next_positional(s);
            if (i == SIZE_MAX) {
                return mrc_fail(err, MRC_EINVAL, "unexpected argument \"%s\"", arg);
            }
            MRC_TRY(assign(s, i, str_of(arg), ORIGIN_FLAG, 0, err));
            continue;
        }
        struct str value = {.p = NULL};
        bool has_value;
        size_t i = find_flag(s, arg, &value, &has_value);
        if (i == SIZE_MAX) {
            return fail_option(s, arg, err);
        }
        if (!has_value && s->specs[i].type == SETTING_BOOL) {
            value = STR("true");
        } else if (!has_value) {
            if (++a == argc) {
                return mrc_fail(err, MRC_EINVAL, "%s needs a value: %s", arg, type_hint(s->specs[i].type));
            }
            value = str_of(argv[a]);
        }
        MRC_TRY(assign(s, i, value, ORIGIN_FLAG, 0, err));
    }
    return MRC_OK;
}

/* ---- access ---------------------------------------------------------------------------------------------------- */

bool setting_is_set(const struct settings *s, size_t i)
{
    return s->values[i].origin != ORIGIN_NONE;
}

struct str setting_text(const struct settings *s, size_t i)
{
    return s->values[i].text;
}

const char *setting_cstr(const struct settings *s, size_t i)
{
    return setting_is_set(s, i) ? s->values[i].text.p : NULL;
}

int64_t setting_int(const struct settings *s, size_t i)
{
    return s->values[i].integer;
}

double setting_number(const struct settings *s, size_t i)
{
    return s->values[i].number;
}

bool setting_bool(const struct settings *s, size_t i)
{
    return s->values[i].integer != 0;
}

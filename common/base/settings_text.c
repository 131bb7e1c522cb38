/* The settings table as text (settings.h): --help, print-config, and the example file of deploy/. */
#include "common/base/number.h"
#include "common/base/settings.h"

#include <math.h>
#include <string.h>

enum { HELP_COLUMN = 30, HELP_WIDTH = 100 };

static const char *const type_words[] = {
    [SETTING_TEXT] = "TEXT",   [SETTING_INT] = "N",         [SETTING_NUMBER] = "X",      [SETTING_BOOL] = "",
    [SETTING_BYTES] = "BYTES", [SETTING_DURATION] = "TIME", [SETTING_CHOICE] = "CHOICE", [SETTING_PATH] = "PATH"};

void settings_bound(enum setting_type type, double v, char out[NUMBER_TEXT_MAX + 4])
{
    static const struct {
        double factor;
        const char *unit;
    } bytes[] = {{1073741824, "GiB"}, {1048576, "MiB"}, {1024, "KiB"}, {1, ""}},
      times[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;
    const char *unit = "";
    if (type == SETTING_BYTES) {
        while (i < 3 && (v < bytes[i].factor || fmod(v, bytes[i].factor) != 0)) {
            i++;
        }
        v /= bytes[i].factor;
        unit = bytes[i].unit;
    } else if (type == SETTING_DURATION) {
        while (i < 4 && (v < times[i].factor || fmod(v, times[i].factor) != 0)) {
            i++;
        }
        i = v == 0 ? 3 : i;
        v /= times[i].factor;
        unit = times[i].unit;
    }
    size_t n = format_double(v, out);
    memcpy(out + n, unit, strlen(unit) + 1);
}

static void pad(struct buf *out, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        buf_char(out, ' ');
    }
}

static void put_flag_name(struct buf *out, const char *name)
{
    for (; *name != '\0'; name++) {
        buf_char(out, *name == '_' ? '-' : *name);
    }
}

static bool has_range(const struct setting_spec *spec)
{
    bool numeric = spec->type == SETTING_INT || spec->type == SETTING_NUMBER || spec->type == SETTING_BYTES ||
                   spec->type == SETTING_DURATION;
    return numeric && (spec->min != 0 || spec->max != 0);
}

/* "default 5, 1 to 100", "required", … */
static void put_rule(struct buf *out, const struct setting_spec *spec)
{
    const char *comma = "";
    if ((spec->flags & SETTING_REQUIRED) != 0) {
        buf_puts(out, "required");
        comma = ", ";
    } else if (spec->value != NULL && spec->value[0] != '\0') {
        buf_printf(out, "default %s", spec->value);
        comma = ", ";
    }
    if (spec->type == SETTING_CHOICE) {
        buf_printf(out, "%sone of %s", comma, spec->choices);
        comma = ", ";
    }
    if (has_range(spec)) {
        char low[NUMBER_TEXT_MAX + 4], high[NUMBER_TEXT_MAX + 4];
        settings_bound(spec->type, spec->min, low);
        settings_bound(spec->type, spec->max, high);
        buf_printf(out, "%s%s to %s", comma, low, high);
        comma = ", ";
    }
    if (spec->unit != NULL && spec->unit[0] != '\0') {
        buf_printf(out, "%s%s", comma, spec->unit);
    }
}

/* "Help (rule)" for wrapping. The caller releases out. */
static void put_sentence(struct buf *out, const struct setting_spec *spec)
{
    struct buf rule;
    buf_init(out, NULL, 1 << 16);
    buf_init(&rule, NULL, 1 << 16);
    put_rule(&rule, spec);
    buf_puts(out, spec->help);
    if (rule.n > 0) {
        buf_puts(out, " (");
        buf_str(out, buf_text(&rule));
        buf_char(out, ')');
    }
    buf_release(&rule);
}

/* Words of text, each line after `margin`, wrapped at HELP_WIDTH; the first margin is written already. */
static void put_wrapped(struct buf *out, struct str text, const char *margin)
{
    size_t start = strlen(margin), column = start;
    while (text.n > 0) {
        const char *blank = memchr(text.p, ' ', text.n);
        struct str word = {text.p, blank == NULL ? text.n : (size_t)(blank - text.p)};
        size_t width = utf8_length(word);
        if (column > start && column + 1 + width > HELP_WIDTH) {
            buf_char(out, '\n');
            buf_puts(out, margin);
            column = start;
        } else if (column > start) {
            buf_char(out, ' ');
            column++;
        }
        buf_str(out, word);
        column += width;
        text.p += word.n + (blank != NULL);
        text.n -= word.n + (blank != NULL);
    }
    buf_char(out, '\n');
}

/* The left column: "-n, --name TEXT", "--[no-]flag", "INPUT". */
static void put_flag(const struct setting_spec *spec, struct buf *out)
{
    if ((spec->flags & SETTING_POSITIONAL) != 0) {
        for (const char *p = spec->name; *p != '\0'; p++) {
            buf_char(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
        }
        return;
    }
    if (spec->letter != 0) {
        buf_printf(out, "-%c, ", spec->letter);
    }
    bool starts_true = spec->type == SETTING_BOOL && spec->value != NULL &&
                       (strcmp(spec->value, "true") == 0 || strcmp(spec->value, "yes") == 0 ||
                        strcmp(spec->value, "on") == 0 || strcmp(spec->value, "1") == 0);
    buf_puts(out, starts_true ? "--[no-]" : "--");
    put_flag_name(out, spec->name);
    if (type_words[spec->type][0] != '\0') {
        buf_printf(out, " %s", type_words[spec->type]);
    }
}

static void put_help(const struct setting_spec *spec, struct buf *out)
{
    static const char margin[HELP_COLUMN + 1] = "                              ";
    size_t from = out->n;
    buf_puts(out, "  ");
    put_flag(spec, out);
    size_t column = out->n - from;
    if (column + 2 > HELP_COLUMN) {
        buf_char(out, '\n');
        column = 0;
    }
    pad(out, column, HELP_COLUMN);
    struct buf sentence;
    put_sentence(&sentence, spec);
    put_wrapped(out, buf_text(&sentence), margin);
    buf_release(&sentence);
}

void settings_help(const struct setting_spec *specs, size_t n, struct buf *out)
{
    for (int positional = 1; positional >= 0; positional--) {
        for (size_t i = 0; i < n; i++) {
            bool is_positional = (specs[i].flags & SETTING_POSITIONAL) != 0;
            if ((specs[i].flags & SETTING_HIDDEN) == 0 && is_positional == (positional != 0)) {
                put_help(&specs[i], out);
            }
        }
    }
}

static const char *origin_name(enum setting_origin origin)
{
    static const char *const names[] = {"not set", "default", "file", "environment", "flag"};
    return names[origin];
}

/* As settings_file reads it back. */
static void put_value(struct buf *out, struct str v)
{
    bool quote = v.n == 0 || memchr(v.p, '#', v.n) != NULL || v.p[0] == '"' || str_trim(v).n != v.n;
    if (!quote) {
        buf_str(out, v);
        return;
    }
    buf_char(out, '"');
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == '"') {
            buf_char(out, '"');
        }
        buf_char(out, v.p[i]);
    }
    buf_char(out, '"');
}

void settings_print(const struct settings *s, struct buf *out)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct setting_value *v = &s->values[i];
        if ((s->specs[i].flags & SETTING_FLAG_ONLY) != 0) {
            continue;
        }
        if (v->origin == ORIGIN_NONE) {
            buf_printf(out, "# %s is not set\n", s->specs[i].name);
            continue;
        }
        buf_printf(out, "%s = ", s->specs[i].name);
        if ((s->specs[i].flags & SETTING_SECRET) != 0 && v->text.n > 0) {
            buf_puts(out, "********");
        } else {
            put_value(out, v->text);
        }
        buf_printf(out, "  # %s", origin_name(v->origin));
        if (v->line > 0) {
            buf_printf(out, ", line %u", v->line);
        }
        buf_char(out, '\n');
    }
}

void settings_example(const struct setting_spec *specs, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if ((specs[i].flags & (SETTING_FLAG_ONLY | SETTING_HIDDEN | SETTING_POSITIONAL)) != 0) {
            continue;
        }
        struct buf sentence;
        put_sentence(&sentence, &specs[i]);
        buf_puts(out, "# ");
        put_wrapped(out, buf_text(&sentence), "# ");
        buf_release(&sentence);
        buf_printf(out, "# %s =", specs[i].name);
        if (specs[i].value != NULL) {
            buf_char(out, ' ');
            put_value(out, str_of(specs[i].value));
        }
        buf_puts(out, "\n\n");
    }
}

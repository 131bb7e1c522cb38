/* The settings table as text (settings.h): --help, print-config, and the example file of deploy/. */
#include "common/base/number.h"
#include "common/base/settings.h"

#include <string.h>

enum { HELP_COLUMN = 30, HELP_WIDTH = 100 };

static const char *const type_words[] = {
    [SETTING_TEXT] = "TEXT",   [SETTING_INT] = "N",         [SETTING_NUMBER] = "X",      [SETTING_BOOL] = "",
    [SETTING_BYTES] = "BYTES", [SETTING_DURATION] = "TIME", [SETTING_CHOICE] = "CHOICE", [SETTING_PATH] = "PATH"};

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
    bool ranged = spec->type == SETTING_INT || spec->type == SETTING_NUMBER || spec->type == SETTING_BYTES;
    if (ranged) {
        buf_puts(out, comma);
        buf_double(out, spec->min);
        buf_puts(out, " to ");
        buf_double(out, spec->max);
        comma = ", ";
    }
    if (spec->unit != NULL && spec->unit[0] != '\0') {
        buf_printf(out, "%s%s", comma, spec->unit);
    }
}

/* Words of text from column HELP_COLUMN on, wrapped at HELP_WIDTH; the line is at `column` now. */
static void put_wrapped(struct buf *out, struct str text, size_t column)
{
    if (column + 2 > HELP_COLUMN) {
        buf_char(out, '\n');
        column = 0;
    }
    pad(out, column, HELP_COLUMN);
    column = HELP_COLUMN;
    while (text.n > 0) {
        const char *blank = memchr(text.p, ' ', text.n);
        size_t n = blank == NULL ? text.n : (size_t)(blank - text.p);
        if (column > HELP_COLUMN && column + 1 + n > HELP_WIDTH) {
            buf_char(out, '\n');
            pad(out, 0, HELP_COLUMN);
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            buf_char(out, ' ');
            column++;
        }
        buf_add(out, text.p, n);
        column += n;
        text.p += n + (blank != NULL);
        text.n -= n + (blank != NULL);
    }
    buf_char(out, '\n');
}

static void put_help(const struct setting_spec *spec, struct buf *out)
{
    size_t from = out->n;
    buf_puts(out, "  ");
    if ((spec->flags & SETTING_POSITIONAL) != 0) {
        for (const char *p = spec->name; *p != '\0'; p++) {
            buf_char(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
        }
    } else {
        if (spec->letter != 0) {
            buf_printf(out, "-%c, ", spec->letter);
        }
        buf_puts(out, "--");
        put_flag_name(out, spec->name);
        if (type_words[spec->type][0] != '\0') {
            buf_printf(out, " %s", type_words[spec->type]);
        }
    }
    size_t column = out->n - from;
    struct buf text;
    buf_init(&text, NULL, 1 << 16);
    buf_puts(&text, spec->help);
    size_t before = text.n;
    buf_puts(&text, " (");
    put_rule(&text, spec);
    if (text.n == before + 2) {
        text.n = before;
    } else {
        buf_char(&text, ')');
    }
    put_wrapped(out, buf_text(&text), column);
    buf_release(&text);
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

static void put_value(struct buf *out, struct str v)
{
    bool quote = v.n == 0 || memchr(v.p, '#', v.n) != NULL || v.p[0] == ' ' || v.p[v.n - 1] == ' ';
    buf_printf(out, quote ? "\"%.*s\"" : "%.*s", STR_ARG(v));
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
        buf_printf(out, "# %s", specs[i].help);
        size_t before = out->n;
        buf_puts(out, " (");
        put_rule(out, &specs[i]);
        if (out->n == before + 2) {
            out->n = before;
        } else {
            buf_char(out, ')');
        }
        buf_printf(out, "\n# %s = ", specs[i].name);
        put_value(out, str_of(specs[i].value));
        buf_puts(out, "\n\n");
    }
}

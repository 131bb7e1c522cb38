/* schema: the data dictionary, from the same schema.json that validates every film. */
#include "common/base/file.h"
#include "common/forecast/bundle.h"
#include "train/command.h"

#include <stdlib.h>
#include <unistd.h>

enum { SCHEMA_MAX = 16 << 20, VALUES_SHOWN = 40 };

enum option { MARKDOWN, JSON, SCHEMA, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [MARKDOWN] = {"markdown", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL, "As a table in Markdown (the default)"},
    [JSON] = {"json", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL, "The schema itself"},
    [SCHEMA] = {"schema", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                "schema.json or bundle folder; without it the one this program came with"},
};

static const char *known_text(enum field_known k)
{
    switch (k) {
    case KNOWN_BEFORE:
        return "weeks before";
    case KNOWN_NEAR:
        return "days before";
    default:
        return "after";
    }
}

/* A cell of a Markdown table: no bars, no line ends. */
static void put_cell(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '|') {
            buf_puts(b, "\\|");
        } else {
            buf_char(b, s.p[i] == '\n' || s.p[i] == '\r' ? ' ' : s.p[i]);
        }
    }
}

static void put_rule(struct buf *b, const struct field *f)
{
    const char *gap = "";
    if (f->has_min) {
        buf_puts(b, f->exclusive_min ? "> " : ">= ");
        buf_double(b, f->min);
        gap = ", ";
    }
    if (f->has_max) {
        buf_printf(b, "%s<= ", gap);
        buf_double(b, f->max);
        gap = ", ";
    }
    if (f->type == FIELD_LIST) {
        buf_printf(b, "%sat most %u items", gap, f->items_max);
        gap = ", ";
    }
    if (f->length_max > 0 && (f->type == FIELD_TEXT || f->type == FIELD_CATEGORY || f->type == FIELD_LIST)) {
        buf_printf(b, "%s%sat most %u characters", gap, f->type == FIELD_LIST ? "each " : "", f->length_max);
        gap = ", ";
    }
    if (f->n_values > 0) {
        buf_printf(b, "%s%s", gap, f->closed ? "one of: " : "suggested: ");
        for (uint32_t i = 0; i < f->n_values && i < VALUES_SHOWN; i++) {
            buf_puts(b, i ? ", " : "");
            put_cell(b, f->values[i].value);
        }
        if (f->n_values > VALUES_SHOWN) {
            buf_printf(b, " and %u more", f->n_values - VALUES_SHOWN);
        }
    }
}

static void put_markdown(struct buf *b, const struct schema *s)
{
    buf_printf(b, "# Fields of %.*s, version %lld\n\n", STR_ARG(schema_name(s)), (long long)schema_version(s));
    buf_puts(b,
             "In a CSV: UTF-8, comma, header with these names in any order, empty = unknown, list items separated by "
             "`|`.\n\n");
    buf_puts(b, "| field | type | unit | required | known | rule | example | meaning |\n");
    buf_puts(b, "|---|---|---|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < schema_count(s); i++) {
        const struct field *f = schema_field(s, i);
        buf_printf(b, "| `%.*s` | %s | ", STR_ARG(f->name), field_type_name(f->type));
        put_cell(b, f->unit);
        buf_printf(b, " | %s | %s%s | ", f->required ? "yes" : "", known_text(f->known),
                   schema_target(s) == (int64_t)i ? " (target)" : "");
        put_rule(b, f);
        buf_puts(b, " | `");
        put_cell(b, f->example);
        buf_puts(b, "` | ");
        put_cell(b, f->help_en.n ? f->help_en : f->label_en);
        buf_puts(b, " |\n");
    }
}

static int print_schema(const struct schema *sc, bool json, struct mrc_err *err)
{
    struct buf b;
    buf_init(&b, NULL, SCHEMA_MAX);
    if (json) {
        struct str source = schema_source(sc);
        buf_str(&b, source);
        if (source.n == 0 || source.p[source.n - 1] != '\n') {
            buf_char(&b, '\n');
        }
    } else {
        put_markdown(&b, sc);
    }
    int rc = buf_ok(&b, err);
    if (rc == MRC_OK) {
        rc = file_write_fd(STDOUT_FILENO, buf_text(&b), err);
    }
    buf_release(&b);
    return rc;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    if (setting_bool(s, MARKDOWN) && setting_bool(s, JSON)) {
        return mrc_fail(err, MRC_EINVAL, "--markdown or --json, not both");
    }
    struct arena a;
    arena_init(&a, 0);
    char *path = NULL;
    int rc = MRC_OK;
    if (!setting_is_set(s, SCHEMA)) {
        rc = command_data_file("schema.json", &a, &path, err);
    } else {
        const char *given = setting_cstr(s, SCHEMA);
        path = path_join(&a, given, file_is_folder(given) ? "schema.json" : "");
        if (path && !file_is_folder(given)) {
            path = arena_copy(&a, given, setting_text(s, SCHEMA).n);
        }
        rc = path ? MRC_OK : arena_fail(&a, err);
    }
    char *text = NULL;
    size_t n = 0;
    if (rc == MRC_OK) {
        rc = file_read(path, SCHEMA_MAX, &text, &n, err);
    }
    if (rc == MRC_OK) {
        struct schema *sc = NULL;
        rc = schema_read(&sc, (struct str){text, n}, err);
        if (rc < 0) {
            rc = command_where(err, path);
        } else {
            rc = print_schema(sc, setting_bool(s, JSON), err);
            schema_free(sc);
        }
    }
    free(text);
    arena_release(&a);
    return rc;
}

int cmd_schema(int argc, char **argv)
{
    static const struct command command = {"schema",
                                           "[--markdown|--json] [--schema FILE|BUNDLE]",
                                           "Every field of a film: type, range, when it is known, example and meaning.",
                                           options,
                                           OPTION__COUNT,
                                           run};
    return command_run(&command, argc, argv);
}

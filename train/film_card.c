/* report.md: the model's card, from report.json. */
#include "train/film_report.h"

static void number(struct buf *b, const struct json *object, const char *key)
{
    double v;
    if (object && json_type(object) == JSON_OBJECT && json_get_double(object, key, &v, NULL) == MRC_OK) {
        buf_double(b, v);
    } else {
        buf_puts(b, "-");
    }
}

static struct str text(const struct json *object, const char *key)
{
    struct str s;
    return json_get_str(object, key, &s, NULL) == MRC_OK ? s : STR("-");
}

static void groups(struct buf *b, const struct json *model, const char *key, const char *title)
{
    const struct json *list;
    if (json_get(model, key, JSON_ARRAY, &list, NULL) < 0 || json_count(list) == 0) {
        return;
    }
    buf_printf(b, "\n%s:\n\n| | films | R2 | RMSE | bias | within a factor of 2 |\n|---|---|---|---|---|---|\n", title);
    for (const struct json *g = json_first(list); g; g = json_next(g)) {
        struct str name = text(g, "group");
        buf_printf(b, "| %.*s | ", STR_ARG(name));
        static const char *const keys[] = {"films", "r2", "rmse_log10", "bias_log10", "within_2"};
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            number(b, g, keys[i]);
            buf_puts(b, i + 1 < sizeof(keys) / sizeof(keys[0]) ? " | " : " |\n");
        }
    }
}

static void model_card(struct buf *b, const struct json *model)
{
    const struct json *all = json_find(model, "all"), *list;
    struct str name = json_key(model), first = text(model, "first_release"), last = text(model, "last_release");
    buf_printf(b, "\n## Model `%.*s`\n\n", STR_ARG(name));
    number(b, model, "trees");
    buf_puts(b, " trees, learnt from ");
    number(b, model, "films");
    buf_printf(b, " films released from %.*s to %.*s. Judged on ", STR_ARG(first), STR_ARG(last));
    number(b, all, "films");
    buf_puts(b, " later films by models that had not seen them (log10 of the first week): R2 ");
    number(b, all, "r2");
    if (all && json_find(all, "r2_per_screen")) {
        buf_puts(b, " (per cinema ");
        number(b, all, "r2_per_screen");
        buf_puts(b, ")");
    }
    buf_puts(b, ", RMSE ");
    number(b, all, "rmse_log10");
    buf_puts(b, ", bias ");
    number(b, all, "bias_log10");
    buf_puts(b, ".\n");
    if (json_get(model, "intervals", JSON_ARRAY, &list, NULL) == MRC_OK) {
        for (const struct json *x = json_first(list); x; x = json_next(x)) {
            buf_puts(b, x == json_first(list) ? "\nIntervals of level " : ", of ");
            number(b, x, "level");
            buf_puts(b, " held ");
            number(b, x, "held");
            buf_puts(b, json_next(x) ? "" : " of the newest films.\n");
        }
    }
    if (json_get(model, "importance", JSON_ARRAY, &list, NULL) == MRC_OK) {
        buf_puts(b, "\nWhat counts, per cent: ");
        for (const struct json *x = json_first(list); x; x = json_next(x)) {
            struct str field = text(x, "field");
            buf_printf(b, "%s%.*s ", x == json_first(list) ? "" : ", ", STR_ARG(field));
            number(b, x, "percent");
        }
        buf_puts(b, ".\n");
    }
    groups(b, model, "by_forecast", "By size of the forecast");
    groups(b, model, "by_year", "By year");
    groups(b, model, "by_genre", "By main genre");
}

int film_report_card(struct str report, struct buf *out, struct mrc_err *err)
{
    struct json_doc *doc;
    const struct json *models;
    MRC_TRY(json_read(&doc, report, &json_limits_file, NULL, err));
    const struct json *root = json_root(doc);
    int rc = json_get(root, "models", JSON_OBJECT, &models, err);
    if (rc == MRC_OK) {
        struct str name = text(root, "name"), version = text(root, "version"), kind = text(root, "kind");
        buf_printf(out, "# %.*s %.*s\n\n", STR_ARG(name), STR_ARG(version));
        buf_printf(
            out,
            "Forecasts the tickets that a film sells in its first week in French cinemas, weeks ahead or when its\n"
            "cinemas are known. Kind of bundle: %.*s.\n\n"
            "Meant for planning screens and staff by people who know the film; not for judging people, and not\n"
            "for films that open in few special venues.\n",
            STR_ARG(kind));
        for (const struct json *m = json_first(models); m; m = json_next(m)) {
            model_card(out, m);
        }
        const struct json *unknown = json_find(root, "cannot_know");
        buf_puts(out, "\n## What it cannot know\n\n");
        for (const struct json *x = unknown ? json_first(unknown) : NULL; x; x = json_next(x)) {
            struct str s;
            if (json_str(x, &s)) {
                buf_printf(out, "- %.*s\n", STR_ARG(s));
            }
        }
    }
    json_free(doc);
    return rc < 0 ? rc : buf_ok(out, err);
}

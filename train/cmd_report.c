/* report: one page of a bundle's report, by itself in a file. */
#include "common/base/file.h"
#include "common/forecast/bundle.h"
#include "train/command.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 64 << 20, SCRIPT_MAX = 8 << 20 };

enum option { HTML, CHARTS, PATH, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [HTML] = {"html", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'o', NULL, "Page to write; - is stdout"},
    [CHARTS] = {"charts", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                "echarts.min.js to draw with; without it the installed one, and without that the page has tables"},
    [PATH] = {"model", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED | SETTING_POSITIONAL, 0, NULL,
              "Bundle folder"},
};

static int read_text(const char *path, size_t most, struct arena *a, struct str *out, struct mrc_err *err)
{
    char *text;
    size_t n;
    MRC_TRY(file_read(path, most, &text, &n, err));
    bool copied = str_copy(a, (struct str){text, n}, out);
    free(text);
    return copied ? MRC_OK : arena_fail(a, err);
}

/* The library, or an empty text. */
static int find_charts(const struct settings *s, const char *template_path, struct arena *a, struct str *out,
                       struct mrc_err *err)
{
    static const char *const places[] = {"../build/web/node_modules/echarts/dist/echarts.min.js",
                                         "../www/vendor/echarts/echarts.min.js"};
    *out = STR("");
    if (setting_is_set(s, CHARTS)) {
        return read_text(setting_cstr(s, CHARTS), SCRIPT_MAX, a, out, err);
    }
    const char *slash = strrchr(template_path, '/');
    size_t folder = slash ? (size_t)(slash - template_path) : 0;
    for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
        char *dir = arena_copy(a, template_path, folder), *path = dir ? path_join(a, dir, places[i]) : NULL;
        if (!path) {
            return arena_fail(a, err);
        }
        if (file_exists(path)) {
            return read_text(path, SCRIPT_MAX, a, out, err);
        }
    }
    return MRC_OK;
}

/* JSON inside a script element: no '<' can end it. */
static void put_json(struct buf *b, struct str json)
{
    for (size_t i = 0; i < json.n; i++) {
        if (json.p[i] == '<') {
            buf_puts(b, "\\u003c");
        } else {
            buf_char(b, json.p[i]);
        }
    }
}

/* The template with its two marks replaced. */
static int put_page(struct str page, struct str report, struct str charts, struct buf *out, struct mrc_err *err)
{
    static const char report_mark[] = "@REPORT@", charts_mark[] = "/*@CHARTS@*/";
    for (size_t i = 0; i < page.n;) {
        struct str rest = {page.p + i, page.n - i};
        if (str_starts(rest, report_mark)) {
            put_json(out, report);
            i += sizeof(report_mark) - 1;
        } else if (str_starts(rest, charts_mark)) {
            buf_str(out, charts);
            i += sizeof(charts_mark) - 1;
        } else {
            buf_char(out, page.p[i++]);
        }
    }
    return buf_ok(out, err);
}

static int run_in(const struct settings *s, struct arena *a, struct mrc_err *err)
{
    struct bundle *b;
    struct buf out;
    struct str page, report, charts;
    char *template_path;
    MRC_TRY(command_data_file("report.html", a, &template_path, err));
    MRC_TRY(bundle_open_unchecked(&b, setting_cstr(s, PATH), err));
    bundle_close(b); /* its digests are right */
    char *path = path_join(a, setting_cstr(s, PATH), "report.json");
    if (!path) {
        return arena_fail(a, err);
    }
    if (!file_exists(path)) {
        return mrc_fail(err, MRC_ENOTFOUND, "%s: this version was made without a report", setting_cstr(s, PATH));
    }
    MRC_TRY(read_text(path, TEXT_MAX, a, &report, err));
    MRC_TRY(read_text(template_path, TEXT_MAX, a, &page, err));
    MRC_TRY(find_charts(s, template_path, a, &charts, err));
    buf_init(&out, NULL, TEXT_MAX);
    int rc = put_page(page, report, charts, &out, err);
    if (rc == MRC_OK) {
        rc = output_text(setting_cstr(s, HTML), buf_text(&out), err);
    }
    buf_release(&out);
    return rc;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    struct arena a;
    arena_init(&a, 0);
    int rc = run_in(s, &a, err);
    arena_release(&a);
    return rc;
}

int cmd_report(int argc, char **argv)
{
    static const struct command command = {
        "report",
        "BUNDLE --html OUT.html",
        "Makes one page of a bundle's report.json that needs nothing else: data, parameters, accuracy, intervals, "
        "what\n"
        "counts and where it errs. Charts where ECharts is installed, tables otherwise.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}

/* Pictures of a training: well-formed whatever the report holds. */
#include "tests/unit/check_main.h"

#include "common/forecast/report_picture.h"

static struct buf out;
static struct mrc_err err;

static const char *drawn(const char *model, const char *title)
{
    struct json_doc *doc;
    ck_assert_ok(json_read(&doc, str_of(model), &json_limits_file, NULL, &err), &err);
    buf_init(&out, NULL, 1 << 20);
    report_picture(json_root(doc), str_of(title), &out);
    json_free(doc);
    ck_assert_ok(buf_ok(&out, &err), &err);
    return out.p;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p += strlen(what)) {
        n++;
    }
    return n;
}

START_TEST(a_panel_for_each_part_of_the_report)
{
    const char *svg =
        drawn("{\"learning_curve\": [[1, 0.8], [6, 0.5], [11, 0.4]],"
              "\"importance\": [{\"field\": \"budget\", \"percent\": 60.06}, {\"field\": \"title\", \"percent\": 40}],"
              "\"intervals\": [{\"level\": 0.8, \"held\": 0.78}],"
              "\"by_year\": [{\"group\": \"2021\", \"rmse_log10\": 0.4}, {\"group\": \"2022\", \"rmse_log10\": 0.2}]}",
              "first-week 0001");
    ck_assert_uint_eq(count(svg, "fill=\"#26547c\""), 5); /* bars */
    ck_assert_ptr_nonnull(strstr(svg, ">budget</text>"));
    ck_assert_ptr_nonnull(strstr(svg, ">60.1</text>"));
    ck_assert_ptr_nonnull(strstr(svg, ">2022</text>"));
    ck_assert_ptr_null(strstr(svg, "not in the report"));
    /* the curve falls: its points go down the page, from left to right */
    int x[3], y[3];
    const char *points = strstr(svg, "points=\"");
    ck_assert_ptr_nonnull(points);
    ck_assert_int_eq(sscanf(points, "points=\"%d,%d %d,%d %d,%d ", &x[0], &y[0], &x[1], &y[1], &x[2], &y[2]), 6);
    ck_assert(x[0] < x[1] && x[1] < x[2] && y[0] < y[1] && y[1] < y[2]);
    buf_release(&out);
}
END_TEST

static const char *const odd[] = {
    "{}",
    "[]",
    "{\"learning_curve\": 1, \"importance\": {}, \"intervals\": [1, [], {}], \"by_year\": [{\"group\": 5}]}",
    ("{\"learning_curve\": [[0, 1]], \"importance\": [{\"field\": \"x\"}], \"by_year\": [{\"group\": \"x\", "
     "\"rmse_log10\": 0}]}"),
    "{\"learning_curve\": [[1], [], [\"a\", \"b\"]], \"intervals\": [{\"level\": 1}], \"by_year\": []}",
};

START_TEST(what_is_absent_is_said)
{
    const char *svg = drawn(odd[_i], "x");
    ck_assert_uint_eq(count(svg, "not in the report"), 4);
    ck_assert_uint_eq(count(svg, "#26547c"), 0);
    buf_release(&out);
}
END_TEST

START_TEST(texts_and_sizes_stay_inside)
{
    const char *svg = drawn("{\"importance\": [{\"field\": \"a<b&\\\"c>\", \"percent\": 1e300}, {\"field\": "
                            "\"éééééééééééééééééééééé\", \"percent\": -1e300}],"
                            "\"intervals\": [{\"level\": -5, \"held\": 7}]}",
                            "<script>&\"");
    ck_assert_ptr_null(strstr(svg, "<script"));
    ck_assert_ptr_null(strstr(svg, "a<b"));
    ck_assert_ptr_nonnull(strstr(svg, "a&#60;b&#38;&#34;c&#62;"));
    ck_assert_uint_eq(utf8_valid(buf_text(&out)), out.n); /* a long name is cut between characters */
    ck_assert_ptr_nonnull(strstr(svg, "éééééééééééé…"));
    ck_assert_ptr_null(strstr(svg, "width=\"-"));
    buf_release(&out);
}
END_TEST

START_TEST(of_many_years_the_newest_are_drawn)
{
    char text[4000] = "{\"by_year\": [";
    for (int i = 0; i < 40; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s{\"group\": \"%d\", \"rmse_log10\": 0.%d}", i > 0 ? "," : "", 1990 + i,
                 10 + i);
    }
    strncat(text, "]}", sizeof text - strlen(text) - 1);
    const char *svg = drawn(text, "x");
    ck_assert_uint_eq(count(svg, "fill=\"#26547c\""), 12);
    ck_assert_ptr_nonnull(strstr(svg, ">2029</text>"));
    ck_assert_ptr_null(strstr(svg, ">2017</text>"));
    buf_release(&out);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("report_picture");
    TCase *t = tcase_create("picture");
    tcase_add_test(t, a_panel_for_each_part_of_the_report);
    tcase_add_loop_test(t, what_is_absent_is_said, 0, sizeof odd / sizeof odd[0]);
    tcase_add_test(t, texts_and_sizes_stay_inside);
    tcase_add_test(t, of_many_years_the_newest_are_drawn);
    suite_add_tcase(s, t);
    return check_main(s);
}

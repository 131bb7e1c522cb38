/* A folder with a CatBoost model, rows, and what CatBoost answers: tests/golden/catboost and fixtures/catboost. */
#ifndef MRC_TESTS_FIXTURE_H
#define MRC_TESTS_FIXTURE_H

#include "common/base/csv.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/trees/mercredi.h"
#include "tests/unit/check_main.h"

#include <math.h>

struct fixture {
    char folder[300];
    struct arena arena;
    size_t n_rows, n_floats, n_cats;
    float *floats;        /* [n_rows][n_floats] */
    struct mrc_str *cats; /* [n_rows][n_cats] */
    struct json_doc *expected;
};

static inline struct json_doc *fixture_json(const char *folder, const char *name)
{
    char path[400], *text = NULL;
    size_t n = 0;
    struct mrc_err err;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!file_exists(path)) {
        return NULL;
    }
    struct json_doc *doc = NULL;
    ck_assert_ok(file_read(path, (size_t)64 << 20, &text, &n, &err), &err);
    ck_assert_ok(json_read(&doc, (struct str){text, n}, &json_limits_file, NULL, &err), &err);
    free(text);
    return doc;
}

/* A number as a user types it: a double, then rounded to float; an empty cell is missing. */
static inline float fixture_number(struct str cell)
{
    float v = NAN;
    if (cell.n > 0) {
        ck_assert_msg(parse_float(cell, &v), "\"%.*s\" is no number", STR_ARG(cell));
    }
    return v;
}

static inline void fixture_row(struct fixture *f, const struct json *columns, const struct csv_cell *cells)
{
    size_t at_float = f->n_rows * f->n_floats, at_cat = f->n_rows * f->n_cats, i = 0;
    for (const struct json *c = json_first(columns); c; c = json_next(c), i++) {
        struct str kind = STR("");
        json_str(json_find(c, "kind"), &kind);
        if (str_is(kind, "num")) {
            f->floats[at_float++] = fixture_number(cells[i].text);
        } else if (str_is(kind, "cat")) {
            struct str copy = STR("");
            ck_assert(str_copy(&f->arena, cells[i].text, &copy));
            f->cats[at_cat++] = (struct mrc_str){copy.p, copy.n};
        }
    }
    f->n_rows++;
}

static inline void fixture_open(struct fixture *f, const char *folder)
{
    enum { ROWS_MAX = 4096 };
    struct mrc_err err;
    char path[400];
    memset(f, 0, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "%s", folder);
    arena_init(&f->arena, 0);
    struct json_doc *columns = fixture_json(folder, "columns.json");
    ck_assert_msg(columns != NULL, "%s has no columns.json", folder);
    for (const struct json *c = json_first(json_root(columns)); c; c = json_next(c)) {
        struct str kind = STR("");
        json_str(json_find(c, "kind"), &kind);
        f->n_floats += str_is(kind, "num");
        f->n_cats += str_is(kind, "cat");
    }
    f->floats = ARENA_ARRAY(&f->arena, ROWS_MAX * f->n_floats, float);
    f->cats = ARENA_ARRAY(&f->arena, ROWS_MAX * f->n_cats, struct mrc_str);
    struct csv *csv = NULL;
    const struct csv_cell *cells = NULL;
    const struct str *names = NULL;
    uint32_t n = 0;
    snprintf(path, sizeof path, "%s/input.csv", folder);
    ck_assert_ok(csv_open(&csv, path, &csv_limits_file, &err), &err);
    ck_assert_ok(csv_header(csv, &names, &n, &err), &err);
    ck_assert_uint_eq(n, json_count(json_root(columns)));
    int got;
    while ((got = csv_next(csv, &cells, &n, &err)) == 1) {
        ck_assert_uint_lt(f->n_rows, ROWS_MAX);
        fixture_row(f, json_root(columns), cells);
    }
    ck_assert_ok(got, &err);
    csv_close(csv);
    json_free(columns);
    f->expected = fixture_json(folder, "expected.json");
}

static inline void fixture_close(struct fixture *f)
{
    json_free(f->expected);
    arena_release(&f->arena);
}

/* The fixture's rows as an input, row-major. */
static inline struct mrc_input fixture_input(const struct fixture *f)
{
    return (struct mrc_input){.floats = f->floats,
                              .float_row_stride = f->n_floats,
                              .float_column_stride = 1,
                              .cats = f->n_cats ? f->cats : NULL,
                              .cat_row_stride = f->n_cats,
                              .cat_column_stride = 1};
}

/* A number of an expectation: a %a text, or a plain number. */
static inline double fixture_value(const struct json *v)
{
    struct str s = STR("");
    double d = NAN;
    if (json_str(v, &s)) {
        ck_assert_msg(parse_double(s, &d), "\"%.*s\" is no number", STR_ARG(s));
    } else {
        ck_assert(json_double(v, &d));
    }
    return d;
}

#endif

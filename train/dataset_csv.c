/* Reading training data from a CSV by the roles of its columns. */
#include "common/base/csv.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "train/command.h"
#include "train/dataset.h"
#include "train/model_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROLES_FILE_MAX = 64 << 20, CELL_ECHO = 60 };

static const char *const role_names[ROLE__COUNT] = {[ROLE_NUM] = "num",
                                                    [ROLE_CAT] = "cat",
                                                    [ROLE_TARGET] = "target",
                                                    [ROLE_WEIGHT] = "weight",
                                                    [ROLE_TIMESTAMP] = "timestamp",
                                                    [ROLE_IGNORE] = "ignore",
                                                    [ROLE_TEXT] = "text",
                                                    [ROLE_EMBEDDING] = "embedding",
                                                    [ROLE_GROUP] = "group",
                                                    [ROLE_BASELINE] = "baseline"};

/* CatBoost's words in a column description. */
static const struct {
    const char *name;
    enum column_role role;
} cd_types[] = {
    {"Num", ROLE_NUM},       {"Categ", ROLE_CAT},           {"Label", ROLE_TARGET},        {"Target", ROLE_TARGET},
    {"Weight", ROLE_WEIGHT}, {"Timestamp", ROLE_TIMESTAMP}, {"Auxiliary", ROLE_IGNORE},    {"SampleId", ROLE_IGNORE},
    {"DocId", ROLE_IGNORE},  {"Text", ROLE_TEXT},           {"NumVector", ROLE_EMBEDDING}, {"GroupId", ROLE_GROUP},
    {"QueryId", ROLE_GROUP}, {"SubgroupId", ROLE_GROUP},    {"GroupWeight", ROLE_GROUP},   {"Baseline", ROLE_BASELINE}};

void roles_release(struct column_roles *r)
{
    arena_release(&r->arena);
    *r = (struct column_roles){0};
}

/* ---- columns.json ---------------------------------------------------------------------------------------------- */

static int read_role(struct column_roles *r, const struct json *item, uint32_t i, struct mrc_err *err)
{
    struct str name, kind;
    MRC_TRY(json_get_str(item, "name", &name, err));
    MRC_TRY(json_get_str(item, "kind", &kind, err));
    if (!str_copy(&r->arena, name, &r->columns[i].name)) {
        return arena_fail(&r->arena, err);
    }
    for (int k = 0; k < ROLE__COUNT; k++) {
        if (str_is(kind, role_names[k])) {
            r->columns[i].role = (enum column_role)k;
            return MRC_OK;
        }
    }
    return mrc_fail(
        err, MRC_EFORMAT,
        "column \"%.*s\" has kind \"%.*s\"; kinds are num, cat, text, embedding, target, weight, timestamp, "
        "group, ignore, baseline",
        STR_ARG(name), STR_ARG(kind));
}

int roles_read_json(struct column_roles *r, const char *path, struct mrc_err *err)
{
    char *text;
    size_t n;
    MRC_TRY(file_read(path, ROLES_FILE_MAX, &text, &n, err));
    struct json_doc *doc = NULL;
    int rc = json_read(&doc, (struct str){text, n}, &json_limits_file, NULL, err);
    free(text);
    if (rc < 0) {
        return command_where(err, path);
    }
    *r = (struct column_roles){0};
    arena_init(&r->arena, 0);
    const struct json *list = json_root(doc);
    if (json_type(list) != JSON_ARRAY || json_count(list) == 0) {
        rc = mrc_fail(err, MRC_EFORMAT, "must be a list [{\"name\", \"kind\"}, …] of the data's columns");
    } else {
        r->n = (uint32_t)json_count(list);
        r->columns = ARENA_ARRAY(&r->arena, r->n, struct column_roles_row);
        rc = r->columns ? MRC_OK : arena_fail(&r->arena, err);
    }
    uint32_t i = 0;
    for (const struct json *item = json_first(list); rc == MRC_OK && item; item = json_next(item)) {
        rc = read_role(r, item, i++, err);
    }
    json_free(doc);
    if (rc < 0) {
        roles_release(r);
        return err_wrap(err, "%s", path);
    }
    return MRC_OK;
}

/* ---- column description ---------------------------------------------------------------------------------------- */

static struct str next_field(struct str *line)
{
    const char *tab = line->n > 0 ? memchr(line->p, '\t', line->n) : NULL;
    struct str field = {line->p, tab ? (size_t)(tab - line->p) : line->n};
    size_t skip = tab ? field.n + 1 : field.n;
    *line = (struct str){line->p + skip, line->n - skip};
    return str_trim(field);
}

enum { CD_COLUMNS_MAX = 65536 };

static int read_cd_line(struct column_roles *r, struct str line, struct mrc_err *err)
{
    struct str index = next_field(&line), type = next_field(&line), name = next_field(&line);
    int64_t i;
    if (!parse_i64(index, &i) || i < 0 || i >= CD_COLUMNS_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "\"%.*s\" is not a column number from 0 to %d", STR_ARG(index),
                        CD_COLUMNS_MAX - 1);
    }
    for (size_t k = 0; k < sizeof(cd_types) / sizeof(cd_types[0]); k++) {
        if (!str_is(type, cd_types[k].name)) {
            continue;
        }
        for (; r->n <= (uint32_t)i; r->n++) {
            r->columns[r->n] = (struct column_roles_row){.role = ROLE_NUM};
        }
        r->columns[i].role = cd_types[k].role;
        return str_copy(&r->arena, name, &r->columns[i].name) ? MRC_OK : arena_fail(&r->arena, err);
    }
    return mrc_fail(err, MRC_EFORMAT, "\"%.*s\" is no column type (Num, Categ, Label, Weight, Timestamp, Auxiliary, …)",
                    STR_ARG(type));
}

int roles_read_cd(struct column_roles *r, const char *path, struct mrc_err *err)
{
    char *text;
    size_t n;
    MRC_TRY(file_read(path, ROLES_FILE_MAX, &text, &n, err));
    *r = (struct column_roles){0};
    arena_init(&r->arena, 0);
    r->columns = ARENA_ARRAY(&r->arena, CD_COLUMNS_MAX, struct column_roles_row);
    int rc = r->columns ? MRC_OK : arena_fail(&r->arena, err);
    struct str rest = {text, n};
    for (uint32_t number = 1; rc == MRC_OK && rest.n > 0; number++) {
        const char *end = memchr(rest.p, '\n', rest.n);
        struct str line = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
        size_t skip = end ? line.n + 1 : line.n;
        rest = (struct str){rest.p + skip, rest.n - skip};
        line = line.n > 0 && line.p[line.n - 1] == '\r' ? (struct str){line.p, line.n - 1} : line;
        if (str_trim(line).n > 0 && (rc = read_cd_line(r, line, err)) < 0) {
            err_wrap(err, "%s:%u", path, number);
        }
    }
    free(text);
    if (rc < 0) {
        roles_release(r);
    }
    return rc;
}

/* ---- the CSV --------------------------------------------------------------------------------------------------- */

/* Columns as they grow; texts of labels in an arena of their own. */
struct reading {
    const char *path;
    const struct column_roles *roles;
    uint32_t n_columns;
    size_t n, capacity;
    enum column_role *role; /* [n_columns] */
    float **floats;         /* [n_columns] num */
    uint32_t **hashes;      /* [n_columns] cat */
    double *weight;
    int64_t *time;
    struct str *target;
    double *target_number; /* as long as every label is a number */
    bool target_is_number;
    struct arena labels;
};

static int bad_cell(const struct reading *r, const struct csv_cell *cell, const char *rule, struct mrc_err *err)
{
    struct str shown = {cell->text.p, cell->text.n < CELL_ECHO ? cell->text.n : CELL_ECHO};
    shown.n = utf8_valid(shown);
    mrc_fail_at(err, MRC_EFORMAT, cell->line, cell->col, "\"%.*s\" %s", STR_ARG(shown), rule);
    return command_where(err, r->path);
}

static bool grow(void **p, size_t n, size_t size)
{
    void *more = realloc(*p, n * size);
    if (!more) {
        return false;
    }
    *p = more;
    return true;
}

static int reserve_rows(struct reading *r, struct mrc_err *err)
{
    if (r->n < r->capacity) {
        return MRC_OK;
    }
    size_t n = r->capacity ? 2 * r->capacity : 1024;
    bool ok = true;
    for (uint32_t i = 0; ok && i < r->n_columns; i++) {
        void *p = r->role[i] == ROLE_NUM ? (void *)r->floats[i] : (void *)r->hashes[i];
        switch (r->role[i]) {
        case ROLE_NUM:
            ok = grow(&p, n, sizeof(float));
            r->floats[i] = p;
            break;
        case ROLE_CAT:
            ok = grow(&p, n, sizeof(uint32_t));
            r->hashes[i] = p;
            break;
        case ROLE_TARGET:
            p = r->target;
            ok = grow(&p, n, sizeof(struct str));
            r->target = p;
            p = r->target_number;
            ok = ok && grow(&p, n, sizeof(double));
            r->target_number = p;
            break;
        case ROLE_WEIGHT:
            p = r->weight;
            ok = grow(&p, n, sizeof(double));
            r->weight = p;
            break;
        case ROLE_TIMESTAMP:
            p = r->time;
            ok = grow(&p, n, sizeof(int64_t));
            r->time = p;
            break;
        default:
            break;
        }
    }
    r->capacity = n;
    return ok ? MRC_OK : mrc_fail(err, MRC_ENOMEM, "%s: no memory for %zu rows", r->path, n);
}

static int read_cell(struct reading *r, uint32_t i, const struct csv_cell *cell, struct mrc_err *err)
{
    switch (r->role[i]) {
    case ROLE_NUM:
        return model_cell(cell->text, &r->floats[i][r->n]) ? MRC_OK : bad_cell(r, cell, "is not a number", err);
    case ROLE_CAT:
        r->hashes[i][r->n] = mrc_cat_hash(cell->text.p ? cell->text.p : "", cell->text.n);
        return MRC_OK;
    case ROLE_TARGET:
        if (cell->text.n == 0) {
            return bad_cell(r, cell, "is no target: the cell is empty", err);
        }
        r->target_is_number = parse_double(cell->text, &r->target_number[r->n]) && r->target_is_number;
        return str_copy(&r->labels, cell->text, &r->target[r->n]) ? MRC_OK : arena_fail(&r->labels, err);
    case ROLE_WEIGHT:
        return parse_double(cell->text, &r->weight[r->n]) && r->weight[r->n] >= 0 && isfinite(r->weight[r->n])
                   ? MRC_OK
                   : bad_cell(r, cell, "is not a weight (a number >= 0)", err);
    case ROLE_TIMESTAMP:
        return parse_i64(cell->text, &r->time[r->n]) ? MRC_OK : bad_cell(r, cell, "is not an integer time", err);
    default:
        return MRC_OK;
    }
}

static int bind_roles(struct reading *r, const struct str *names, struct mrc_err *err)
{
    const struct column_roles *roles = r->roles;
    if (roles->n > r->n_columns) {
        return mrc_fail(err, MRC_EFORMAT, "%s has %u columns, %u are described", r->path, r->n_columns, roles->n);
    }
    bool has_target = false;
    for (uint32_t i = 0; i < r->n_columns; i++) {
        struct column_roles_row row = i < roles->n ? roles->columns[i] : (struct column_roles_row){.role = ROLE_NUM};
        if (row.name.n > 0 && !str_eq(row.name, names[i])) {
            return mrc_fail(err, MRC_EFORMAT, "%s: column %u is called \"%.*s\", described as \"%.*s\"", r->path, i,
                            STR_ARG(names[i]), STR_ARG(row.name));
        }
        if (row.role == ROLE_TEXT || row.role == ROLE_EMBEDDING || row.role == ROLE_GROUP ||
            row.role == ROLE_BASELINE) {
            return mrc_fail(err, MRC_EUNSUPPORTED, "column \"%.*s\": training on %s columns is not supported",
                            STR_ARG(names[i]), role_names[row.role]);
        }
        bool single = row.role == ROLE_TARGET || row.role == ROLE_WEIGHT || row.role == ROLE_TIMESTAMP;
        for (uint32_t k = 0; single && k < i; k++) {
            if (r->role[k] == row.role) {
                return mrc_fail(err, MRC_EFORMAT, "column \"%.*s\" is a second %s", STR_ARG(names[i]),
                                role_names[row.role]);
            }
        }
        has_target = has_target || row.role == ROLE_TARGET;
        r->role[i] = row.role;
    }
    return has_target ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "%s: no column is described as the target", r->path);
}

static int read_rows(struct reading *r, struct csv *csv, struct mrc_err *err)
{
    const struct csv_cell *cells;
    uint32_t n;
    int rc;
    while ((rc = csv_next(csv, &cells, &n, err)) > 0) {
        MRC_TRY(reserve_rows(r, err));
        for (uint32_t i = 0; i < n; i++) {
            MRC_TRY(read_cell(r, i, &cells[i], err));
        }
        r->n++;
    }
    if (rc < 0) {
        return command_where(err, r->path);
    }
    return r->n > 0 ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "%s has no rows", r->path);
}

static int build(struct reading *r, const struct str *names, struct dataset *d, struct mrc_err *err)
{
    for (uint32_t i = 0; i < r->n_columns; i++) {
        if (r->role[i] == ROLE_NUM) {
            MRC_TRY(dataset_add_float(d, names[i], r->floats[i], err));
            free(r->floats[i]); /* the copy is enough: no more than one column twice */
            r->floats[i] = NULL;
        } else if (r->role[i] == ROLE_CAT) {
            MRC_TRY(dataset_add_hashes(d, names[i], r->hashes[i], err));
            free(r->hashes[i]);
            r->hashes[i] = NULL;
        }
    }
    MRC_TRY(r->target_is_number ? dataset_set_target(d, r->target_number, err)
                                : dataset_set_target_text(d, r->target, err));
    if (r->weight) {
        MRC_TRY(dataset_set_weight(d, r->weight, err));
    }
    return r->time ? dataset_set_timestamp(d, r->time, err) : MRC_OK;
}

static int read_all(struct reading *r, struct csv *csv, struct dataset **out, struct mrc_err *err)
{
    const struct str *names;
    int rc = csv_header(csv, &names, &r->n_columns, err);
    if (rc < 0) {
        return command_where(err, r->path);
    }
    r->role = calloc((size_t)r->n_columns + 1, sizeof(*r->role));
    r->floats = calloc((size_t)r->n_columns + 1, sizeof(*r->floats));
    r->hashes = calloc((size_t)r->n_columns + 1, sizeof(*r->hashes));
    if (!r->role || !r->floats || !r->hashes) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for %u columns", r->n_columns);
    }
    MRC_TRY(bind_roles(r, names, err));
    MRC_TRY(read_rows(r, csv, err));
    struct dataset *d;
    MRC_TRY(dataset_new(&d, r->n, err));
    rc = build(r, names, d, err);
    if (rc < 0) {
        dataset_free(d);
        return err_wrap(err, "%s", r->path);
    }
    *out = d;
    return MRC_OK;
}

int dataset_read_csv(struct dataset **out, const char *path, const struct column_roles *roles, struct mrc_err *err)
{
    struct reading r = {.path = path, .roles = roles, .target_is_number = true};
    struct csv *csv = NULL;
    arena_init(&r.labels, 0);
    int rc = csv_open(&csv, path, &csv_limits_file, err);
    if (rc == MRC_OK) {
        rc = read_all(&r, csv, out, err);
    }
    csv_close(csv);
    for (uint32_t i = 0; i < r.n_columns; i++) {
        free(r.floats ? r.floats[i] : NULL);
        free(r.hashes ? r.hashes[i] : NULL);
    }
    free(r.floats);
    free(r.hashes);
    free(r.role);
    free(r.weight);
    free(r.time);
    free(r.target);
    free(r.target_number);
    arena_release(&r.labels);
    return rc;
}

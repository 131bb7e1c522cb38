/* What the columns of a table are: columns.json, and CatBoost's column description. */
#include "common/base/file.h"
#include "common/base/json.h"
#include "train/command.h"
#include "train/dataset.h"

#include <stdlib.h>
#include <string.h>

enum { ROLES_FILE_MAX = 64 << 20, ECHO_MAX = 60 };

static const char *const role_names[ROLE__COUNT] = {[ROLE_NUM] = "num",
                                                    [ROLE_CAT] = "cat",
                                                    [ROLE_TARGET] = "target",
                                                    [ROLE_WEIGHT] = "weight",
                                                    [ROLE_TIMESTAMP] = "timestamp",
                                                    [ROLE_IGNORE] = "ignore",
                                                    [ROLE_TEXT] = "text",
                                                    [ROLE_EMBEDDING] = "embedding",
                                                    [ROLE_GROUP] = "group",
                                                    [ROLE_GROUP_WEIGHT] = "group weight",
                                                    [ROLE_BASELINE] = "baseline"};

/* CatBoost's words in a column description. */
static const struct {
    const char *name;
    enum column_role role;
} cd_types[] = {{"Num", ROLE_NUM},          {"Categ", ROLE_CAT},           {"Label", ROLE_TARGET},
                {"Target", ROLE_TARGET},    {"Weight", ROLE_WEIGHT},       {"Timestamp", ROLE_TIMESTAMP},
                {"Auxiliary", ROLE_IGNORE}, {"SampleId", ROLE_IGNORE},     {"DocId", ROLE_IGNORE},
                {"Text", ROLE_TEXT},        {"NumVector", ROLE_EMBEDDING}, {"GroupId", ROLE_GROUP},
                {"QueryId", ROLE_GROUP},    {"SubgroupId", ROLE_IGNORE},   {"GroupWeight", ROLE_GROUP_WEIGHT},
                {"Baseline", ROLE_BASELINE}};

/* As much of a text as a message takes. */
static struct str shown(struct str s)
{
    return (struct str){s.p, utf8_valid((struct str){s.p, s.n < ECHO_MAX ? s.n : ECHO_MAX})};
}

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
        STR_ARG(shown(name)), STR_ARG(shown(kind)));
}

int roles_parse_json(struct column_roles *r, struct str text, struct mrc_err *err)
{
    struct json_doc *doc = NULL;
    MRC_TRY(json_read(&doc, text, &json_limits_file, NULL, err));
    int rc = MRC_OK;
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
    }
    return rc;
}

/* A whole file through one of the readers of text. */
static int read_file(struct column_roles *r, const char *path,
                     int (*parse)(struct column_roles *r, struct str text, struct mrc_err *err), struct mrc_err *err)
{
    char *text;
    size_t n;
    MRC_TRY(file_read(path, ROLES_FILE_MAX, &text, &n, err));
    int rc = parse(r, (struct str){text, n}, err);
    free(text);
    return rc < 0 ? command_where(err, path) : rc;
}

int roles_read_json(struct column_roles *r, const char *path, struct mrc_err *err)
{
    return read_file(r, path, roles_parse_json, err);
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
        return mrc_fail(err, MRC_EFORMAT, "\"%.*s\" is not a column number from 0 to %d", STR_ARG(shown(index)),
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
                    STR_ARG(shown(type)));
}

int roles_parse_cd(struct column_roles *r, struct str text, struct mrc_err *err)
{
    *r = (struct column_roles){0};
    arena_init(&r->arena, 0);
    r->columns = ARENA_ARRAY(&r->arena, CD_COLUMNS_MAX, struct column_roles_row);
    int rc = r->columns ? MRC_OK : arena_fail(&r->arena, err);
    struct str rest = text;
    for (uint32_t number = 1; rc == MRC_OK && rest.n > 0; number++) {
        const char *end = memchr(rest.p, '\n', rest.n);
        struct str line = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
        size_t skip = end ? line.n + 1 : line.n;
        rest = (struct str){rest.p + skip, rest.n - skip};
        line = line.n > 0 && line.p[line.n - 1] == '\r' ? (struct str){line.p, line.n - 1} : line;
        if (str_trim(line).n > 0 && (rc = read_cd_line(r, line, err)) < 0 && err) {
            err->line = number;
        }
    }
    if (rc < 0) {
        roles_release(r);
    }
    return rc;
}

int roles_read_cd(struct column_roles *r, const char *path, struct mrc_err *err)
{
    return read_file(r, path, roles_parse_cd, err);
}

const char *role_name(enum column_role role)
{
    return role < ROLE__COUNT ? role_names[role] : "?";
}

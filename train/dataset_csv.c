/* Reading training data from a CSV by the roles of its columns: blocks of text, cut into pieces that threads read side
 * by side, each into columns of its own. The pieces' columns are joined, and freed, one column after another. */
#include "common/base/csv.h"
#include "common/base/date.h"
#include "train/command.h"
#include "train/dataset.h"
#include "train/model_rows.h"
#include "train/random.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

enum { CELL_ECHO = 60, PIECE_BYTES = 1 << 20, THREADS_MAX = 64 };

/* Bytes that a row takes in a column of this role. */
static const size_t cell_bytes[ROLE__COUNT] = {
    [ROLE_NUM] = sizeof(float),      [ROLE_CAT] = sizeof(uint32_t),      [ROLE_TARGET] = sizeof(double),
    [ROLE_WEIGHT] = sizeof(double),  [ROLE_TIMESTAMP] = sizeof(int64_t), [ROLE_GROUP] = sizeof(uint32_t),
    [ROLE_BASELINE] = sizeof(float),
};

/* The records of one piece of text. */
struct piece {
    size_t n, capacity;
    void **columns;       /* [n_columns] cells by role, NULL where they are not kept */
    uint8_t *aside;       /* [n] set aside? NULL without a split */
    uint32_t *label_ends; /* [n] the target's cells lie in labels one behind the other */
    struct buf labels;
    bool target_is_number; /* every one of them */
    uint32_t lines;
    int rc;
    struct mrc_err err;
};

struct reading {
    const char *path;
    const struct column_roles *roles;
    struct table_options options;
    int threads;
    struct csv *csv;
    uint32_t n_columns;
    const struct str *names;
    enum column_role *role; /* [n_columns] */
    int64_t split_column;   /* -1: none */
    uint32_t lines;         /* before the block at hand */
    size_t n, row_bytes;
    uint32_t n_pieces, capacity;
    struct piece *pieces;
    bool target_is_number;
};

static int no_memory(const struct reading *r, struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "%s: no memory for the table", r->path);
}

/* ---- splits ---------------------------------------------------------------------------------------------------- */

/* "HH:MM" or "HH:MM:SS", perhaps with Z, as seconds. */
static bool parse_clock(struct str s, int64_t *out)
{
    static const int64_t units[] = {3600, 60, 1}, limits[] = {23, 59, 59};
    s.n -= s.n > 0 && s.p[s.n - 1] == 'Z';
    if (s.n != 5 && s.n != 8) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i * 3 < s.n; i++) {
        const char *p = s.p + i * 3;
        if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9' || (i * 3 + 2 < s.n && p[2] != ':')) {
            return false;
        }
        int64_t v = (p[0] - '0') * 10 + (p[1] - '0');
        if (v > limits[i]) {
            return false;
        }
        *out += v * units[i];
    }
    return true;
}

bool moment_parse(struct str text, int64_t *out)
{
    enum { DATE_CHARS = 10, DAY_SECONDS = 86400 };
    if (parse_i64(text, out)) {
        return true;
    }
    if (text.n < DATE_CHARS) {
        return false;
    }
    int32_t day = date_parse((struct str){text.p, DATE_CHARS}, NULL);
    int64_t clock = 0;
    if (day == DATE_NONE) {
        return false;
    }
    if (text.n > DATE_CHARS) {
        struct str rest = {text.p + DATE_CHARS + 1, text.n - DATE_CHARS - 1};
        if ((text.p[DATE_CHARS] != ' ' && text.p[DATE_CHARS] != 'T') || !parse_clock(rest, &clock)) {
            return false;
        }
    }
    *out = (int64_t)day * DAY_SECONDS + clock;
    return true;
}

int split_parse(struct table_split *s, struct str text, uint64_t seed, struct mrc_err *err)
{
    *s = (struct table_split){.seed = seed};
    if (str_starts(text, "random:")) {
        struct str share = {text.p + 7, text.n - 7};
        s->by = SPLIT_BY_CHANCE;
        if (parse_double(share, &s->share) && s->share > 0 && s->share < 1) {
            return MRC_OK;
        }
    } else if (str_starts(text, "time:")) {
        size_t at = text.n;
        while (at > 5 && text.p[at - 1] != '@') {
            at--;
        }
        s->by = SPLIT_BY_TIME;
        s->column = (struct str){text.p + 5, at > 6 ? at - 6 : 0};
        if (at > 6 && moment_parse((struct str){text.p + at, text.n - at}, &s->from)) {
            return MRC_OK;
        }
    }
    return mrc_fail(err, MRC_EINVAL,
                    "\"%.*s\" is no split: time:COLUMN@DATE (YYYY-MM-DD or an integer), or random:SHARE with a share "
                    "between 0 and 1",
                    (int)(text.n < CELL_ECHO ? text.n : CELL_ECHO), text.p);
}

/* ---- one piece ------------------------------------------------------------------------------------------------- */

static void piece_release(struct piece *p, uint32_t n_columns)
{
    for (uint32_t i = 0; p->columns && i < n_columns; i++) {
        free(p->columns[i]);
    }
    free(p->columns);
    free(p->aside);
    free(p->label_ends);
    buf_release(&p->labels);
}

/* Room for as many records as the text can hold: each has a line end, and a comma before every cell but the first. */
static bool piece_init(struct piece *p, const struct reading *r, struct str text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.n; i++) {
        n += text.p[i] == '\n' || text.p[i] == '\r';
    }
    size_t widest = text.n / r->n_columns + 1;
    p->capacity = n < widest ? n : widest;
    p->columns = calloc(r->n_columns, sizeof(*p->columns));
    bool ok = p->columns != NULL;
    for (uint32_t i = 0; ok && i < r->n_columns; i++) {
        if (cell_bytes[r->role[i]] > 0) {
            p->columns[i] = malloc(p->capacity * cell_bytes[r->role[i]]);
            ok = p->columns[i] != NULL;
        }
    }
    p->label_ends = malloc(p->capacity * sizeof(*p->label_ends));
    p->aside = r->options.split.by != SPLIT_BY_NOTHING ? calloc(p->capacity, 1) : NULL;
    return ok && p->label_ends && (p->aside || r->options.split.by == SPLIT_BY_NOTHING);
}

static int bad_cell(const struct csv_cell *cell, const char *rule, struct mrc_err *err)
{
    struct str shown = {cell->text.p, cell->text.n < CELL_ECHO ? cell->text.n : CELL_ECHO};
    shown.n = utf8_valid(shown);
    return mrc_fail_at(err, MRC_EFORMAT, cell->line, cell->col, "\"%.*s\" %s", STR_ARG(shown), rule);
}

static int read_number(const struct csv_cell *cell, float *out, struct mrc_err *err)
{
    if (!model_cell(cell->text, out)) {
        return bad_cell(cell, "is not a number", err);
    }
    *out = *out == 0 ? 0.0f : *out; /* no -0 */
    return MRC_OK;
}

static int read_target(struct piece *p, double *out, const struct csv_cell *cell, struct mrc_err *err)
{
    if (cell->text.n == 0) {
        return bad_cell(cell, "is no target: the cell is empty", err);
    }
    p->target_is_number = parse_double(cell->text, out) && p->target_is_number;
    buf_str(&p->labels, cell->text);
    p->label_ends[p->n] = (uint32_t)p->labels.n;
    return MRC_OK;
}

static int read_cell(struct piece *p, enum column_role role, void *column, const struct csv_cell *cell,
                     struct mrc_err *err)
{
    switch (role) {
    case ROLE_NUM:
        return read_number(cell, (float *)column + p->n, err);
    case ROLE_CAT:
    case ROLE_GROUP:
        ((uint32_t *)column)[p->n] = mrc_cat_hash(cell->text.p ? cell->text.p : "", cell->text.n);
        return MRC_OK;
    case ROLE_TARGET:
        return read_target(p, (double *)column + p->n, cell, err);
    case ROLE_WEIGHT: {
        double *weight = (double *)column + p->n;
        return parse_double(cell->text, weight) && *weight >= 0 && isfinite(*weight)
                   ? MRC_OK
                   : bad_cell(cell, "is not a weight (a number >= 0)", err);
    }
    case ROLE_TIMESTAMP:
        return moment_parse(cell->text, (int64_t *)column + p->n)
                   ? MRC_OK
                   : bad_cell(cell, "is neither an integer time nor a date (YYYY-MM-DD)", err);
    case ROLE_BASELINE: {
        float *score = (float *)column + p->n;
        return parse_float(cell->text, score) && isfinite(*score)
                   ? MRC_OK
                   : bad_cell(cell, "is not a baseline (a finite number)", err);
    }
    default:
        return MRC_OK;
    }
}

static int read_rows(struct piece *p, const struct reading *r, struct csv *csv, struct mrc_err *err)
{
    const struct csv_cell *cells;
    uint32_t n;
    int rc;
    while ((rc = csv_next(csv, &cells, &n, err)) > 0) {
        if (p->n == p->capacity) {
            return mrc_fail(err, MRC_EBUG, "a piece of text has more records than lines");
        }
        for (uint32_t i = 0; i < n; i++) {
            if (cell_bytes[r->role[i]] > 0) {
                MRC_TRY(read_cell(p, r->role[i], p->columns[i], &cells[i], err));
            }
        }
        if (r->split_column >= 0) {
            int64_t moment;
            const struct csv_cell *cell = &cells[r->split_column];
            if (!moment_parse(cell->text, &moment)) {
                return bad_cell(cell, "cannot be split by: neither an integer nor a date (YYYY-MM-DD)", err);
            }
            p->aside[p->n] = moment >= r->options.split.from;
        }
        p->n++;
    }
    return rc < 0 ? rc : buf_ok(&p->labels, err);
}

static void read_piece(struct piece *p, const struct reading *r, struct str text)
{
    struct csv *csv = NULL;
    *p = (struct piece){.target_is_number = true};
    buf_init(&p->labels, NULL, 0);
    if (!piece_init(p, r, text)) {
        p->rc = no_memory(r, &p->err);
        return;
    }
    p->rc = csv_open_part(&csv, r->csv, text, &p->err);
    if (p->rc == MRC_OK) {
        p->rc = read_rows(p, r, csv, &p->err);
        p->lines = csv_lines(csv);
    }
    csv_close(csv);
}

/* ---- all pieces ------------------------------------------------------------------------------------------------ */

static int bind_roles(struct reading *r, struct mrc_err *err)
{
    const struct column_roles *roles = r->roles;
    if (roles->n > r->n_columns) {
        return mrc_fail(err, MRC_EFORMAT, "%s has %u columns, %u are described", r->path, r->n_columns, roles->n);
    }
    bool has_target = false;
    for (uint32_t i = 0; i < r->n_columns; i++) {
        struct column_roles_row row = i < roles->n ? roles->columns[i] : (struct column_roles_row){.role = ROLE_NUM};
        struct str name = {r->names[i].p, r->names[i].n < CELL_ECHO ? r->names[i].n : CELL_ECHO};
        if (row.name.n > 0 && !str_eq(row.name, r->names[i])) {
            return mrc_fail(err, MRC_EFORMAT, "%s: column %u is called \"%.*s\", described as \"%.*s\"", r->path, i,
                            STR_ARG(name), (int)(row.name.n < CELL_ECHO ? row.name.n : CELL_ECHO), row.name.p);
        }
        if (row.role >= ROLE_TEXT) {
            return mrc_fail(err, MRC_EUNSUPPORTED, "column \"%.*s\": training on %s columns is not supported",
                            STR_ARG(name), role_name(row.role));
        }
        bool single =
            row.role == ROLE_TARGET || row.role == ROLE_WEIGHT || row.role == ROLE_TIMESTAMP || row.role == ROLE_GROUP;
        for (uint32_t k = 0; single && k < i; k++) {
            if (r->role[k] == row.role) {
                return mrc_fail(err, MRC_EFORMAT, "column \"%.*s\" is a second %s", STR_ARG(name), role_name(row.role));
            }
        }
        has_target = has_target || row.role == ROLE_TARGET;
        r->role[i] = row.role;
        r->row_bytes += cell_bytes[row.role];
    }
    return has_target ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "%s: no column is described as the target", r->path);
}

static int bind_split(struct reading *r, struct mrc_err *err)
{
    const struct table_split *s = &r->options.split;
    r->split_column = -1;
    if (s->by != SPLIT_BY_TIME) {
        return MRC_OK;
    }
    r->split_column = csv_column(r->csv, s->column);
    return r->split_column >= 0 ? MRC_OK
                                : mrc_fail(err, MRC_EINVAL, "%s has no column \"%.*s\" to split by", r->path,
                                           (int)(s->column.n < CELL_ECHO ? s->column.n : CELL_ECHO), s->column.p);
}

/* Will it fit? `bytes` of the file have been read; its size tells how many rows are to come. */
static int check_memory(const struct reading *r, size_t bytes, struct mrc_err *err)
{
    if (r->options.memory_max == 0) {
        return MRC_OK;
    }
    struct stat st;
    double rows = (double)r->n;
    if (strcmp(r->path, "-") != 0 && stat(r->path, &st) == 0 && S_ISREG(st.st_mode) &&
        (double)st.st_size > (double)bytes) {
        rows *= (double)st.st_size / (double)bytes;
    }
    double need = rows * (double)r->row_bytes;
    if (need <= (double)r->options.memory_max) {
        return MRC_OK;
    }
    return mrc_fail(err, MRC_ENOMEM, "%s: its about %.0f rows take %.0f MiB in memory, allowed are %.0f", r->path, rows,
                    ceil(need / 1048576), floor((double)r->options.memory_max / 1048576));
}

static int reserve_pieces(struct reading *r, uint32_t more, struct mrc_err *err)
{
    if (r->capacity - r->n_pieces >= more) {
        return MRC_OK;
    }
    uint32_t capacity = 2 * r->capacity + more;
    struct piece *pieces = realloc(r->pieces, capacity * sizeof(*pieces));
    if (!pieces) {
        return no_memory(r, err);
    }
    r->pieces = pieces;
    r->capacity = capacity;
    return MRC_OK;
}

/* Read a block of text; *lines: line ends in it. The first failure in the order of the text counts. */
static int read_block(struct reading *r, struct str text, uint32_t *lines, struct mrc_err *err)
{
    struct str cuts[THREADS_MAX];
    int n = (int)csv_cut(text, (uint32_t)r->threads, cuts);
    MRC_TRY(reserve_pieces(r, (uint32_t)n, err));
    struct piece *pieces = r->pieces + r->n_pieces;
#pragma omp parallel for num_threads(n) schedule(static, 1) if (n > 1)
    for (int i = 0; i < n; i++) {
        read_piece(&pieces[i], r, cuts[i]);
    }
    r->n_pieces += (uint32_t)n;
    *lines = 0;
    for (int i = 0; i < n; i++) {
        struct piece *p = &pieces[i];
        if (p->rc < 0) {
            if (err) {
                *err = p->err;
                err->line += err->line > 0 ? r->lines + *lines : 0;
            }
            return err && p->rc != MRC_ENOMEM ? command_where(err, r->path) : p->rc;
        }
        *lines += p->lines;
        r->n += p->n;
        r->target_is_number = r->target_is_number && p->target_is_number;
    }
    return MRC_OK;
}

static int read_blocks(struct reading *r, struct mrc_err *err)
{
    struct str text;
    uint32_t lines = 0;
    size_t bytes = 0;
    int rc;
    r->lines = csv_lines(r->csv);
    while ((rc = csv_take(r->csv, (size_t)r->threads * PIECE_BYTES, lines, &text, err)) > 0) {
        MRC_TRY(read_block(r, text, &lines, err));
        r->lines += lines;
        bytes += text.n;
        MRC_TRY(check_memory(r, bytes, err));
    }
    if (rc < 0) {
        return command_where(err, r->path);
    }
    return r->n > 0 ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "%s has no rows", r->path);
}

/* ---- from pieces to data sets ---------------------------------------------------------------------------------- */

/* Set rows aside by chance: groups as wholes. */
static void draw_split(struct reading *r)
{
    struct random rows;
    uint32_t group = r->n_columns;
    random_init(&rows, r->options.split.seed);
    for (uint32_t i = 0; i < r->n_columns; i++) {
        group = r->role[i] == ROLE_GROUP ? i : group;
    }
    for (uint32_t k = 0; k < r->n_pieces; k++) {
        struct piece *p = &r->pieces[k];
        for (size_t i = 0; i < p->n; i++) {
            struct random own = rows;
            if (group < r->n_columns) {
                random_init_skip(&own, r->options.split.seed ^ ((uint32_t *)p->columns[group])[i], 10);
                p->aside[i] = random_real(&own) < r->options.split.share;
            } else {
                p->aside[i] = random_real(&rows) < r->options.split.share;
            }
        }
    }
}

/* One part of the table under construction. */
struct part {
    struct reading *r;
    bool aside; /* the rows set aside, else the others */
    size_t n;
    struct dataset *data;
    void *cells; /* [n] of the widest role */
};

static bool in_part(const struct part *t, const struct piece *p, size_t i)
{
    return !p->aside || (p->aside[i] != 0) == t->aside;
}

/* Copy a column's cells of this part, `size` bytes each. */
static void gather(const struct part *t, uint32_t column, size_t size, void *to)
{
    char *out = to;
    for (uint32_t k = 0; k < t->r->n_pieces; k++) {
        const struct piece *p = &t->r->pieces[k];
        const char *cells = p->columns[column];
        if (!p->aside) {
            memcpy(out, cells, p->n * size);
            out += p->n * size;
            continue;
        }
        for (size_t i = 0; i < p->n; i++) {
            if (in_part(t, p, i)) {
                memcpy(out, cells + i * size, size);
                out += size;
            }
        }
    }
}

static int build_labels(struct part *t, struct mrc_err *err)
{
    struct str *labels = malloc(t->n * sizeof(*labels));
    if (!labels) {
        return no_memory(t->r, err);
    }
    size_t k = 0;
    for (uint32_t j = 0; j < t->r->n_pieces; j++) {
        const struct piece *p = &t->r->pieces[j];
        for (size_t i = 0; i < p->n; i++) {
            if (in_part(t, p, i)) {
                uint32_t begin = i > 0 ? p->label_ends[i - 1] : 0;
                labels[k++] = (struct str){buf_text(&p->labels).p + begin, p->label_ends[i] - begin};
            }
        }
    }
    int rc = dataset_set_target_text(t->data, labels, err);
    free(labels);
    return rc;
}

static int build_column(struct part *t, uint32_t i, struct mrc_err *err)
{
    struct reading *r = t->r;
    if (r->role[i] == ROLE_NUM) {
        float *values;
        MRC_TRY(dataset_new_float(t->data, r->names[i], &values, err));
        gather(t, i, sizeof(float), values);
        return MRC_OK;
    }
    if (r->role[i] == ROLE_TARGET && !r->target_is_number) {
        return build_labels(t, err);
    }
    if (cell_bytes[r->role[i]] > 0) {
        gather(t, i, cell_bytes[r->role[i]], t->cells);
    }
    switch (r->role[i]) {
    case ROLE_CAT:
        return dataset_add_hashes(t->data, r->names[i], t->cells, err);
    case ROLE_TARGET:
        return dataset_set_target(t->data, t->cells, err);
    case ROLE_WEIGHT:
        return dataset_set_weight(t->data, t->cells, err);
    case ROLE_TIMESTAMP:
        return dataset_set_timestamp(t->data, t->cells, err);
    case ROLE_GROUP:
        return dataset_set_group(t->data, t->cells, err);
    case ROLE_BASELINE:
        return dataset_add_baseline(t->data, t->cells, err);
    default:
        return MRC_OK;
    }
}

static int part_init(struct part *t, struct reading *r, bool aside, struct mrc_err *err)
{
    *t = (struct part){.r = r, .aside = aside};
    for (uint32_t k = 0; k < r->n_pieces; k++) {
        for (size_t i = 0; i < r->pieces[k].n; i++) {
            t->n += in_part(t, &r->pieces[k], i);
        }
    }
    if (t->n == 0) {
        return mrc_fail(err, MRC_EFORMAT, "%s: the split leaves no rows to %s", r->path,
                        aside ? "judge by" : "learn from");
    }
    MRC_TRY(dataset_new(&t->data, t->n, err));
    t->cells = malloc(t->n * sizeof(double));
    return t->cells ? MRC_OK : no_memory(r, err);
}

/* Free a column of all pieces. It lies scattered among the others, so that the memory must be asked back by hand. */
static void drop_column(struct reading *r, uint32_t column)
{
    for (uint32_t k = 0; k < r->n_pieces; k++) {
        free(r->pieces[k].columns[column]);
        r->pieces[k].columns[column] = NULL;
    }
#if defined(__GLIBC__)
    enum { LARGE = 1 << 20 };
    if (r->n * cell_bytes[r->role[column]] > LARGE) {
        malloc_trim(0);
    }
#endif
}

/* Both parts column by column, so that no more than one column is in memory twice. */
static int build(struct reading *r, struct dataset **out, struct dataset **rest, struct mrc_err *err)
{
    struct part parts[2] = {{0}};
    int n = r->options.split.by == SPLIT_BY_NOTHING ? 1 : 2, rc = MRC_OK;
    if (r->options.split.by == SPLIT_BY_CHANCE) {
        draw_split(r);
    }
    for (int k = 0; rc == MRC_OK && k < n; k++) {
        rc = part_init(&parts[k], r, k == 1, err);
    }
    for (uint32_t i = 0; rc == MRC_OK && i < r->n_columns; i++) {
        for (int k = 0; rc == MRC_OK && k < n; k++) {
            rc = build_column(&parts[k], i, err);
            if (rc < 0) {
                err_wrap(err, "%s", r->path);
            }
        }
        drop_column(r, i);
    }
    for (int k = 0; k < n; k++) {
        free(parts[k].cells);
        if (rc < 0) {
            dataset_free(parts[k].data);
        }
    }
    if (rc == MRC_OK) {
        *out = parts[0].data;
        if (n == 2) {
            *rest = parts[1].data;
        }
    }
    return rc;
}

static int read_all(struct reading *r, struct dataset **out, struct dataset **rest, struct mrc_err *err)
{
    if (csv_header(r->csv, &r->names, &r->n_columns, err) < 0) {
        return err ? command_where(err, r->path) : MRC_EFORMAT;
    }
    r->role = calloc(r->n_columns, sizeof(*r->role));
    if (!r->role) {
        return no_memory(r, err);
    }
    MRC_TRY(bind_roles(r, err));
    MRC_TRY(bind_split(r, err));
    MRC_TRY(read_blocks(r, err));
    return build(r, out, rest, err);
}

static int read_table(struct reading *r, struct dataset **out, struct dataset **rest, struct mrc_err *err)
{
    r->threads = r->options.threads < 1 ? 1 : r->options.threads > THREADS_MAX ? THREADS_MAX : r->options.threads;
    r->target_is_number = true;
    int rc = read_all(r, out, rest, err);
    csv_close(r->csv);
    for (uint32_t k = 0; k < r->n_pieces; k++) {
        piece_release(&r->pieces[k], r->n_columns);
    }
    free(r->pieces);
    free(r->role);
    return rc;
}

int dataset_read_table(struct dataset **out, struct dataset **rest, const char *path, const struct column_roles *roles,
                       const struct table_options *options, struct mrc_err *err)
{
    struct reading r = {.path = path, .roles = roles, .options = *options};
    MRC_TRY(csv_open(&r.csv, path, &csv_limits_file, err));
    return read_table(&r, out, rest, err);
}

int dataset_read_csv(struct dataset **out, const char *path, const struct column_roles *roles, struct mrc_err *err)
{
    struct table_options options = {0};
    return dataset_read_table(out, NULL, path, roles, &options, err);
}

int dataset_read_text(struct dataset **out, struct str text, const struct column_roles *roles, struct mrc_err *err)
{
    struct reading r = {.path = "the table", .roles = roles};
    MRC_TRY(csv_open_mem(&r.csv, text, &csv_limits_file, err));
    return read_table(&r, out, NULL, err);
}

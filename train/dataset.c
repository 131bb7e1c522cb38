/* Columns of training data: arrays, dense category ids, checks of target and weight. */
#include "train/dataset.h"
#include "common/trees/mercredi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES_MAX = 65535 };
static const size_t ROWS_MAX = INT32_MAX;

int dataset_new(struct dataset **out, size_t n_rows, struct mrc_err *err)
{
    if (n_rows == 0 || n_rows > ROWS_MAX) {
        return mrc_fail(err, MRC_EINVAL, "a data set has 1 to %zu rows, not %zu", ROWS_MAX, n_rows);
    }
    struct dataset *d = calloc(1, sizeof(*d));
    if (!d) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a data set");
    }
    arena_init(&d->arena, 0);
    d->n_rows = n_rows;
    *out = d;
    return MRC_OK;
}

void dataset_drop_values(struct dataset *d)
{
    for (uint32_t k = 0; k < d->n_floats; k++) {
        free(d->floats[k].values);
        d->floats[k].values = NULL;
    }
    for (uint32_t k = 0; k < d->n_cats; k++) {
        free(d->cats[k].ids);
        d->cats[k].ids = NULL;
    }
}

void dataset_free(struct dataset *d)
{
    if (d) {
        dataset_drop_values(d);
        arena_release(&d->arena);
        free(d);
    }
}

/* Room for one more feature in the three tables, which grow together. */
static int reserve(struct dataset *d, struct mrc_err *err)
{
    if (d->n_features == FEATURES_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "more than %d feature columns", FEATURES_MAX);
    }
    if (d->n_features < d->feature_capacity) {
        return MRC_OK;
    }
    uint32_t n = d->feature_capacity ? 2 * d->feature_capacity : 64;
    struct dataset_feature *features = ARENA_ARRAY(&d->arena, n, struct dataset_feature);
    struct dataset_float *floats = ARENA_ARRAY(&d->arena, n, struct dataset_float);
    struct dataset_cat *cats = ARENA_ARRAY(&d->arena, n, struct dataset_cat);
    if (!features || !floats || !cats) {
        return arena_fail(&d->arena, err);
    }
    if (d->n_features > 0) {
        memcpy(features, d->features, d->n_features * sizeof(*features));
        memcpy(floats, d->floats, d->n_floats * sizeof(*floats));
        memcpy(cats, d->cats, d->n_cats * sizeof(*cats));
    }
    d->features = features;
    d->floats = floats;
    d->cats = cats;
    d->feature_capacity = n;
    return MRC_OK;
}

static int add_feature(struct dataset *d, struct str name, enum dataset_kind kind, struct mrc_err *err)
{
    struct dataset_feature *f = &d->features[d->n_features];
    if (!str_copy(&d->arena, name, &f->name)) {
        return arena_fail(&d->arena, err);
    }
    f->kind = kind;
    f->index = kind == DATASET_FLOAT ? d->n_floats++ : d->n_cats++;
    d->n_features++;
    return MRC_OK;
}

static int no_memory(const struct dataset *d, struct mrc_err *err)
{
    return mrc_fail(err, MRC_ENOMEM, "no memory for a column of %zu rows", d->n_rows);
}

int dataset_new_float(struct dataset *d, struct str name, float **values, struct mrc_err *err)
{
    MRC_TRY(reserve(d, err));
    *values = malloc(d->n_rows * sizeof(**values));
    if (!*values) {
        return no_memory(d, err);
    }
    d->floats[d->n_floats].values = *values;
    int rc = add_feature(d, name, DATASET_FLOAT, err);
    if (rc < 0) {
        free(*values);
        d->floats[d->n_floats].values = NULL;
    }
    return rc;
}

int dataset_add_float(struct dataset *d, struct str name, const float *values, struct mrc_err *err)
{
    float *copy;
    MRC_TRY(dataset_new_float(d, name, &copy, err));
    for (size_t i = 0; i < d->n_rows; i++) {
        copy[i] = values[i] == 0 ? 0.0f : values[i];
    }
    return MRC_OK;
}

int dataset_add_double(struct dataset *d, struct str name, const double *values, struct mrc_err *err)
{
    float *copy;
    MRC_TRY(dataset_new_float(d, name, &copy, err));
    for (size_t i = 0; i < d->n_rows; i++) {
        float v = (float)values[i];
        copy[i] = v == 0 ? 0.0f : v;
    }
    return MRC_OK;
}

/* ---- categories ------------------------------------------------------------------------------------------------ */

/* Open addressing, hash -> id + 1 (0 = empty slot). */
struct hash_slot {
    uint32_t hash, id1;
};

/* Replace hashes by dense ids, in order of appearance; *hashes is malloc'd. */
static int number_hashes(uint32_t *values, size_t n, uint32_t *n_ids, uint32_t **hashes, struct mrc_err *err)
{
    size_t capacity = 1024, used = 0;
    struct hash_slot *table = calloc(capacity, sizeof(*table));
    uint32_t *list = malloc(capacity / 2 * sizeof(*list));
    for (size_t i = 0; table && list && i < n; i++) {
        uint32_t hash = values[i];
        size_t at = hash * UINT32_C(2654435769) & (capacity - 1);
        while (table[at].id1 != 0 && table[at].hash != hash) {
            at = (at + 1) & (capacity - 1);
        }
        if (table[at].id1 == 0) {
            table[at] = (struct hash_slot){hash, (uint32_t)used + 1};
            list[used++] = hash;
        }
        values[i] = table[at].id1 - 1;
        if (used == capacity / 2) { /* full enough: double and put everything back */
            free(table);
            capacity *= 2;
            table = calloc(capacity, sizeof(*table));
            uint32_t *longer = realloc(list, capacity / 2 * sizeof(*list));
            list = longer ? longer : list;
            if (!table || !longer) {
                free(table);
                table = NULL;
                break;
            }
            for (size_t k = 0; k < used; k++) {
                size_t slot = list[k] * UINT32_C(2654435769) & (capacity - 1);
                while (table[slot].id1 != 0) {
                    slot = (slot + 1) & (capacity - 1);
                }
                table[slot] = (struct hash_slot){list[k], (uint32_t)k + 1};
            }
        }
    }
    if (!table || !list) {
        free(table);
        free(list);
        return mrc_fail(err, MRC_ENOMEM, "no memory for the categories of a column");
    }
    free(table);
    *n_ids = (uint32_t)used;
    *hashes = list;
    return MRC_OK;
}

int dataset_add_hashes(struct dataset *d, struct str name, const uint32_t *hashes, struct mrc_err *err)
{
    MRC_TRY(reserve(d, err));
    uint32_t *ids = malloc(d->n_rows * sizeof(*ids)), *list = NULL, *kept = NULL, n_ids = 0;
    if (!ids) {
        return no_memory(d, err);
    }
    memcpy(ids, hashes, d->n_rows * sizeof(*ids));
    int rc = number_hashes(ids, d->n_rows, &n_ids, &list, err);
    if (rc == MRC_OK) {
        kept = ARENA_ARRAY(&d->arena, n_ids, uint32_t);
        rc = kept ? MRC_OK : arena_fail(&d->arena, err);
    }
    if (rc == MRC_OK) {
        memcpy(kept, list, n_ids * sizeof(*kept));
        d->cats[d->n_cats] = (struct dataset_cat){.ids = ids, .n_ids = n_ids, .hashes = kept};
        rc = add_feature(d, name, DATASET_CAT, err);
    }
    free(list);
    if (rc < 0) {
        free(ids);
        d->cats[d->n_cats].ids = NULL;
    }
    return rc;
}

int dataset_add_cat(struct dataset *d, struct str name, const struct str *values, struct mrc_err *err)
{
    uint32_t *hashes = malloc(d->n_rows * sizeof(*hashes));
    if (!hashes) {
        return no_memory(d, err);
    }
    for (size_t i = 0; i < d->n_rows; i++) {
        hashes[i] = mrc_cat_hash(values[i].p ? values[i].p : "", values[i].n);
    }
    int rc = dataset_add_hashes(d, name, hashes, err);
    free(hashes);
    return rc;
}

/* ---- target, weight, time -------------------------------------------------------------------------------------- */

int dataset_set_target(struct dataset *d, const double *target, struct mrc_err *err)
{
    float *copy = ARENA_ARRAY(&d->arena, d->n_rows, float);
    if (!copy) {
        return arena_fail(&d->arena, err);
    }
    for (size_t i = 0; i < d->n_rows; i++) {
        copy[i] = (float)target[i];
        if (!isfinite(copy[i])) {
            char text[NUMBER_TEXT_MAX];
            format_double(target[i], text);
            return mrc_fail(err, MRC_EFORMAT, "target of row %zu (from 0) is %s; it must be a finite number", i, text);
        }
    }
    d->target = copy;
    d->n_labels = 0;
    return MRC_OK;
}

static int compare_strings(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int set_labels(struct dataset *d, const struct str *target, struct mrc_err *err)
{
    struct str *sorted = malloc(d->n_rows * sizeof(*sorted));
    if (!sorted) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for %zu labels", d->n_rows);
    }
    memcpy(sorted, target, d->n_rows * sizeof(*sorted));
    qsort(sorted, d->n_rows, sizeof(*sorted), compare_strings);
    uint32_t n = 0;
    for (size_t i = 0; i < d->n_rows; i++) {
        if (n == 0 || !str_eq(sorted[n - 1], sorted[i])) {
            sorted[n++] = sorted[i];
        }
    }
    struct str *labels = ARENA_ARRAY(&d->arena, n, struct str);
    float *copy = ARENA_ARRAY(&d->arena, d->n_rows, float);
    bool ok = labels && copy;
    for (uint32_t i = 0; ok && i < n; i++) {
        ok = str_copy(&d->arena, sorted[i], &labels[i]);
    }
    free(sorted);
    if (!ok) {
        return arena_fail(&d->arena, err);
    }
    for (size_t i = 0; i < d->n_rows; i++) {
        const struct str *at = bsearch(&target[i], labels, n, sizeof(*labels), compare_strings);
        copy[i] = (float)(at - labels);
    }
    d->target = copy;
    d->labels = labels;
    d->n_labels = n;
    return MRC_OK;
}

int dataset_set_target_text(struct dataset *d, const struct str *target, struct mrc_err *err)
{
    double *numbers = malloc(d->n_rows * sizeof(*numbers));
    if (!numbers) {
        return no_memory(d, err);
    }
    size_t i = 0;
    while (i < d->n_rows && parse_double(target[i], &numbers[i])) {
        i++;
    }
    int rc = i == d->n_rows ? dataset_set_target(d, numbers, err) : set_labels(d, target, err);
    free(numbers);
    return rc;
}

int dataset_set_weight(struct dataset *d, const double *weight, struct mrc_err *err)
{
    if (!weight) {
        d->weight = NULL;
        return MRC_OK;
    }
    float *copy = ARENA_ARRAY(&d->arena, d->n_rows, float);
    if (!copy) {
        return arena_fail(&d->arena, err);
    }
    bool any = false;
    for (size_t i = 0; i < d->n_rows; i++) {
        copy[i] = (float)weight[i];
        if (!isfinite(copy[i]) || copy[i] < 0) {
            char text[NUMBER_TEXT_MAX];
            format_double(weight[i], text);
            return mrc_fail(err, MRC_EFORMAT, "weight of row %zu (from 0) is %s; it must be a finite number >= 0", i,
                            text);
        }
        any = any || copy[i] > 0;
    }
    if (!any) {
        return mrc_fail(err, MRC_EFORMAT, "all weights are 0");
    }
    d->weight = copy;
    return MRC_OK;
}

int dataset_set_timestamp(struct dataset *d, const int64_t *timestamp, struct mrc_err *err)
{
    int64_t *copy = ARENA_ARRAY(&d->arena, d->n_rows, int64_t);
    if (!copy) {
        return arena_fail(&d->arena, err);
    }
    memcpy(copy, timestamp, d->n_rows * sizeof(*copy));
    d->timestamp = copy;
    return MRC_OK;
}

int dataset_set_group(struct dataset *d, const uint32_t *hashes, struct mrc_err *err)
{
    uint32_t *ids = ARENA_ARRAY(&d->arena, d->n_rows, uint32_t), *list = NULL, n_ids;
    if (!ids) {
        return arena_fail(&d->arena, err);
    }
    memcpy(ids, hashes, d->n_rows * sizeof(*ids));
    MRC_TRY(number_hashes(ids, d->n_rows, &n_ids, &list, err));
    free(list);
    d->group = ids;
    return MRC_OK;
}

enum { BASELINES_MAX = 4096 };

int dataset_add_baseline(struct dataset *d, const float *scores, struct mrc_err *err)
{
    if (d->n_baselines == BASELINES_MAX) {
        return mrc_fail(err, MRC_ELIMIT, "more than %d baseline columns", BASELINES_MAX);
    }
    const float **list = ARENA_ARRAY(&d->arena, (size_t)d->n_baselines + 1, const float *);
    float *copy = ARENA_ARRAY(&d->arena, d->n_rows, float);
    if (!list || !copy) {
        return arena_fail(&d->arena, err);
    }
    for (size_t i = 0; i < d->n_rows; i++) {
        copy[i] = scores[i];
        if (!isfinite(copy[i])) {
            return mrc_fail(err, MRC_EFORMAT, "baseline of row %zu (from 0) is not a finite number", i);
        }
    }
    for (uint32_t k = 0; k < d->n_baselines; k++) {
        list[k] = d->baselines[k];
    }
    list[d->n_baselines++] = copy;
    d->baselines = list;
    return MRC_OK;
}

int dataset_check_alike(const struct dataset *a, const struct dataset *b, struct mrc_err *err)
{
    if (a->n_features != b->n_features) {
        return mrc_fail(err, MRC_EFORMAT, "%u feature columns, the learn set has %u", b->n_features, a->n_features);
    }
    if (a->n_baselines != b->n_baselines) {
        return mrc_fail(err, MRC_EFORMAT, "%u baseline columns, the learn set has %u", b->n_baselines, a->n_baselines);
    }
    for (uint32_t i = 0; i < a->n_features; i++) {
        const struct dataset_feature *x = &a->features[i], *y = &b->features[i];
        if (x->name.n > 0 && y->name.n > 0 && !str_eq(x->name, y->name)) {
            return mrc_fail(err, MRC_EFORMAT, "feature %u is \"%.*s\", in the learn set \"%.*s\"", i, STR_ARG(y->name),
                            STR_ARG(x->name));
        }
        if (x->kind != y->kind) {
            return mrc_fail(err, MRC_EFORMAT, "feature %u (\"%.*s\") is %s, in the learn set %s", i, STR_ARG(x->name),
                            y->kind == DATASET_CAT ? "categorical" : "numeric",
                            x->kind == DATASET_CAT ? "categorical" : "numeric");
        }
    }
    return MRC_OK;
}

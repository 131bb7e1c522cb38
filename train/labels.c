/* Labels of classes: two for Logloss, any number for MultiClass, numbers or text. */
#include "train/labels.h"
#include "train/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_MAX = 4096, LABEL_ECHO = 60 };

static int distinct_values(struct labels *l, const struct dataset *learn, struct mrc_err *err)
{
    float *sorted = malloc(2 * learn->n_rows * sizeof(*sorted));
    l->values = malloc(CLASSES_MAX * sizeof(*l->values));
    if (!sorted || !l->values) {
        free(sorted);
        return mrc_fail(err, MRC_ENOMEM, "no memory for labels");
    }
    memcpy(sorted, learn->target, learn->n_rows * sizeof(*sorted));
    sort_floats(sorted, sorted + learn->n_rows, learn->n_rows);
    int rc = MRC_OK;
    l->is_integer = true;
    for (size_t i = 0; i < learn->n_rows; i++) {
        if (l->n > 0 && sorted[i] == l->values[l->n - 1]) {
            continue;
        }
        if (l->n == CLASSES_MAX) {
            rc = mrc_fail(err, MRC_EFORMAT, "the target has more than %d different labels", CLASSES_MAX);
            break;
        }
        l->values[l->n++] = sorted[i];
        l->is_integer = l->is_integer && sorted[i] == floorf(sorted[i]) && fabsf(sorted[i]) < 1e9f;
    }
    free(sorted);
    return rc;
}

/* classes_count n: labels are 0 … n - 1 whether they occur or not. */
static int counted_classes(struct labels *l, uint32_t n, struct mrc_err *err)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (!l->is_integer || l->values[i] < 0 || l->values[i] >= (float)n) {
            char text[NUMBER_TEXT_MAX];
            format_float(l->values[i], text);
            return mrc_fail(err, MRC_EFORMAT, "label %s is not an integer from 0 to %u (classes_count %u)", text, n - 1,
                            n);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        l->values[i] = (float)i;
    }
    l->n = n;
    return MRC_OK;
}

/* The loss takes numbers and the target is text: name a label that is no number. */
static int not_a_number(const struct dataset *data, const char *loss, struct mrc_err *err)
{
    double v;
    uint32_t i = 0;
    while (i + 1 < data->n_labels && parse_double(data->labels[i], &v)) {
        i++;
    }
    size_t row = 0;
    while (row + 1 < data->n_rows && data->target[row] != (float)i) {
        row++;
    }
    return mrc_fail(err, MRC_EFORMAT, "the target of %s must be numbers; \"%.*s\" (row %zu from 0) is none", loss,
                    (int)(data->labels[i].n < LABEL_ECHO ? data->labels[i].n : LABEL_ECHO), data->labels[i].p, row);
}

int labels_find(struct labels *l, const struct dataset *learn, const struct params *p, struct mrc_err *err)
{
    const struct objective *o = objective_of(p->loss.type);
    *l = (struct labels){0};
    if (!o->is_binary && !o->is_classes) {
        return learn->n_labels == 0 ? MRC_OK : not_a_number(learn, o->name, err);
    }
    if (learn->n_labels > 0) {
        l->n = learn->n_labels;
        l->text = learn->labels;
    } else {
        MRC_TRY(distinct_values(l, learn, err));
        if (p->classes_count > 0 && o->is_classes) {
            MRC_TRY(counted_classes(l, (uint32_t)p->classes_count, err));
        }
    }
    if (l->n < 2) {
        return mrc_fail(err, MRC_EFORMAT, "the target is constant: %s needs at least two labels", o->name);
    }
    if (o->is_binary && l->n > 2) {
        return mrc_fail(err, MRC_EFORMAT,
                        "the target has %u different labels, Logloss takes two (CrossEntropy takes probabilities)",
                        l->n);
    }
    if (l->n > CLASSES_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "the target has %u different labels; the limit is %d", l->n, CLASSES_MAX);
    }
    return MRC_OK;
}

void labels_release(struct labels *l)
{
    free(l->values);
    *l = (struct labels){0};
}

static int64_t find_value(const struct labels *l, float value)
{
    uint32_t low = 0, high = l->n;
    while (low < high) {
        uint32_t m = low + (high - low) / 2;
        if (l->values[m] < value) {
            low = m + 1;
        } else {
            high = m;
        }
    }
    return low < l->n && l->values[low] == value ? (int64_t)low : -1;
}

static int64_t find_text(const struct labels *l, struct str text)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (str_eq(l->text[i], text)) {
            return i;
        }
    }
    return -1;
}

static int apply_text(const struct labels *l, const struct dataset *data, float *target, size_t n, struct mrc_err *err)
{
    float map[CLASSES_MAX];
    for (uint32_t i = 0; i < data->n_labels; i++) {
        int64_t at = i < CLASSES_MAX ? find_text(l, data->labels[i]) : -1;
        if (at < 0) {
            return mrc_fail(err, MRC_EFORMAT, "label \"%.*s\" is not in the learn set", STR_ARG(data->labels[i]));
        }
        map[i] = (float)at;
    }
    for (size_t i = 0; i < n; i++) {
        target[i] = map[(size_t)target[i]];
    }
    return MRC_OK;
}

int labels_apply(const struct labels *l, const struct dataset *data, float *target, size_t n, struct mrc_err *err)
{
    if (l->n == 0) {
        return data->n_labels == 0 ? MRC_OK : not_a_number(data, "this loss", err);
    }
    if (l->text && data->n_labels > 0) {
        return apply_text(l, data, target, n, err);
    }
    if (l->text || data->n_labels > 0) {
        return mrc_fail(err, MRC_EFORMAT, "labels are text in one data set and numbers in the other");
    }
    for (size_t i = 0; i < n; i++) {
        int64_t at = find_value(l, target[i]);
        if (at < 0) {
            char text[NUMBER_TEXT_MAX];
            format_float(target[i], text);
            return mrc_fail(err, MRC_EFORMAT, "label %s is not in the learn set", text);
        }
        target[i] = (float)at;
    }
    return MRC_OK;
}

int labels_weigh(const struct labels *l, struct pool *pool, enum auto_class_weights how, struct mrc_err *err)
{
    double *sums = calloc(l->n, sizeof(*sums));
    if (!pool->weight) {
        pool->weight = malloc(pool->n * sizeof(float));
        for (size_t i = 0; pool->weight && i < pool->n; i++) {
            pool->weight[i] = 1;
        }
    }
    if (!sums || !pool->weight) {
        free(sums);
        return mrc_fail(err, MRC_ENOMEM, "no memory for weights");
    }
    double most = 0;
    for (size_t i = 0; i < pool->n; i++) {
        sums[(size_t)pool->target[i]] += (double)pool->weight[i];
    }
    for (uint32_t k = 0; k < l->n; k++) {
        most = fmax(most, sums[k]);
    }
    for (size_t i = 0; i < pool->n; i++) {
        double sum = sums[(size_t)pool->target[i]];
        double w = sum > 0 ? most / sum : 1;
        w = how == CLASS_WEIGHTS_SQRT_BALANCED ? sqrt(w) : w;
        pool->weight[i] *= (float)w;
    }
    free(sums);
    return MRC_OK;
}

void labels_write(const struct labels *l, struct json_out *w)
{
    json_open_object(w);
    json_pair_cstr(w, "class_label_type", l->text ? "String" : l->is_integer ? "Integer" : "Float");
    json_put_key(w, "class_names");
    json_open_array(w);
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->text) {
            json_put_str(w, l->text[i]);
        } else if (l->is_integer) {
            json_put_i64(w, (int64_t)l->values[i]);
        } else {
            json_put_double(w, (double)l->values[i]);
        }
    }
    json_close_array(w);
    json_put_key(w, "class_to_label");
    json_open_array(w);
    for (uint32_t i = 0; i < l->n; i++) {
        json_put_i64(w, i);
    }
    json_close_array(w);
    json_pair_i64(w, "classes_count", 0);
    json_close_object(w);
}

/* Training: parameters, columns and a table, any bytes of them, are refused with a message or give a model that writes
 * and reads back. The input is the three texts, with a line of "%%" between them; a column description of CatBoost's is
 * taken where no JSON list begins. Parameters that only make it slow are held small. */
#include "common/trees/mercredi.h"
#include "train/boost.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void require_error(int rc, const struct mrc_err *err)
{
    require(rc < 0 && rc != MRC_EBUG && err->code == rc && err->msg[0] != '\0');
}

/* The text up to the next separator; *rest loses it. */
static struct str next_text(struct str *rest)
{
    static const char separator[] = "\n%%\n";
    enum { LENGTH = sizeof(separator) - 1 };
    for (size_t i = 0; i + LENGTH <= rest->n; i++) {
        if (!memcmp(rest->p + i, separator, LENGTH)) {
            struct str text = {rest->p, i};
            *rest = (struct str){rest->p + i + LENGTH, rest->n - i - LENGTH};
            return text;
        }
    }
    struct str text = *rest;
    *rest = (struct str){rest->p + rest->n, 0};
    return text;
}

static bool read_params(struct params *p, struct str text)
{
    static const int64_t iterations = 3, depth = 5, steps = 4;
    struct mrc_err err = {0};
    struct json_doc *doc;
    params_init(p);
    p->iterations = iterations;
    int rc = json_read(&doc, text, &json_limits_file, NULL, &err);
    if (rc == MRC_OK) {
        rc = params_set_json(p, json_root(doc), &err);
        json_free(doc);
    }
    if (rc < 0) {
        require_error(rc, &err);
        return false;
    }
    p->iterations = p->iterations < iterations ? p->iterations : iterations;
    p->depth = p->depth < depth ? p->depth : depth;
    p->leaf_estimation_iterations = p->leaf_estimation_iterations < steps ? p->leaf_estimation_iterations : steps;
    p->permutation_count = p->permutation_count < 3 ? p->permutation_count : 3;
    p->thread_count = 1;
    return true;
}

static struct dataset *read_table(struct str columns, struct str table)
{
    struct mrc_err err = {0};
    struct column_roles roles;
    struct dataset *d = NULL;
    bool json = columns.n > 0 && columns.p[0] == '[';
    int rc = json ? roles_parse_json(&roles, columns, &err) : roles_parse_cd(&roles, columns, &err);
    if (rc < 0) {
        require_error(rc, &err);
        return NULL;
    }
    rc = dataset_read_text(&d, table, &roles, &err);
    roles_release(&roles);
    if (rc < 0) {
        require_error(rc, &err);
        return NULL;
    }
    return d;
}

/* A model can be written, read, and written the same. */
static void check_model(const mrc_model *m)
{
    struct mrc_err err = {0};
    void *first, *second;
    size_t n_first, n_second;
    mrc_model *again;
    require(mrc_model_write(m, MRC_FORMAT_CBM, &first, &n_first, &err) == MRC_OK);
    require(mrc_model_open_mem(&again, first, n_first, &err) == MRC_OK);
    require(mrc_model_write(again, MRC_FORMAT_CBM, &second, &n_second, &err) == MRC_OK);
    require(n_first == n_second && !memcmp(first, second, n_first));
    free(first);
    free(second);
    mrc_model_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct str params_text = next_text(&rest), columns = next_text(&rest), table = rest;
    struct params params;
    struct mrc_err err = {0};
    bool has_params = read_params(&params, params_text);
    struct dataset *d = read_table(columns, table);
    if (has_params && d && d->n_features <= 64 && d->n_rows <= 2000) {
        mrc_model *m = NULL;
        struct boost_report report;
        int rc = boost_fit(d, size % 3 == 0 ? d : NULL, &params, NULL, &m, &report, &err);
        if (rc < 0) {
            require_error(rc, &err);
            require(m == NULL);
        } else {
            check_model(m);
            boost_report_release(&report);
            mrc_model_free(m);
        }
    }
    dataset_free(d);
    return 0;
}

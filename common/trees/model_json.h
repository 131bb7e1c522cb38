/* What the files that read CatBoost's JSON share: a reader that knows where it is, and typed access with its errors. */
#ifndef MRC_TREES_MODEL_JSON_H
#define MRC_TREES_MODEL_JSON_H

#include "common/base/json.h"
#include "common/trees/model.h"

struct json_reader {
    mrc_model *m;
    struct mrc_err *err;
    char where[120]; /* path of what is being read: "oblivious_trees[3]" */
};

/* Set the path. */
void jr_at(struct json_reader *r, const char *fmt, ...) MRC_PRINTF(2, 3);
/* MRC_EFORMAT "path.key must be want". */
int jr_bad(struct json_reader *r, const char *key, const char *want);
/* The failure of the model's arena. */
int jr_no_memory(struct json_reader *r);
/* An integer member; absent gives `absent`, which is an error too when it lies outside min … max. */
int jr_int(struct json_reader *r, const struct json *o, const char *key, int64_t min, int64_t max, int64_t absent,
           int64_t *out) MRC_CHECKED;
/* An array member and its length; NULL and 0 when absent or null. */
int jr_array(struct json_reader *r, const struct json *o, const char *key, const struct json **out,
             uint32_t *n) MRC_CHECKED;
/* A category hash: 32 bits, written signed by CatBoost, taken unsigned as well. */
bool jr_hash32(const struct json *v, int32_t *out);

/* model_json_trees.c: after the features, whose splits the trees refer to; then biases. */
int jr_trees(struct json_reader *r, const struct json *root) MRC_CHECKED;
int jr_scale_and_bias(struct json_reader *r, const struct json *root) MRC_CHECKED;

#endif

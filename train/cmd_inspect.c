/* inspect: what is inside a model file or a bundle: trees, features, borders, CTRs, loss, metadata, intervals. */
#include "common/base/date.h"
#include "common/base/file.h"
#include "common/forecast/bundle.h"
#include "common/trees/model.h"
#include "train/command.h"

#include <unistd.h>

enum { TEXT_MAX = 1 << 30, META_SHOWN = 60, BORDERS_SHOWN = 4 };

enum option { JSON, PATH, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [JSON] = {"json", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL, "Everything, as one JSON object"},
    [PATH] = {"model", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED | SETTING_POSITIONAL, 0, NULL,
              "Model file (.cbm or .json) or bundle folder"},
};

static size_t tree_depth_max(const mrc_model *m)
{
    size_t depth = 0;
    for (uint32_t t = 0; m->symmetric && t < m->n_trees; t++) {
        depth = m->tree_sizes[t] > depth ? m->tree_sizes[t] : depth;
    }
    return depth;
}

static const char *const nan_names[] = {"AsIs", "AsFalse", "AsTrue"};

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

static void float_borders(struct json_out *w, const float *borders, uint32_t n)
{
    char text[NUMBER_TEXT_MAX];
    json_open_array(w);
    for (uint32_t i = 0; i < n; i++) {
        size_t k = format_float(borders[i], text);
        struct str s = {text, k};
        if (borders[i] - borders[i] == 0) {
            json_put_raw(w, s);
        } else {
            json_put_str(w, s); /* JSON has no infinities */
        }
    }
    json_close_array(w);
}

static void json_features(struct json_out *w, const mrc_model *m)
{
    json_put_key(w, "features");
    json_open_array(w);
    for (size_t i = 0; i < mrc_model_features(m); i++) {
        struct mrc_feature f;
        if (mrc_model_feature(m, i, &f, NULL) < 0) {
            continue;
        }
        json_open_object(w);
        json_pair_i64(w, "index", (int64_t)i);
        json_pair_cstr(w, "kind", f.kind == MRC_FEATURE_FLOAT ? "num" : f.kind == MRC_FEATURE_CAT ? "cat" : "unused");
        json_pair_cstr(w, "name", f.name ? f.name : "");
        json_pair_bool(w, "used", f.used != 0);
        if (f.kind == MRC_FEATURE_FLOAT) {
            const struct float_feature *x = &m->float_features[model_find_float(m, (int32_t)f.index)];
            json_pair_bool(w, "has_nans", x->has_nans);
            json_pair_cstr(w, "nan_treatment", nan_names[x->nan_treatment]);
            json_put_key(w, "borders");
            float_borders(w, x->borders, x->n_borders);
        }
        json_close_object(w);
    }
    json_close_array(w);
}

static void json_projection(struct json_out *w, const struct projection *p)
{
    json_put_key(w, "cats");
    json_open_array(w);
    for (uint32_t i = 0; i < p->n_cats; i++) {
        json_put_i64(w, p->cats[i]);
    }
    json_close_array(w);
    json_put_key(w, "floats");
    json_open_array(w);
    for (uint32_t i = 0; i < p->n_floats; i++) {
        json_open_object(w);
        json_pair_i64(w, "index", p->floats[i].index);
        json_put_key(w, "border");
        float_borders(w, &p->floats[i].border, 1);
        json_close_object(w);
    }
    json_close_array(w);
    json_put_key(w, "one_hots");
    json_open_array(w);
    for (uint32_t i = 0; i < p->n_one_hots; i++) {
        json_open_object(w);
        json_pair_i64(w, "index", p->one_hots[i].index);
        json_pair_i64(w, "value", p->one_hots[i].value);
        json_close_object(w);
    }
    json_close_array(w);
}

static void json_categories(struct json_out *w, const mrc_model *m)
{
    json_put_key(w, "one_hot");
    json_open_array(w);
    for (uint32_t i = 0; i < m->n_one_hot_features; i++) {
        json_open_object(w);
        json_pair_i64(w, "cat", m->one_hot_features[i].cat_index);
        json_pair_i64(w, "values", m->one_hot_features[i].n_values);
        json_close_object(w);
    }
    json_close_array(w);
    json_put_key(w, "ctrs");
    json_open_array(w);
    for (uint32_t i = 0; i < m->n_ctr_features; i++) {
        const struct ctr_feature *c = &m->ctr_features[i];
        json_open_object(w);
        json_pair_cstr(w, "type", ctr_type_name(c->type));
        json_projection(w, &c->projection);
        json_pair_i64(w, "target_classifier", c->target_classifier);
        json_pair_i64(w, "target_border", c->target_border);
        json_pair_double(w, "prior_num", (double)c->prior_num);
        json_pair_double(w, "prior_denom", (double)c->prior_denom);
        json_pair_double(w, "shift", (double)c->shift);
        json_pair_double(w, "scale", (double)c->scale);
        json_pair_i64(w, "keys", m->ctr_tables[c->table].n_keys);
        json_put_key(w, "borders");
        float_borders(w, c->borders, c->n_borders);
        json_close_object(w);
    }
    json_close_array(w);
}

static void json_model(struct json_out *w, const mrc_model *m)
{
    json_open_object(w);
    json_pair_i64(w, "trees", (int64_t)mrc_model_trees(m));
    json_pair_bool(w, "symmetric", m->symmetric);
    if (m->symmetric) {
        json_pair_i64(w, "depth_max", (int64_t)tree_depth_max(m));
    }
    json_pair_i64(w, "outputs", (int64_t)mrc_model_dim(m));
    json_pair_cstr(w, "loss", mrc_model_loss(m));
    json_pair_double(w, "scale", m->scale);
    json_put_key(w, "bias");
    json_open_array(w);
    for (uint32_t k = 0; k < m->dim; k++) {
        json_put_double(w, m->bias[k]);
    }
    json_close_array(w);
    json_pair_i64(w, "splits", m->n_splits);
    json_pair_i64(w, "leaf_values", (int64_t)m->n_leaf_values);
    json_features(w, m);
    json_categories(w, m);
    if (mrc_model_class_label(m, 0)) {
        json_put_key(w, "classes");
        json_open_array(w);
        const char *label;
        for (size_t k = 0; (label = mrc_model_class_label(m, k)); k++) {
            json_put_cstr(w, label);
        }
        json_close_array(w);
    }
    json_put_key(w, "metadata");
    json_open_object(w);
    const char *key, *value;
    for (size_t i = 0; (key = mrc_model_meta_at(m, i, &value)); i++) {
        json_pair_cstr(w, key, value);
    }
    json_close_object(w);
    json_close_object(w);
}

static void json_bundle_model(struct json_out *w, const struct bundle *b, const struct bundle_model *x)
{
    json_open_object(w);
    json_pair_str(w, "name", x->name);
    json_put_key(w, "needs");
    json_open_array(w);
    for (uint32_t i = 0; i < x->n_needs; i++) {
        json_put_str(w, schema_field(b->schema, (uint32_t)x->needs[i])->name);
    }
    json_close_array(w);
    if (x->per >= 0) {
        json_pair_str(w, "per", schema_field(b->schema, (uint32_t)x->per)->name);
    }
    json_put_key(w, "interval");
    json_open_array(w);
    for (uint32_t i = 0; i < x->n_levels; i++) {
        json_open_object(w);
        json_pair_double(w, "level", x->levels[i]);
        json_pair_double(w, "offset", x->offsets[i]);
        json_close_object(w);
    }
    json_close_array(w);
    json_put_key(w, "columns");
    json_open_array(w);
    for (uint32_t i = 0; i < features_count(x->features); i++) {
        const struct feature *f = features_at(x->features, i);
        json_open_object(w);
        json_pair_str(w, "name", f->name);
        json_pair_cstr(w, "kind", f->categorical ? "cat" : "num");
        json_pair_str(w, "owner", f->owner >= 0 ? schema_field(b->schema, (uint32_t)f->owner)->name : STR("market"));
        json_close_object(w);
    }
    json_close_array(w);
    json_put_key(w, "model");
    json_model(w, x->model);
    json_close_object(w);
}

static void json_bundle(struct json_out *w, const struct bundle *b)
{
    char date[DATE_TEXT] = "";
    json_open_object(w);
    json_pair_str(w, "name", b->name);
    json_pair_str(w, "version", b->version);
    json_pair_cstr(w, "digest", b->digest);
    if (b->histories_as_of != DATE_NONE) {
        date_format(b->histories_as_of, date);
    }
    json_pair_cstr(w, "histories_as_of", date);
    json_put_key(w, "manifest");
    json_put_raw(w, b->manifest);
    json_put_key(w, "models");
    json_open_array(w);
    for (uint32_t i = 0; i < b->n_models; i++) {
        json_bundle_model(w, b, &b->models[i]);
    }
    json_close_array(w);
    json_close_object(w);
}

/* ---- for people ------------------------------------------------------------------------------------------------ */

static void text_feature(struct buf *b, const mrc_model *m, size_t i)
{
    struct mrc_feature f;
    if (mrc_model_feature(m, i, &f, NULL) < 0 || f.kind == MRC_FEATURE_UNUSED) {
        return;
    }
    buf_printf(b, "  %4zu %s %-28s", i, f.kind == MRC_FEATURE_CAT ? "cat" : "num", f.name ? f.name : "");
    if (!f.used) {
        buf_puts(b, " not used");
    } else if (f.kind == MRC_FEATURE_FLOAT) {
        const struct float_feature *x = &m->float_features[model_find_float(m, (int32_t)f.index)];
        buf_printf(b, " %u borders", x->n_borders);
        for (uint32_t k = 0; k < x->n_borders && k < BORDERS_SHOWN; k++) {
            char text[NUMBER_TEXT_MAX];
            format_float(x->borders[k], text);
            buf_printf(b, "%s%s", k ? ", " : ": ", text);
        }
        buf_puts(b, x->n_borders > BORDERS_SHOWN ? ", …" : "");
        buf_puts(b, x->has_nans ? "; unknown " : "");
        buf_puts(b, x->has_nans ? nan_names[x->nan_treatment] : "");
    }
    buf_char(b, '\n');
}

static void text_model(struct buf *b, const mrc_model *m)
{
    buf_printf(b, "trees      %zu", mrc_model_trees(m));
    if (m->symmetric) {
        buf_printf(b, ", symmetric, depth up to %zu\n", tree_depth_max(m));
    } else {
        buf_puts(b, ", not symmetric\n");
    }
    buf_printf(b, "outputs    %zu\nloss       %s\nscale      ", mrc_model_dim(m), mrc_model_loss(m));
    buf_double(b, m->scale);
    buf_puts(b, "\nbias      ");
    for (uint32_t k = 0; k < m->dim; k++) {
        buf_char(b, ' ');
        buf_double(b, m->bias[k]);
    }
    buf_printf(b, "\nsplits     %u\nCTRs       %u on %u tables, %u one-hot features\nfeatures   %zu\n", m->n_splits,
               m->n_ctr_features, m->n_ctr_tables, m->n_one_hot_features, mrc_model_features(m));
    for (size_t i = 0; i < mrc_model_features(m); i++) {
        text_feature(b, m, i);
    }
    const char *key, *value;
    for (size_t i = 0; (key = mrc_model_meta_at(m, i, &value)); i++) {
        struct str all = str_of(value);
        struct str shown = {all.p, all.n < META_SHOWN ? all.n : META_SHOWN};
        shown.n = utf8_valid(shown);
        buf_printf(b, "metadata   %s = ", key);
        for (size_t k = 0; k < shown.n; k++) {
            buf_char(b, (unsigned char)shown.p[k] < ' ' ? ' ' : shown.p[k]);
        }
        buf_puts(b, shown.n < all.n ? "…\n" : "\n");
    }
}

static void text_bundle(struct buf *b, const struct bundle *x)
{
    char date[DATE_TEXT] = "unknown";
    if (x->histories_as_of != DATE_NONE) {
        date_format(x->histories_as_of, date);
    }
    buf_printf(b, "bundle     %.*s %.*s\ndigest     %s\nknows films up to %s\n", STR_ARG(x->name), STR_ARG(x->version),
               x->digest, date);
    for (uint32_t i = 0; i < x->n_models; i++) {
        const struct bundle_model *y = &x->models[i];
        buf_printf(b, "\nmodel      %.*s", STR_ARG(y->name));
        for (uint32_t k = 0; k < y->n_needs; k++) {
            buf_printf(b, "%s%.*s",
                       k ? ", " : ", when known: ", STR_ARG(schema_field(x->schema, (uint32_t)y->needs[k])->name));
        }
        buf_puts(b, "\ninterval  ");
        for (uint32_t k = 0; k < y->n_levels; k++) {
            buf_char(b, ' ');
            buf_double(b, y->levels[k]);
            buf_char(b, ':');
            buf_double(b, y->offsets[k]);
        }
        buf_char(b, '\n');
        text_model(b, y->model);
    }
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static int run(const struct settings *s, struct mrc_err *err)
{
    const char *path = setting_cstr(s, PATH);
    struct bundle *bundle = NULL;
    mrc_model *model = NULL;
    if (file_is_folder(path)) {
        MRC_TRY(bundle_open_unchecked(&bundle, path, err));
    } else {
        MRC_TRY(mrc_model_open(&model, path, err));
    }
    struct buf b;
    buf_init(&b, NULL, TEXT_MAX);
    if (setting_bool(s, JSON)) {
        struct json_out w;
        json_out_init(&w, &b);
        w.pretty = true;
        if (bundle) {
            json_bundle(&w, bundle);
        } else if (model) {
            json_model(&w, model);
        }
        buf_char(&b, '\n');
    } else if (bundle) {
        text_bundle(&b, bundle);
    } else if (model) {
        text_model(&b, model);
    }
    int rc = buf_ok(&b, err);
    if (rc == MRC_OK) {
        rc = file_write_fd(STDOUT_FILENO, buf_text(&b), err);
    }
    buf_release(&b);
    bundle_close(bundle);
    mrc_model_free(model);
    return rc;
}

int cmd_inspect(int argc, char **argv)
{
    static const struct command command = {
        "inspect",
        "[--json] MODEL|BUNDLE",
        "Shows trees, features with their borders, CTRs, loss and metadata. A bundle\n"
        "is not self-tested here, so that a refused one can be looked at.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}

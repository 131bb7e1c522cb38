/* importance: what a model's own leaf values and weights say of its features (CatBoost's PredictionValuesChange) and of
 * pairs of them (Interaction). */
#include "common/base/json.h"
#include "common/base/number.h"
#include "train/command.h"
#include "train/loss_change.h"
#include "train/model_rows.h"

#include <stdio.h>
#include <stdlib.h>

enum option { MODEL, DATA, COLUMNS, INTERACTION, JSON, FLOAT, OUT, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [MODEL] = {"model", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_POSITIONAL | SETTING_REQUIRED, 'm', NULL,
               "Model file (.cbm or .json)"},
    [DATA] = {"data", SETTING_PATH, NULL, 1, 4096, NULL, 0, 'd', NULL,
              "CSV with the truth: then importance is how much worse the model's loss becomes without each feature"},
    [COLUMNS] = {"columns", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                 "JSON list of {name, kind} of the CSV's columns, with one target, maybe a weight"},
    [INTERACTION] = {"interaction", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL,
                     "Strength of pairs of features instead"},
    [JSON] = {"json", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL, "One JSON object instead of CSV"},
    [FLOAT] = {"float", SETTING_CHOICE, "shortest", 0, 0, "shortest|hex", 0, 0, NULL, "How numbers are written in CSV"},
    [OUT] = {"out", SETTING_PATH, "-", 1, 4096, NULL, 0, 'o', NULL, "File to write; - is stdout"},
};

/* A feature's name, or its flat index when the model has no names. */
static struct str name_of(const mrc_model *m, size_t flat, char number[24])
{
    struct mrc_feature f;
    snprintf(number, 24, "%zu", flat);
    return str_of(mrc_model_feature(m, flat, &f, NULL) == MRC_OK && f.name[0] != '\0' ? f.name : number);
}

static void put_number(struct buf *b, double v, bool hex)
{
    char text[NUMBER_TEXT_MAX];
    size_t n = hex ? format_hex(v, text) : format_double(v, text);
    buf_add(b, text, n);
}

static int features(const mrc_model *m, const struct settings *s, struct buf *b, struct mrc_err *err)
{
    size_t n = mrc_model_features(m);
    double *score = calloc(n + 1, sizeof *score);
    bool on_data = setting_is_set(s, DATA);
    int rc = score == NULL ? mrc_fail(err, MRC_ENOMEM, "no memory") : MRC_OK;
    if (rc == MRC_OK && on_data) {
        rc = loss_change(m, setting_cstr(s, DATA), setting_cstr(s, COLUMNS), score, err);
    } else if (rc == MRC_OK) {
        rc = mrc_importance(m, score, err);
    }
    struct json_out w;
    json_out_init(&w, b);
    bool json = setting_bool(s, JSON);
    if (rc == MRC_OK && json) {
        json_open_object(&w);
        json_put_key(&w, on_data ? "LossFunctionChange" : "PredictionValuesChange");
        json_open_array(&w);
    } else if (rc == MRC_OK) {
        buf_puts(b, "feature,importance\n");
    }
    char number[24];
    for (size_t i = 0; rc == MRC_OK && i < n; i++) {
        if (json) {
            json_open_object(&w);
            json_pair_str(&w, "feature", name_of(m, i, number));
            json_pair_double(&w, "importance", score[i]);
            json_close_object(&w);
            continue;
        }
        csv_put(b, name_of(m, i, number), true);
        buf_char(b, ',');
        put_number(b, score[i], setting_int(s, FLOAT) == 1);
        buf_char(b, '\n');
    }
    if (rc == MRC_OK && json) {
        json_close_array(&w);
        json_close_object(&w);
        buf_char(b, '\n');
    }
    free(score);
    return rc;
}

static int interactions(const mrc_model *m, const struct settings *s, struct buf *b, struct mrc_err *err)
{
    size_t n = 0;
    MRC_TRY(mrc_interactions(m, NULL, 0, &n, err));
    struct mrc_interaction *pairs = calloc(n + 1, sizeof *pairs);
    int rc = pairs == NULL ? mrc_fail(err, MRC_ENOMEM, "no memory") : mrc_interactions(m, pairs, n, &n, err);
    struct json_out w;
    json_out_init(&w, b);
    bool json = setting_bool(s, JSON);
    if (rc == MRC_OK && json) {
        json_open_object(&w);
        json_put_key(&w, "Interaction");
        json_open_array(&w);
    } else if (rc == MRC_OK) {
        buf_puts(b, "first,second,strength\n");
    }
    char first[24];
    char second[24];
    for (size_t i = 0; rc == MRC_OK && i < n; i++) {
        if (json) {
            json_open_object(&w);
            json_pair_str(&w, "first", name_of(m, pairs[i].first, first));
            json_pair_str(&w, "second", name_of(m, pairs[i].second, second));
            json_pair_double(&w, "strength", pairs[i].score);
            json_close_object(&w);
            continue;
        }
        csv_put(b, name_of(m, pairs[i].first, first), true);
        csv_put(b, name_of(m, pairs[i].second, second), false);
        buf_char(b, ',');
        put_number(b, pairs[i].score, setting_int(s, FLOAT) == 1);
        buf_char(b, '\n');
    }
    if (rc == MRC_OK && json) {
        json_close_array(&w);
        json_close_object(&w);
        buf_char(b, '\n');
    }
    free(pairs);
    return rc;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    mrc_model *m;
    MRC_TRY(mrc_model_open(&m, setting_cstr(s, MODEL), err));
    struct buf b;
    buf_init(&b, NULL, (size_t)1 << 30);
    int rc = setting_bool(s, INTERACTION) ? interactions(m, s, &b, err) : features(m, s, &b, err);
    if (rc == MRC_OK) {
        rc = buf_ok(&b, err);
    }
    if (rc == MRC_OK) {
        rc = output_text(setting_cstr(s, OUT), buf_text(&b), err);
    }
    buf_release(&b);
    mrc_model_free(m);
    return rc;
}

int cmd_importance(int argc, char **argv)
{
    static const struct command command = {
        "importance",
        "MODEL [--interaction] [--json] [--float hex|shortest] [--out FILE]",
        "Percent of the model's changes in value that each feature causes, from the leaf weights in the model\n"
        "(PredictionValuesChange); with --data, what its loss loses without each feature (LossFunctionChange);\n"
        "with --interaction, of pairs of features, strongest first.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}

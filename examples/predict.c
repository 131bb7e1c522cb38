/* Apply a CatBoost model to one row of numbers: predict MODEL NUMBER…   ("nan" is an unknown number)
 *
 *     cc predict.c $(pkg-config --cflags --libs mercredi) -o predict && ./predict model.cbm 1.5 nan 3
 */
#include <mercredi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    mrc_model *model = NULL;
    mrc_predictor *predictor = NULL;
    struct mrc_err err;
    if (argc < 2 || mrc_model_open(&model, argv[1], &err) < 0 ||
        mrc_predictor_new(&predictor, model, MRC_RAW, 1, &err) < 0) {
        fprintf(stderr, "%s\n", argc < 2 ? "usage: predict MODEL NUMBER..." : err.msg);
        return 1;
    }
    size_t columns = mrc_model_float_features(model), outputs = mrc_predictor_columns(predictor);
    float *row = calloc(columns + 1, sizeof *row);
    double *out = calloc(outputs, sizeof *out);
    for (size_t i = 0; row != NULL && i < columns && i + 2 < (size_t)argc; i++) {
        row[i] = strtof(argv[i + 2], NULL);
    }
    struct mrc_input in = {.floats = row, .float_row_stride = columns, .float_column_stride = 1};
    int rc = row && out ? mrc_predictor_run(predictor, &in, 1, out, &err) : MRC_ENOMEM;
    for (size_t i = 0; rc == MRC_OK && i < outputs; i++) {
        printf("%.17g\n", out[i]);
    }
    free(row), free(out), mrc_predictor_free(predictor), mrc_model_free(model);
    return rc == MRC_OK ? 0 : (fprintf(stderr, "%s\n", rc == MRC_ENOMEM ? "no memory" : err.msg), 1);
}

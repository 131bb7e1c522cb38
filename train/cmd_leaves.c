/* leaves: the leaf of every tree that each row of a CSV falls into, as CatBoost's calc_leaf_indexes numbers them. */
#include "train/command.h"
#include "train/model_rows.h"

#include <stdlib.h>

enum { BLOCK_ROWS = 1024 };

enum option { MODEL, DATA, COLUMNS, OUT, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [MODEL] = {"model", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'm', NULL, "Model file (.cbm or .json)"},
    [DATA] = {"data", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED, 'd', NULL,
              "CSV with a header; - reads stdin"},
    [COLUMNS] = {"columns", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
                 "JSON list of {name, kind} of the CSV's columns; without it they are the model's features in order"},
    [OUT] = {"out", SETTING_PATH, "-", 1, 4096, NULL, 0, 'o', NULL, "CSV to write; - is stdout"},
};

static int stream(const mrc_model *m, struct model_rows *rows, void *scratch, uint32_t *leaves, struct output *o,
                  struct mrc_err *err)
{
    size_t trees = mrc_model_trees(m);
    for (size_t t = 0; t < trees; t++) {
        buf_printf(&o->text, t ? ",%zu" : "%zu", t);
    }
    buf_char(&o->text, '\n');
    for (;;) {
        struct model_block block;
        int rc = model_rows_next(rows, &block, err);
        if (rc <= 0) {
            return rc;
        }
        MRC_TRY(mrc_leaf_indexes(m, &block.input, block.n, scratch, leaves, err));
        for (size_t i = 0; i < block.n; i++) {
            for (size_t t = 0; t < trees; t++) {
                buf_printf(&o->text, t ? ",%u" : "%u", leaves[i * trees + t]);
            }
            buf_char(&o->text, '\n');
            MRC_TRY(output_flush(o, err));
        }
    }
}

static int leaves_of(const mrc_model *m, const struct settings *s, struct mrc_err *err)
{
    struct model_rows *rows = NULL;
    struct output o = {.fd = -1};
    MRC_TRY(model_rows_open(&rows, m, setting_cstr(s, DATA), setting_cstr(s, COLUMNS), BLOCK_ROWS, err));
    size_t bytes = mrc_scratch_size(m, BLOCK_ROWS);
    bytes = (bytes + MRC_SCRATCH_ALIGN - 1) / MRC_SCRATCH_ALIGN * MRC_SCRATCH_ALIGN;
    void *scratch = aligned_alloc(MRC_SCRATCH_ALIGN, bytes);
    uint32_t *leaves = calloc(mrc_model_trees(m) + 1, sizeof(*leaves) * BLOCK_ROWS);
    int rc = scratch && leaves ? output_open(&o, setting_cstr(s, OUT), err) : mrc_fail(err, MRC_ENOMEM, "no memory");
    if (rc == MRC_OK) {
        rc = stream(m, rows, scratch, leaves, &o, err);
    }
    if (rc == MRC_OK) {
        rc = output_close(&o, err);
    }
    output_abandon(&o);
    free(scratch);
    free(leaves);
    model_rows_close(rows);
    return rc;
}

static int run(const struct settings *s, struct mrc_err *err)
{
    mrc_model *m;
    MRC_TRY(mrc_model_open(&m, setting_cstr(s, MODEL), err));
    int rc = leaves_of(m, s, err);
    mrc_model_free(m);
    return rc;
}

int cmd_leaves(int argc, char **argv)
{
    static const struct command command = {"leaves",
                                           "--model FILE --data CSV [--columns FILE] [--out CSV]",
                                           "Header 0, 1, …: one integer column a tree; one line per row, in order.",
                                           options,
                                           OPTION__COUNT,
                                           run};
    return command_run(&command, argc, argv);
}

/* convert: a model from one of CatBoost's formats to the other. */
#include "train/command.h"

#include "common/trees/mercredi.h"

#include <stdlib.h>

enum option { TO, IN, OUT, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [TO] = {"to", SETTING_CHOICE, NULL, 0, 0, "cbm|json", SETTING_REQUIRED, 0, NULL, "Format to write"},
    [IN] = {"in", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED | SETTING_POSITIONAL, 0, NULL,
            "Model to read; its format is found from its bytes"},
    [OUT] = {"out", SETTING_PATH, NULL, 1, 4096, NULL, SETTING_REQUIRED | SETTING_POSITIONAL, 0, NULL,
             "File to write; - is stdout"},
};

static int run(const struct settings *s, struct mrc_err *err)
{
    mrc_model *m;
    MRC_TRY(mrc_model_open(&m, setting_cstr(s, IN), err));
    enum mrc_format format = str_is(setting_text(s, TO), "cbm") ? MRC_FORMAT_CBM : MRC_FORMAT_JSON;
    void *bytes = NULL;
    size_t n = 0;
    int rc = mrc_model_write(m, format, &bytes, &n, err);
    mrc_model_free(m);
    if (rc < 0) {
        return err_wrap(err, "%s", setting_cstr(s, IN));
    }
    rc = output_text(setting_cstr(s, OUT), (struct str){bytes, n}, err);
    free(bytes);
    return rc;
}

int cmd_convert(int argc, char **argv)
{
    static const struct command command = {
        "convert",
        "--to cbm|json IN OUT",
        "Reads either format and writes the other; predictions keep their bits. JSON cannot hold infinite borders.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}

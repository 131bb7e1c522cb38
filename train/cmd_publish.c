/* publish: a bundle into MLflow's registry. */
#include "train/command.h"
#include "train/publish.h"

enum option { BUNDLE, MLFLOW, EXPERIMENT, NAME, ALIAS, PROMOTE_IF_BETTER, DATA, QUIET, OPTION__COUNT };
static const struct setting_spec options[OPTION__COUNT] = {
    [BUNDLE] = {"bundle", SETTING_PATH, NULL, 1, 4000, NULL, SETTING_REQUIRED | SETTING_POSITIONAL, 0, NULL,
                "Bundle folder"},
    [MLFLOW] = {"mlflow", SETTING_TEXT, NULL, 1, 2000, NULL, 0, 0, NULL,
                "Address of the MLflow server; without it MLFLOW_TRACKING_URI"},
    [EXPERIMENT] = {"experiment", SETTING_TEXT, NULL, 1, 500, NULL, 0, 0, NULL,
                    "Experiment of the run, made when absent; without it the model's name"},
    [NAME] = {"name", SETTING_TEXT, NULL, 1, 250, NULL, 0, 0, NULL,
              "Registered model, made when absent; without it the bundle's name"},
    [ALIAS] = {"alias", SETTING_TEXT, NULL, 1, 255, NULL, 0, 0, NULL,
               "Alias to move to the version in the end, e.g. challenger; servers follow champion"},
    [PROMOTE_IF_BETTER] = {"promote_if_better", SETTING_BOOL, "false", 0, 0, NULL, 0, 0, NULL,
                           "Move the alias (champion, without --alias) only when the bundle is better than its version "
                           "on the films of --data that are newer than both"},
    [DATA] = {"data", SETTING_PATH, NULL, 1, 4096, NULL, 0, 'd', NULL, "CSV of films with known first weeks, for that"},
    [QUIET] = {"quiet", SETTING_BOOL, "false", 0, 0, NULL, 0, 'q', NULL, "No progress lines"},
};

static int run(const struct settings *s, struct mrc_err *err)
{
    bool gate = setting_bool(s, PROMOTE_IF_BETTER);
    if (gate != setting_is_set(s, DATA)) {
        return mrc_fail(err, MRC_EINVAL, "--promote-if-better and --data belong together");
    }
    const struct publish_job job = {.bundle = setting_cstr(s, BUNDLE),
                                    .url = setting_cstr(s, MLFLOW),
                                    .experiment = setting_cstr(s, EXPERIMENT),
                                    .model = setting_cstr(s, NAME),
                                    .alias = gate && !setting_is_set(s, ALIAS) ? "champion" : setting_cstr(s, ALIAS),
                                    .judge_data = setting_cstr(s, DATA),
                                    .quiet = setting_bool(s, QUIET)};
    return publish_run(&job, err);
}

int cmd_publish(int argc, char **argv)
{
    static const struct command command = {
        "publish",
        "BUNDLE --mlflow URL [--experiment E] [--name N] [--alias A]",
        "Makes a run in MLflow with the bundle's parameters, metrics and data, stores its files and reads them back,\n"
        "registers a version, then moves the alias. May be interrupted anywhere and begun again: a bundle has one run "
        "and one\n"
        "version. Credentials: MLFLOW_TRACKING_USERNAME and _PASSWORD, or MLFLOW_TRACKING_TOKEN. The last line of "
        "stdout is\n"
        "{\"run_id\", \"version\"}.",
        options,
        OPTION__COUNT,
        run};
    return command_run(&command, argc, argv);
}

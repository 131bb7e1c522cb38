/* Versions of the model from the command line: the list, and which one serves. */
#include "fcgi/audit.h"
#include "fcgi/cmd.h"
#include "fcgi/config.h"
#include "fcgi/versions.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: mercredi-fcgi model list [options]\n"
                            "       mercredi-fcgi model use VERSION [options]\n"
                            "       mercredi-fcgi model rollback [options]\n";

static int list_versions(const struct settings *config, struct arena *a, struct mrc_err *err)
{
    struct version *list;
    size_t n;
    MRC_TRY(versions_list(config, a, &list, &n, err));
    for (size_t i = n; i > 0; i--) {
        const struct version *v = &list[i - 1];
        if (v->manifest.n > 0) {
            printf("%.*s%s%s\n", STR_ARG(v->name), v->current ? " current" : "", v->previous ? " previous" : "");
        }
    }
    return MRC_OK;
}

/* Only a version that loads and passes its test may become current. Whoever runs this can turn the link by hand as
 * well, perhaps because the database is down: a record that fails is said, and the switch stands. */
static int use_version(const struct settings *config, const char *act, struct str version, struct arena *a,
                       struct mrc_err *err)
{
    struct mrc_err why = {0};
    MRC_TRY(versions_check(config, version, a, err));
    MRC_TRY(versions_switch(config, version, a, err));
    if (audit_command(config, act, version, STR(""), &why) < 0) {
        fprintf(stderr, "mercredi-fcgi: the switch is not on record: %s\n", why.msg);
    }
    printf("%.*s current\n", STR_ARG(version));
    return MRC_OK;
}

static int roll_back(const struct settings *config, struct arena *a, struct mrc_err *err)
{
    struct str version;
    MRC_TRY(versions_previous(config, a, &version, err));
    return use_version(config, "model rollback", version, a, err);
}

int cmd_model(int argc, char **argv)
{
    const char *action = argc >= 2 ? argv[1] : "";
    bool list = strcmp(action, "list") == 0, back = strcmp(action, "rollback") == 0;
    bool use = argc >= 3 && strcmp(action, "use") == 0, help = argc >= 2 && strcmp(argv[argc - 1], "--help") == 0;
    if (!list && !back && !use && !help) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    struct settings config;
    struct mrc_err err = {0};
    int status = cmd_begin(&config, argc, argv, use ? 3 : 2,
                           "model list, model use VERSION, or model rollback: versions of the model.");
    if (status >= 0) {
        return status;
    }
    struct arena a;
    arena_init(&a, 0);
    int rc = list   ? list_versions(&config, &a, &err)
             : back ? roll_back(&config, &a, &err)
                    : use_version(&config, "model promote", str_of(argv[2]), &a, &err);
    arena_release(&a);
    settings_release(&config);
    return rc < 0 ? cmd_fail(&err) : fflush(stdout) == 0 ? EXIT_DONE : EXIT_IO;
}

/* mercredi-train: trains, judges and inspects models. This file is the table of its commands. */
#include "common/trees/mercredi.h"
#include "train/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One row a command: name, function, one line for the list. Alphabetical. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *line;
} commands[] = {
    {"backtest", cmd_backtest, "judge the film recipe on past films, beside a naive rule"},
    {"convert", cmd_convert, "write a model as CatBoost's .cbm or .json"},
    {"evaluate", cmd_evaluate, "judge a model or bundle on a CSV whose truth is known"},
    {"explain", cmd_explain, "SHAP values of a model for each row of a CSV"},
    {"features", cmd_features, "the columns of the film models, per film"},
    {"importance", cmd_importance, "what each feature, or pair of features, contributes to a model"},
    {"fit", cmd_fit, "train a model on a CSV"},
    {"inspect", cmd_inspect, "show trees, features, borders and metadata of a model or bundle"},
    {"leaves", cmd_leaves, "leaf number of every tree for each row of a CSV"},
    {"predict", cmd_predict, "predict each row of a CSV with a model or bundle"},
    {"publish", cmd_publish, "put a bundle into MLflow's registry"},
    {"refresh", cmd_refresh, "a new version with the same trees and what a week has taught"},
    {"report", cmd_report, "one page of a bundle's report"},
    {"sample", cmd_sample, "make a synthetic film file to try the trainer on"},
    {"schema", cmd_schema, "print the data dictionary"},
};

static void print_usage(FILE *to)
{
    fputs("usage: mercredi-train COMMAND [options]\n\ncommands:\n", to);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        fprintf(to, "  %-15s %s\n", commands[i].name, commands[i].line);
    }
    fputs("\nmercredi-train COMMAND --help tells a command's options. --version prints the version.\n"
          "Exit status: 0 done, 64 wrong usage, 65 wrong data, 66 no such input, 69 unsupported, 70 our own bug,\n"
          "71 no memory, 73 output cannot be made, 74 input or output error.\n",
          to);
}

/* Waiting threads look for work a few microseconds, then sleep. By default GNU's OpenMP looks for several
 * milliseconds, which on a busy machine costs many times the work; it reads this setting only when the process starts,
 * so the program starts itself once more. Where that fails all still works. */
static void wait_briefly(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT") || setenv("GOMP_SPINCOUNT", "2000", 1) != 0) {
        return;
    }
    char path[4096]; /* the real name: it is what ps shows */
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n > 0) {
        path[n] = '\0';
        execv(path, argv);
    }
}

int main(int argc, char **argv)
{
    wait_briefly(argv);
    if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))) {
        print_usage(stdout);
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_IO;
    }
    if (argc >= 2 && !strcmp(argv[1], "--version")) {
        printf("mercredi-train %s\n", mrc_version());
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_IO;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!strcmp(argv[1], commands[i].name)) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (argc >= 2) {
        fprintf(stderr, "mercredi-train: no command \"%s\"\n\n", argv[1]);
    }
    print_usage(stderr);
    return EXIT_USAGE;
}

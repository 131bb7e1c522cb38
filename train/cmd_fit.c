/* mercredi-train fit: the film trainer with --schema, the generic trainer with --columns or --cd. */
#include "train/command.h"
#include "train/fit_table.h"

#include <stdio.h>
#include <string.h>

static bool has_flag(int argc, char **argv, const char *flag)
{
    size_t n = strlen(flag);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (!strncmp(argv[i], flag, n) && (argv[i][n] == '\0' || argv[i][n] == '=')) {
            return true;
        }
    }
    return false;
}

int cmd_fit(int argc, char **argv)
{
    return has_flag(argc, argv, "--schema") ? fit_films(argc, argv) : fit_table(argc, argv);
}

/* mercredi-train fit: the film recipe when a schema is given, otherwise a model on any table. */
#include "train/command.h"
#include "train/fit_films.h"
#include "train/fit_table.h"

#include <string.h>

static bool has_option(int argc, char **argv, const char *name)
{
    size_t n = strlen(name);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], name, n) == 0 && (argv[i][n] == '\0' || argv[i][n] == '=')) {
            return true;
        }
    }
    return false;
}

int cmd_fit(int argc, char **argv)
{
    if (has_option(argc, argv, "--schema")) {
        return fit_films(argc, argv);
    }
    return fit_table(argc, argv);
}

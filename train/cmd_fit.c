/* mercredi-train fit: trains on any table. */
#include "train/command.h"
#include "train/fit_table.h"

int cmd_fit(int argc, char **argv)
{
    return fit_table(argc, argv);
}

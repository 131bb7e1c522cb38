/* What the commands share: exit statuses and how a failure is said. */
#include "fcgi/cmd.h"

#include <stdio.h>

int exit_of(int status)
{
    switch (status) {
    case MRC_OK:
        return EXIT_DONE;
    case MRC_EFORMAT:
    case MRC_EUNSUPPORTED:
    case MRC_ECONFLICT:
    case MRC_ENOTFOUND:
        return EXIT_DATA;
    case MRC_EINVAL:
        return EXIT_CONFIG;
    case MRC_EBUSY:
        return EXIT_UNAVAILABLE;
    case MRC_EBUG:
        return EXIT_BUG;
    default:
        return EXIT_IO;
    }
}

int cmd_fail(const struct mrc_err *e)
{
    char text[320];
    err_format(e, text, sizeof(text));
    fprintf(stderr, "mercredi-fcgi: %s\n", text);
    return exit_of(e->code);
}

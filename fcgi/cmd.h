/* What the commands of mercredi-fcgi share. A command gets its own arguments, argv[0] being its name. */
#ifndef MRC_FCGI_CMD_H
#define MRC_FCGI_CMD_H

#include "common/base/settings.h"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_USAGE = 64,
    EXIT_DATA = 65,
    EXIT_UNAVAILABLE = 69,
    EXIT_BUG = 70,
    EXIT_IO = 74,
    EXIT_CONFIG = 78
};
/* The exit status that says best why this failed. */
int exit_of(int status);
/* "mercredi-fcgi: message" on standard error; returns exit_of(e->code). */
int cmd_fail(const struct mrc_err *e);

/* Prints help and returns EXIT_DONE when the arguments ask for it; reads the settings from the arguments after the
 * first `skip` and returns -1 (go on; s is then the caller's to release); or says what is wrong and returns
 * EXIT_CONFIG. */
int cmd_begin(struct settings *s, int argc, char **argv, int skip, const char *line);
/* Text to standard output, whole; returns an exit status. */
int cmd_print(const struct buf *b);

int cmd_openapi(int argc, char **argv); /* the OpenAPI document of the current version */
int cmd_db(int argc, char **argv);      /* the databases as a whole */
int cmd_model(int argc, char **argv);   /* list versions, choose one */

#endif

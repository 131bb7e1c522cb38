/* Commands of mercredi-fcgi. Each gets its own arguments, argv[0] being its name, and returns an exit status:
 * 0 done, 64 wrong usage, 65 wrong data, 69 unavailable, 70 our own bug, 74 input or output error, 78 wrong settings. */
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

int cmd_user(int argc, char **argv);    /* accounts: cmd_user.c */
int cmd_openapi(int argc, char **argv); /* the OpenAPI document of the current version: cmd_openapi.c */
int cmd_db(int argc, char **argv);      /* make or migrate the databases: cmd_db.c */
int cmd_model(int argc, char **argv);   /* list versions, choose one: cmd_model.c */

#endif

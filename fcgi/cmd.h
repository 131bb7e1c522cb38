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
/* Arguments of a command with actions: "db backup FOLDER --config FILE", in any order. */
enum { CMD_ARGUMENTS_MAX = 64, CMD_WORDS_MAX = 2 };
struct cmd_flag { /* of the command itself: --flag VALUE or --flag=VALUE; value NULL: --flag alone sets *given */
    const char *flag;
    const char **value;
    bool *given;
};
struct cmd_arguments {
    const char *words[CMD_WORDS_MAX];      /* the action, and what it is about; NULL: not given */
    char *settings[CMD_ARGUMENTS_MAX + 2]; /* argv[0] and what is left, for the server's settings; NULL-terminated */
    int n_settings;                        /* argv[0] included */
};
/* flags: n of them. false: too many words or settings. */
bool cmd_arguments_read(struct cmd_arguments *a, int argc, char **argv, const struct cmd_flag *flags, size_t n);
/* Text to standard output, whole; returns an exit status. */
int cmd_print(const struct buf *b);

int cmd_openapi(int argc, char **argv); /* the OpenAPI document of the current version */
int cmd_db(int argc, char **argv);      /* the databases as a whole */
int cmd_model(int argc, char **argv);   /* list versions, choose one */

#endif

/* The master: owns the sockets, starts template, scribe and agent, replaces what ends, swaps versions. It opens no
 * database, loads no model and has no thread: there is little that could end it. */
#ifndef MRC_FCGI_MASTER_H
#define MRC_FCGI_MASTER_H

#include "fcgi/config.h"
#include "fcgi/process.h"

/* Serve until TERM or INT; HUP reads the settings again. Takes config over (released before it returns). argc, argv,
 * environment: as given to config_load, to read the settings again; argv must not be title's memory. Returns an exit
 * status: 0 after TERM, EXIT_BUG after a crash loop, else err says why it could not begin. */
int master_run(struct settings *config, int argc, char *const *argv, char *const *environment,
               const struct process_title *title, struct mrc_err *err);

#endif

/* `mercredi-fcgi user …`: accounts from the command line. */
#ifndef MRC_FCGI_CMD_USER_H
#define MRC_FCGI_CMD_USER_H

/* argv[0] is "user"; then add NAME --scopes "predict …" [--password-stdin], list, disable NAME, enable NAME, or
 * passwd NAME [--password-stdin]. Other flags are the server's settings (--config, --state-dir, …). A password comes from
 * standard input or is asked for on the terminal without echo; never from the command line. Prints nothing secret.
 * Returns an exit code (sysexits). */
int cmd_user(int argc, char **argv);

#endif

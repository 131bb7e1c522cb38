/* mercredi-fcgi client …, key …: programs and scripts that may use the API. argv[0] is the command's name; returns an
 * exit status. A new secret is printed once, on standard output, and kept as a hash only. */
#ifndef MRC_FCGI_CMD_ACCESS_H
#define MRC_FCGI_CMD_ACCESS_H

int cmd_client(int argc, char **argv);
int cmd_key(int argc, char **argv);

#endif

/* `mercredi-fcgi openapi`: the OpenAPI document on standard output, for client generators and diffs. */
#ifndef MRC_FCGI_CMD_OPENAPI_H
#define MRC_FCGI_CMD_OPENAPI_H

/* argv[0] is "openapi"; flags are the server's settings. The film follows the current version; without one a film is any
 * object, and a line on standard error says so. Returns an exit code (sysexits). */
int cmd_openapi(int argc, char **argv);

#endif

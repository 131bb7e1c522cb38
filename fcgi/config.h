/* The server's settings: one table (config.c) for flags, MERCREDI_* variables, the file, print-config and deploy/. */
#ifndef MRC_FCGI_CONFIG_H
#define MRC_FCGI_CONFIG_H

#include "common/base/settings.h"

enum config {
    CONFIG_CONFIG,          /* path of the file */
    CONFIG_SOCKET,          /* UNIX socket path or host:port; empty: file descriptor 0 */
    CONFIG_SOCKET_MODE,     /* octal permissions of the socket file */
    CONFIG_RUN_DIR,         /* scribe.sock, shared file */
    CONFIG_STATE_DIR,       /* databases, secrets */
    CONFIG_DATABASE,        /* state database, default <state_dir>/mercredi.db */
    CONFIG_LOG_DATABASE,    /* prediction log, default <state_dir>/predictions.db */
    CONFIG_LOG,             /* required | best_effort | off */
    CONFIG_LOG_TIMEOUT,
    CONFIG_MODELS_DIR,      /* folder of <name>/current */
    CONFIG_MODEL,           /* name, default first-week */
    CONFIG_WORKERS,         /* 0 = max(16, 4 x CPUs) */
    CONFIG_WORKER_REQUESTS_MAX,
    CONFIG_WWW_DIR,         /* pages and vendor assets; empty: none are served here */
    CONFIG_TOKEN_KEY_FILE,  /* HS256 key, at least 32 bytes, mode 0600; made on first start in state_dir */
    CONFIG_TOKEN_ISSUER,
    CONFIG_TOKEN_AUDIENCE,
    CONFIG_TOKEN_LIFETIME,
    CONFIG_PASSWORD_HASHES_MAX, /* at once, over all workers */
    CONFIG_BODY_MAX,
    CONFIG_TOKEN_BODY_MAX,
    CONFIG_HEADER_MAX,
    CONFIG_RESPONSE_MAX,
    CONFIG_REQUEST_MEMORY_MAX,
    CONFIG_JSON_DEPTH_MAX,
    CONFIG_JSON_VALUES_MAX,
    CONFIG_ROWS_MAX,
    CONFIG_TOKEN_MAX,       /* longest bearer token */
    CONFIG_LOG_LEVEL,
    CONFIG__COUNT
};
extern const struct setting_spec config_specs[CONFIG__COUNT];

/* Defaults, file (--config or MERCREDI_CONFIG), environment, flags; then cross-checks and derived defaults. */
int config_load(struct settings *s, int argc, char *const *argv, char *const *environment, struct mrc_err *err) MRC_CHECKED;

#endif

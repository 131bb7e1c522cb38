/* The server's settings: one table (config.c) for flags, MERCREDI_* variables, the file, print-config and deploy/. */
#ifndef MRC_FCGI_CONFIG_H
#define MRC_FCGI_CONFIG_H

#include "common/base/settings.h"

enum config {
    CONFIG_CONFIG,       /* path of the file */
    CONFIG_SOCKET,       /* UNIX socket path or host:port; empty: file descriptor 0. Not given: fd 0 when that is a
                            listening socket, else <run_dir>/fcgi.sock */
    CONFIG_SOCKET_MODE,  /* octal permissions of the socket file */
    CONFIG_RUN_DIR,      /* scribe.sock, shared file */
    CONFIG_STATE_DIR,    /* databases, secrets */
    CONFIG_DATABASE,     /* state database, default <state_dir>/mercredi.db */
    CONFIG_LOG_DATABASE, /* prediction log, default <state_dir>/predictions.db */
    CONFIG_LOG,          /* required | best_effort | off */
    CONFIG_LOG_TIMEOUT,
    CONFIG_MODELS_DIR, /* folder of <name>/current */
    CONFIG_MODEL,      /* name, default first-week */
    CONFIG_WORKERS,    /* 0 = max(16, 4 x CPUs) */
    CONFIG_WORKER_REQUESTS_MAX,
    CONFIG_WORKER_MEMORY_MAX, /* private memory of one worker; 0: no limit */
    CONFIG_WORKER_CPU_MAX,    /* CPU time of one request; 0: no limit */
    CONFIG_WWW_DIR,           /* pages and vendor assets; empty: none are served here */
    CONFIG_TOKEN_KEY_FILE,    /* HS256 key, at least 32 bytes, mode 0600; made on first start in state_dir */
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
    CONFIG_TOKEN_MAX, /* longest bearer token */
    CONFIG_LOG_LEVEL,
    CONFIG_BACKLOG,           /* connections that may wait for a worker */
    CONFIG_DRAIN_TIMEOUT,     /* how long requests in flight may take when a worker is to end */
    CONFIG_LOGINS_PER_MINUTE, /* of one account from one address, before a hash; 0: no limit */
    CONFIG_MODELS_POLL,       /* how often `current` is looked at */
    CONFIG_REFRESH_IDLE,      /* life of an unused refresh token; 0: none are given */
    CONFIG_REFRESH_LIFETIME,
    CONFIG_SESSIONS_MAX,    /* families of refresh tokens of one account */
    CONFIG_PUBLIC_URL,      /* where clients reach the server; not set: by the Host header */
    CONFIG_METRICS,         /* who may read /metrics */
    CONFIG_RATE_PER_MINUTE, /* requests of one user or client, a batch counting its films; 0: no limit */
    CONFIG_TRUSTED_ISSUER,  /* outside issuer of access tokens; not set: none */
    CONFIG_TRUSTED_AUDIENCE,
    CONFIG_TRUSTED_KEYS_DIR, /* <kid>.pem */
    CONFIG_TRUSTED_SCOPES,   /* theirs=ours … */
    CONFIG_FILMS_MAX,       /* kept films of one user */
    CONFIG_CINEMAS_MAX,     /* cinemas of one user */
    CONFIG_LOG_RETENTION,   /* age at which predictions leave the log; 0: never */
    CONFIG_MLFLOW_URL,      /* registry to follow; not set: none, versions are what lies in models_dir */
    CONFIG_MLFLOW_MODEL,    /* registered model, default `model` */
    CONFIG_MLFLOW_ALIAS,
    CONFIG_MLFLOW_POLL,
    CONFIG_MLFLOW_USERNAME,
    CONFIG_MLFLOW_PASSWORD_FILE,
    CONFIG_MLFLOW_TOKEN_FILE,
    CONFIG_MLFLOW_CA_FILE,
    CONFIG_MLFLOW_CLIENT_CERT,
    CONFIG_MLFLOW_TIMEOUT,
    CONFIG_MLFLOW_KEEP,       /* versions that were fetched */
    CONFIG_MLFLOW_BUNDLE_MAX, /* bytes of one */
    CONFIG_MLFLOW_TRACK,      /* how often closed days are shipped to MLflow; 0: never */
    CONFIG_MLFLOW_EXPERIMENT, /* where they go, default <model>-predictions */
    CONFIG_MLFLOW_SAMPLE,     /* predictions of a day that are shipped as rows */
    CONFIG_SHADOW,              /* version compared with the current one from the log; not set: none */
    CONFIG_REFRESH_FILE,     /* films whose first weeks are known; not set: no refresh */
    CONFIG_REFRESH_CHECK,    /* how often that file is looked at */
    CONFIG_REFRESH_COMPLETE, /* does it hold all films of its weeks? */
    CONFIG_REFRESH_PROMOTE,  /* does what is made become current? */
    CONFIG_MLFLOW_SHADOW_ALIAS, /* alias that names it; not set: none */
    CONFIG_LOGIN_BACKOFF,    /* longest wait after wrong passwords; 0: none */
    CONFIG_IDEMPOTENCY,      /* how long answers are kept under an Idempotency-Key */
    CONFIG_CORS_ORIGINS,     /* whose pages may call; not set: nobody's */
    CONFIG_REQUEST_TIMEOUT,  /* most time one request may take */
    CONFIG__COUNT
};
extern const struct setting_spec config_specs[CONFIG__COUNT];

/* Environment variables with our prefix that are no settings (NULL-terminated): for settings_environment. */
extern const char *const config_ignored_variables[];

/* Defaults, file (--config or MERCREDI_CONFIG), environment, flags; then cross-checks and derived defaults. argv: flags
 * only, without program and command. On failure s needs no release. */
int config_load(struct settings *s, int argc, char *const *argv, char *const *environment,
                struct mrc_err *err) MRC_CHECKED;
/* Give name the value where it has none so far, with the origin of a default. */
int config_default(struct settings *s, enum config which, struct str value, struct mrc_err *err) MRC_CHECKED;

enum config_metrics { CONFIG_METRICS_OPEN, CONFIG_METRICS_MONITOR, CONFIG_METRICS_OFF }; /* of `metrics`, in order */
enum config_log { CONFIG_LOG_REQUIRED, CONFIG_LOG_BEST_EFFORT, CONFIG_LOG_OFF }; /* choices of `log`, in their order */

#endif

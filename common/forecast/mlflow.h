/* MLflow's REST API, 2.9 to 3.x: a connection, its errors, and the calls that publishing, following and tracking need.
 *
 * Everything that comes back is untrusted: replies have a ceiling, redirects are not followed, proxy variables of the
 * environment are ignored, credentials go to the configured origin only, and an artifact is read from that origin's
 * artifact proxy or not at all. MLflow answers 200 to much that it did not understand, so callers read back what
 * matters. One connection, one thread. No function here is for a request's path: each may wait for the network.
 *
 * Statuses, beside MRC_ENOMEM:
 *   MRC_EINVAL   an argument, or MLflow says so (400)      MRC_ENOTFOUND  404, an alias that is not set
 *   MRC_EDENIED  401, 403                                  MRC_ECONFLICT  it exists already
 *   MRC_EBUSY    not reachable, too slow, 408, 429, 5xx: another try may work
 *   MRC_EFORMAT  an answer that is not MLflow's            MRC_ELIMIT     an answer, or a file, is too large
 *   MRC_EUNSUPPORTED  a redirect, an artifact store without the proxy
 * A message says the call, the HTTP status and MLflow's own words. */
#ifndef MRC_FORECAST_MLFLOW_H
#define MRC_FORECAST_MLFLOW_H

#include "common/base/json.h"

enum {
    MLFLOW_ID_MAX = 300,     /* longest run, experiment or model id, with NUL */
    MLFLOW_URI_MAX = 2400,   /* longest artifact URI, with NUL */
    MLFLOW_VERSION_MAX = 24, /* digits of a version, with NUL */
    MLFLOW_BATCH_METRICS = 900,
    MLFLOW_BATCH_PARAMS = 100, /* of one log-batch; the server takes 1000 items in all */
    MLFLOW_VALUE_MAX = 5000    /* bytes of a parameter or tag that every server keeps whole */
};

/* Where and how. Texts are borrowed until mlflow_open returns; a zeroed one has the defaults named. */
struct mlflow_options {
    const char *url;                         /* http(s)://[user:password@]host[:port][/prefix] */
    const char *username, *password, *token; /* Basic, or Bearer; Basic wins. NULL or "": none */
    const char *ca_file, *client_cert;       /* PEM; the certificate with its key. NULL: the system's, none */
    bool insecure;                           /* accept any certificate */
    int64_t connect_timeout_ms;              /* 2 s */
    int64_t timeout_ms;                      /* of one call, or without a byte of a file: 30 s */
    unsigned retries;                        /* after a failure that another try may mend: 0 */
    int64_t backoff_ms;                      /* before the first of them, doubled each time, ± half: 500 ms */
    const char *agent;                       /* User-Agent */
    bool (*cancelled)(void *arg);            /* asked about once a second; true ends the call with MRC_EBUSY */
    void (*retrying)(const char *why, int64_t wait_ms, void *arg);
    void *arg;
};
struct mlflow;

/* MLFLOW_TRACKING_USERNAME, _PASSWORD, _TOKEN, _INSECURE_TLS, _SERVER_CERT_PATH, _CLIENT_CERT_PATH,
 * MLFLOW_HTTP_REQUEST_TIMEOUT and _MAX_RETRIES; and MLFLOW_TRACKING_URI when url is NULL. */
int mlflow_options_environment(struct mlflow_options *o, struct mrc_err *err) MRC_CHECKED;
/* Checks the options; no network. MRC_EINVAL names the option. */
int mlflow_open(struct mlflow **out, const struct mlflow_options *o, struct mrc_err *err) MRC_CHECKED;
void mlflow_close(struct mlflow *m);            /* NULL is fine */
const char *mlflow_url(const struct mlflow *m); /* without credentials and final slash */
/* The server's major version, asked once. */
int mlflow_major(struct mlflow *m, int *major, struct mrc_err *err) MRC_CHECKED;
/* HTTP status of the last answer, 0 when there was none. */
int mlflow_status(const struct mlflow *m);
/* How far this machine's clock is ahead of the server's, by the Date of the last answer that had one (to a second);
 * 0: not known. */
int64_t mlflow_ahead_ms(const struct mlflow *m);

/* ---- calls ----------------------------------------------------------------------------------------------------- */

enum mlflow_method { MLFLOW_GET, MLFLOW_POST, MLFLOW_PATCH, MLFLOW_PUT, MLFLOW_DELETE };
enum mlflow_repeat {
    MLFLOW_ONCE,
    MLFLOW_REPEATABLE
}; /* may it be sent again when it is not known whether it arrived */

/* One JSON call. path: below /api/2.0/mlflow/, with its query when GET (mlflow_escape). body: JSON, "" for GET.
 * *reply (may be NULL: not read): an object, the caller's to json_free. */
int mlflow_call(struct mlflow *m, enum mlflow_method method, const char *path, struct str body,
                enum mlflow_repeat repeat, struct json_doc **reply, struct mrc_err *err) MRC_CHECKED;
/* Percent-encode all but unreserved characters, and '/' when keep_slash. */
void mlflow_escape(struct buf *out, struct str s, bool keep_slash);
/* A text of a reply into a fixed place: MRC_EFORMAT when it is absent or longer. Numbers are taken as text. */
int mlflow_text(const struct json *object, const char *key, char *out, size_t size, struct mrc_err *err) MRC_CHECKED;
/* The value of a tag in an object's `tags` ([{key,value}]); empty when absent. */
struct str mlflow_tag(const struct json *object, const char *key);

struct mlflow_pair {
    const char *key;
    struct str value;
};

/* ---- experiments and runs -------------------------------------------------------------------------------------- */

/* The experiment of that name: found, restored when it was deleted (*restored, may be NULL), or made with `note`. */
int mlflow_experiment(struct mlflow *m, const char *name, const char *note, char id[MLFLOW_ID_MAX], bool *restored,
                      struct mrc_err *err) MRC_CHECKED;

struct mlflow_run {
    char id[MLFLOW_ID_MAX], status[24], artifact_uri[MLFLOW_URI_MAX];
    int64_t start_ms;
};
/* The oldest active run with all of these tags. MRC_ENOTFOUND. Values hold no quote. */
int mlflow_run_find(struct mlflow *m, const char *experiment, const struct mlflow_pair *tags, size_t n,
                    struct mlflow_run *out, struct mrc_err *err) MRC_CHECKED;
/* mlflow_run_find, or a new one with the tags and `more`. Safe to repeat after any interruption. */
int mlflow_run_get(struct mlflow *m, const char *experiment, const char *name, int64_t start_ms,
                   const struct mlflow_pair *tags, size_t n, const struct mlflow_pair *more, size_t n_more,
                   struct mlflow_run *out, struct mrc_err *err) MRC_CHECKED;
/* status: RUNNING, FINISHED, FAILED, KILLED; end_ms 0: none. Verified by the answer. */
int mlflow_run_update(struct mlflow *m, const char *run, const char *status, int64_t end_ms,
                      struct mrc_err *err) MRC_CHECKED;
int mlflow_run_tag(struct mlflow *m, const char *run, const char *key, struct str value,
                   struct mrc_err *err) MRC_CHECKED;
/* Everything a run holds: {"run":{info,data,inputs,…}}. */
int mlflow_run_read(struct mlflow *m, const char *run, struct json_doc **reply, struct mrc_err *err) MRC_CHECKED;

struct mlflow_metric {
    const char *key;
    double value; /* finite */
    int64_t time_ms, step;
};
/* Parameters, metrics, then tags, in batches the server takes. Sending the same again changes nothing. model_id (may be
 * NULL): the metrics belong to that logged model too. */
int mlflow_log(struct mlflow *m, const char *run, const struct mlflow_pair *params, size_t n_params,
               const struct mlflow_metric *metrics, size_t n_metrics, const struct mlflow_pair *tags, size_t n_tags,
               const char *model_id, struct mrc_err *err) MRC_CHECKED;
/* One body of log-batch, as mlflow_log sends it, for callers that keep what they send: at most one batch. */
void mlflow_batch(struct buf *out, const char *run, const struct mlflow_pair *params, size_t n_params,
                  const struct mlflow_metric *metrics, size_t n_metrics, const struct mlflow_pair *tags, size_t n_tags,
                  const char *model_id);
/* A key that every server takes: what it would refuse becomes '_'. */
void mlflow_key(struct buf *out, struct str key);

/* Which data a run learnt from: a dataset of the run's inputs. Texts of `source`, `schema` and `profile` are JSON. */
struct mlflow_dataset {
    const char *name, *context; /* "training" */
    struct str digest;          /* at most 36 bytes */
    struct str source_type, source, schema, profile;
};
/* Repeating it changes nothing. model_id (may be NULL): a logged model the run uses. */
int mlflow_inputs(struct mlflow *m, const char *run, const struct mlflow_dataset *d, const char *model_id,
                  struct mrc_err *err) MRC_CHECKED;

/* ---- logged models (3.x) --------------------------------------------------------------------------------------- */

struct mlflow_logged {
    char id[MLFLOW_ID_MAX], artifact_uri[MLFLOW_URI_MAX], status[40];
};
/* The logged model of that run: found, or made and named as the run's output. MRC_ENOTFOUND: an older server. */
int mlflow_logged_get(struct mlflow *m, const char *experiment, const char *run, const char *name,
                      const struct mlflow_pair *params, size_t n_params, const struct mlflow_pair *tags, size_t n_tags,
                      struct mlflow_logged *out, struct mrc_err *err) MRC_CHECKED;
int mlflow_logged_ready(struct mlflow *m, const char *id, struct mrc_err *err) MRC_CHECKED;

/* ---- registry -------------------------------------------------------------------------------------------------- */

struct mlflow_version {
    char number[MLFLOW_VERSION_MAX], status[32], run[MLFLOW_ID_MAX];
};
/* Find or make the registered model. MRC_EINVAL when MLflow refuses the name. */
int mlflow_model(struct mlflow *m, const char *name, const char *description, struct mrc_err *err) MRC_CHECKED;
/* {"model_version":{…}} of an alias. MRC_ENOTFOUND: no such model or alias, or its version is deleted. */
int mlflow_alias_read(struct mlflow *m, const char *name, const char *alias, struct json_doc **reply,
                      struct mrc_err *err) MRC_CHECKED;
int mlflow_alias_set(struct mlflow *m, const char *name, const char *alias, const char *version,
                     struct mrc_err *err) MRC_CHECKED;
/* The first version of the model whose tag has that value. MRC_ENOTFOUND. */
int mlflow_version_find(struct mlflow *m, const char *name, const char *tag, struct str value,
                        struct mlflow_version *out, struct mrc_err *err) MRC_CHECKED;
/* mlflow_version_find, or a new one. source: where its files are, complete already; model_id (may be NULL): the logged
 * model they are of. Safe to repeat after any interruption; of several who make it at once the first one's stays. */
int mlflow_version_get(struct mlflow *m, const char *name, const char *source, const char *run, const char *model_id,
                       const char *description, const char *tag, struct str value, const struct mlflow_pair *tags,
                       size_t n_tags, struct mlflow_version *out, struct mrc_err *err) MRC_CHECKED;
/* Where a version's files are. */
int mlflow_version_uri(struct mlflow *m, const char *name, const char *version, char uri[MLFLOW_URI_MAX],
                       struct mrc_err *err) MRC_CHECKED;
int mlflow_version_tag(struct mlflow *m, const char *name, const char *version, const char *key, struct str value,
                       struct mrc_err *err) MRC_CHECKED;

/* ---- artifacts ------------------------------------------------------------------------------------------------- */

/* Send a file's content to <uri>/<name>; streams. */
int mlflow_upload(struct mlflow *m, const char *uri, const char *name, const char *path,
                  struct mrc_err *err) MRC_CHECKED;
int mlflow_upload_text(struct mlflow *m, const char *uri, const char *name, struct str text,
                       struct mrc_err *err) MRC_CHECKED;
/* Read <uri>/<name>, at most bytes_max, into fd (-1: only look), with its digest and length; streams. MRC_ENOTFOUND
 * when there is none (2.x says 500: MRC_EBUSY). What fd holds after a failure is incomplete. */
int mlflow_download(struct mlflow *m, const char *uri, const char *name, int fd, uint64_t bytes_max, char digest[65],
                    uint64_t *bytes, struct mrc_err *err) MRC_CHECKED;
/* The same into malloc'd memory, at most max bytes, NUL after the last; the caller's to free(). */
int mlflow_download_text(struct mlflow *m, const char *uri, const char *name, size_t max, char **out, size_t *n,
                         struct mrc_err *err) MRC_CHECKED;
/* What is in <uri>/<folder> ("": uri itself), one level; empty when there is no such folder. */
int mlflow_list(struct mlflow *m, const char *uri, const char *folder, struct json_doc **reply,
                struct mrc_err *err) MRC_CHECKED;
/* Size of a file of a listing; false: it is not there. */
bool mlflow_size(const struct json_doc *listing, const char *name, uint64_t *bytes);

#endif

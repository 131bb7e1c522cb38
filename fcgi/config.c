/* The server's settings: one row each, and what a row alone cannot say. */
#include "fcgi/config.h"
#include "fcgi/cors.h"

#include <string.h>
#include <unistd.h>

#define KIB    1024.0
#define MIB    (1024.0 * 1024.0)
#define SECOND 1000.0
#define DAY    (86400.0 * SECOND)

const char *const config_ignored_variables[] = {"MERCREDI_PASSWORD", "MERCREDI_USER", "MERCREDI_DATA", "MERCREDI_PY",
                                                NULL};

/* clang-format off */
const struct setting_spec config_specs[CONFIG__COUNT] = {
    [CONFIG_CONFIG] = {"config", SETTING_PATH, NULL, 1, 4096, NULL, 0, 'c', NULL,
        "File of settings, `name = value` a line"},
    [CONFIG_SOCKET] = {"socket", SETTING_TEXT, NULL, 0, 255, NULL, 0, 's', NULL,
        "UNIX socket path or host:port to listen on; empty: the socket on file descriptor 0"},
    [CONFIG_SOCKET_MODE] = {"socket_mode", SETTING_TEXT, "0660", 3, 4, NULL, 0, 0, "octal",
        "Permissions of the UNIX socket"},
    [CONFIG_RUN_DIR] = {"run_dir", SETTING_PATH, "/run/mercredi", 1, 80, NULL, 0, 0, NULL,
        "Folder of sockets, locks and shared counters; one per service"},
    [CONFIG_STATE_DIR] = {"state_dir", SETTING_PATH, "/var/lib/mercredi", 1, 4000, NULL, 0, 0, NULL,
        "Folder of databases and keys"},
    [CONFIG_DATABASE] = {"database", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
        "Database of accounts; default <state_dir>/mercredi.db"},
    [CONFIG_LOG_DATABASE] = {"log_database", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
        "Database of the prediction log; default <state_dir>/predictions.db"},
    [CONFIG_LOG] = {"log", SETTING_CHOICE, "required", 0, 0, "required|best_effort|off", 0, 0, NULL,
        "required: no answer without its row in the log; best_effort: answer all the same; off: no log"},
    [CONFIG_LOG_TIMEOUT] = {"log_timeout", SETTING_DURATION, "3s", 10, 60 * SECOND, NULL, 0, 0, NULL,
        "How long a prediction waits for its row to be written"},
    [CONFIG_MODELS_DIR] = {"models_dir", SETTING_PATH, NULL, 1, 4000, NULL, 0, 0, NULL,
        "Folder of model versions, <name>/<version> and the link <name>/current; default <state_dir>/models"},
    [CONFIG_MODEL] = {"model", SETTING_TEXT, "first-week", 1, 100, NULL, 0, 0, NULL,
        "Name of the model to serve"},
    [CONFIG_WORKERS] = {"workers", SETTING_INT, "0", 0, 512, NULL, 0, 'w', NULL,
        "Worker processes, one request at a time each; 0: 16 or four times the CPUs, whichever is more"},
    [CONFIG_WORKER_REQUESTS_MAX] = {"worker_requests_max", SETTING_INT, "1000000", 0, 1e12, NULL, 0, 0, NULL,
        "Requests after which a worker is replaced; 0: never"},
    [CONFIG_WORKER_MEMORY_MAX] = {"worker_memory_max", SETTING_BYTES, "1GiB", 0, 1024.0 * 1024 * MIB, NULL, 0, 0, "bytes",
        "Private memory of one worker; a request that needs more fails, not the host; 0: no limit"},
    [CONFIG_WORKER_CPU_MAX] = {"worker_cpu_max", SETTING_DURATION, "30s", 0, 3600 * SECOND, NULL, 0, 0, NULL,
        "CPU time of one request, in whole seconds; a worker that takes more is ended and replaced; 0: no limit"},
    [CONFIG_WWW_DIR] = {"www_dir", SETTING_PATH, NULL, 0, 4000, NULL, 0, 0, NULL,
        "Folder of pages to serve; not set: the web server serves them"},
    [CONFIG_TOKEN_KEY_FILE] = {"token_key_file", SETTING_PATH, NULL, 1, 4096, NULL, 0, 0, NULL,
        "Key that signs tokens, mode 0600, made on first start; default <state_dir>/token.key"},
    [CONFIG_TOKEN_ISSUER] = {"token_issuer", SETTING_TEXT, "mercredi", 1, 200, NULL, 0, 0, NULL,
        "Issuer (iss) that tokens carry and must carry"},
    [CONFIG_TOKEN_AUDIENCE] = {"token_audience", SETTING_TEXT, "mercredi", 1, 200, NULL, 0, 0, NULL,
        "Audience (aud) that tokens carry and must carry"},
    [CONFIG_TOKEN_LIFETIME] = {"token_lifetime", SETTING_DURATION, "30min", 10 * SECOND, 30 * DAY, NULL, 0, 0, NULL,
        "How long an access token is valid"},
    [CONFIG_PASSWORD_HASHES_MAX] = {"password_hashes_max", SETTING_INT, "0", 0, 64, NULL, 0, 0, NULL,
        "Passwords hashed at once, over all workers (19 MiB and some 15 ms of CPU each); others get 503; 0: half the CPUs"},
    [CONFIG_LOGINS_PER_MINUTE] = {"logins_per_minute", SETTING_INT, "30", 0, 6000, NULL, 0, 0, NULL,
        "Logins of one account from one address, and tenfold of all accounts from it; more get 429; 0: no limit"},
    [CONFIG_BODY_MAX] = {"body_max", SETTING_BYTES, "1MiB", 1 * KIB, 64 * MIB, NULL, 0, 0, "bytes",
        "Largest request body"},
    [CONFIG_TOKEN_BODY_MAX] = {"token_body_max", SETTING_BYTES, "8KiB", 1 * KIB, 1 * MIB, NULL, 0, 0, "bytes",
        "Largest body of POST /token"},
    [CONFIG_HEADER_MAX] = {"header_max", SETTING_BYTES, "8KiB", 256, 64 * KIB, NULL, 0, 0, "bytes",
        "Longest request header or target"},
    [CONFIG_RESPONSE_MAX] = {"response_max", SETTING_BYTES, "8MiB", 64 * KIB, 256 * MIB, NULL, 0, 0, "bytes",
        "Largest response body"},
    [CONFIG_REQUEST_MEMORY_MAX] = {"request_memory_max", SETTING_BYTES, "32MiB", 1 * MIB, 1024 * MIB, NULL, 0, 0, "bytes",
        "Most memory one request may take, body and response included"},
    [CONFIG_JSON_DEPTH_MAX] = {"json_depth_max", SETTING_INT, "32", 3, 64, NULL, 0, 0, NULL,
        "Deepest nesting of a JSON body"},
    [CONFIG_JSON_VALUES_MAX] = {"json_values_max", SETTING_INT, "100000", 100, 10e6, NULL, 0, 0, NULL,
        "Most values in a JSON body"},
    [CONFIG_ROWS_MAX] = {"rows_max", SETTING_INT, "1000", 1, 100000, NULL, 0, 0, NULL,
        "Most films in one request"},
    [CONFIG_TOKEN_MAX] = {"token_max", SETTING_BYTES, "4KiB", 256, 16 * KIB, NULL, 0, 0, "bytes",
        "Longest bearer token"},
    [CONFIG_LOG_LEVEL] = {"log_level", SETTING_CHOICE, "info", 0, 0, "error|warn|info|debug", 0, 0, NULL,
        "Least important events that are written to standard error"},
    [CONFIG_BACKLOG] = {"backlog", SETTING_INT, "1024", 1, 65535, NULL, 0, 0, NULL,
        "Connections that may wait for a worker (the kernel's net.core.somaxconn bounds it too)"},
    [CONFIG_DRAIN_TIMEOUT] = {"drain_timeout", SETTING_DURATION, "30s", 100, 3600 * SECOND, NULL, 0, 0, NULL,
        "How long requests in flight may take when their worker is to end"},
    [CONFIG_MODELS_POLL] = {"models_poll", SETTING_DURATION, "500ms", 20, 3600 * SECOND, NULL, 0, 0, NULL,
        "How often the link to the current version is looked at"},
    [CONFIG_REFRESH_IDLE] = {"refresh_idle", SETTING_DURATION, "14d", 0, 366 * DAY, NULL, 0, 0, NULL,
        "How long a refresh token is good for while it is not used; 0: no refresh tokens are given"},
    [CONFIG_REFRESH_LIFETIME] = {"refresh_lifetime", SETTING_DURATION, "60d", 60 * SECOND, 3660 * DAY, NULL, 0, 0, NULL,
        "How long refresh tokens prolong one login, however often they are used"},
    [CONFIG_SESSIONS_MAX] = {"sessions_max", SETTING_INT, "100", 1, 1000, NULL, 0, 0, NULL,
        "Logins of one account that refresh tokens prolong at once; a new one ends the oldest"},
    [CONFIG_RATE_PER_MINUTE] = {"rate_per_minute", SETTING_INT, "600", 0, 1e6, NULL, 0, 0, NULL,
        "Requests a minute of one user or client, a batch counting its films; more get 429; 0: no limit"},
    [CONFIG_FILMS_MAX] = {"films_max", SETTING_INT, "2000", 1, 1e6, NULL, 0, 0, NULL,
        "Films that one user can keep"},
    [CONFIG_CINEMAS_MAX] = {"cinemas_max", SETTING_INT, "50", 1, 1000, NULL, 0, 0, NULL,
        "Cinemas that one user can belong to when making another"},
    [CONFIG_LOG_RETENTION] = {"log_retention", SETTING_DURATION, "0", 0, 36600.0 * DAY, NULL, 0, 0, NULL,
        "Age at which predictions leave the log (by whole months on PostgreSQL); 0: never"},
    [CONFIG_METRICS] = {"metrics", SETTING_CHOICE, "open", 0, 0, "open|monitor|off", 0, 0, NULL,
        "Who may read /metrics: everybody, tokens and keys with the scope monitor, nobody"},
    [CONFIG_PUBLIC_URL] = {"public_url", SETTING_TEXT, NULL, 0, 1000, NULL, 0, 0, NULL,
        "Address clients reach the server at, as https://films.example; not set: the one a request was sent to"},
    [CONFIG_LOGIN_BACKOFF] = {"login_backoff", SETTING_DURATION, "5min", 0, 3600 * SECOND, NULL, 0, 0, NULL,
        "Longest wait after wrong passwords for one account from one address, which doubles from 1 s after five; 0: none"},
    [CONFIG_IDEMPOTENCY] = {"idempotency_lifetime", SETTING_DURATION, "24h", 60 * SECOND, 30 * DAY, NULL, 0, 0, NULL,
        "How long an answer is kept for the same request with the same Idempotency-Key"},
    [CONFIG_CORS_ORIGINS] = {"cors_origins", SETTING_TEXT, NULL, 0, 2000, NULL, 0, 0, NULL,
        "Origins whose pages may call the API, as https://till.example https://plan.example; not set: none but ours"},
    [CONFIG_REQUEST_TIMEOUT] = {"request_timeout", SETTING_DURATION, "20s", 10, 600 * SECOND, NULL, 0, 0, NULL,
        "Most time a request may compute; more gets 503"},
    [CONFIG_TRUSTED_ISSUER] = {"trusted_issuer", SETTING_TEXT, NULL, 0, 500, NULL, 0, 0, NULL,
        "Issuer (iss) of an identity provider whose RS256 or ES256 access tokens are taken too; not set: none"},
    [CONFIG_TRUSTED_AUDIENCE] = {"trusted_audience", SETTING_TEXT, "mercredi", 1, 500, NULL, 0, 0, NULL,
        "Audience (aud) that tokens of trusted_issuer must name"},
    [CONFIG_TRUSTED_KEYS_DIR] = {"trusted_keys_dir", SETTING_PATH, NULL, 1, 4000, NULL, 0, 0, NULL,
        "Folder of trusted_issuer's public keys, <kid>.pem, read at the start and by reload; default <state_dir>/trusted_keys"},
    [CONFIG_TRUSTED_SCOPES] = {"trusted_scopes", SETTING_TEXT, "predict=predict outcome=outcome", 1, 2000, NULL, 0, 0, NULL,
        "What trusted_issuer's scopes give here, as theirs=ours theirs2=ours; others give nothing"},
    [CONFIG_MLFLOW_URL] = {"mlflow_url", SETTING_TEXT, NULL, 0, 1000, NULL, 0, 0, NULL,
        "MLflow server whose alias says which version is current, as https://mlflow.example:5000; not set: none"},
    [CONFIG_MLFLOW_MODEL] = {"mlflow_model", SETTING_TEXT, NULL, 1, 250, NULL, 0, 0, NULL,
        "Registered model there; default: model"},
    [CONFIG_MLFLOW_ALIAS] = {"mlflow_alias", SETTING_TEXT, "champion", 1, 255, NULL, 0, 0, NULL,
        "Alias to follow; promotions made here move it"},
    [CONFIG_MLFLOW_POLL] = {"mlflow_poll", SETTING_DURATION, "3s", 100, 3600 * SECOND, NULL, 0, 0, NULL,
        "How often the alias is read"},
    [CONFIG_MLFLOW_USERNAME] = {"mlflow_username", SETTING_TEXT, NULL, 1, 200, NULL, 0, 0, NULL,
        "User of MLflow, with mlflow_password_file"},
    [CONFIG_MLFLOW_PASSWORD_FILE] = {"mlflow_password_file", SETTING_PATH, NULL, 1, 4000, NULL, 0, 0, NULL,
        "File whose first line is that user's password; not readable by everybody"},
    [CONFIG_MLFLOW_TOKEN_FILE] = {"mlflow_token_file", SETTING_PATH, NULL, 1, 4000, NULL, 0, 0, NULL,
        "File whose first line is a bearer token for MLflow, instead of a user"},
    [CONFIG_MLFLOW_CA_FILE] = {"mlflow_ca_file", SETTING_PATH, NULL, 1, 4000, NULL, 0, 0, NULL,
        "Certificates to trust MLflow's by, PEM; not set: the system's"},
    [CONFIG_MLFLOW_CLIENT_CERT] = {"mlflow_client_cert", SETTING_PATH, NULL, 1, 4000, NULL, 0, 0, NULL,
        "Our certificate and key for MLflow, one PEM file"},
    [CONFIG_MLFLOW_TIMEOUT] = {"mlflow_timeout", SETTING_DURATION, "8s", 100, 600 * SECOND, NULL, 0, 0, NULL,
        "How long one call to MLflow may take, or a transfer stand still"},
    [CONFIG_MLFLOW_KEEP] = {"mlflow_keep", SETTING_INT, "3", 1, 100, NULL, 0, 0, NULL,
        "Versions from MLflow that stay in models_dir, the current and previous ones among them"},
    [CONFIG_MLFLOW_BUNDLE_MAX] = {"mlflow_bundle_max", SETTING_BYTES, "1GiB", 1 * MIB, 1024 * MIB, NULL, 0, 0, "bytes",
        "Largest version that is fetched, all files together"},
    [CONFIG_MLFLOW_TRACK] = {"mlflow_track", SETTING_DURATION, "1min", 0, 86400 * SECOND, NULL, 0, 0, NULL,
        "How often it is looked whether a day's predictions can be summed up in MLflow; 0: never"},
    [CONFIG_MLFLOW_EXPERIMENT] = {"mlflow_experiment", SETTING_TEXT, NULL, 1, 500, NULL, 0, 0, NULL,
        "Experiment of those sums; default <mlflow_model>-predictions"},
    [CONFIG_MLFLOW_SAMPLE] = {"mlflow_sample", SETTING_INT, "0", 0, 1000, NULL, 0, 0, "rows",
        "Predictions of each day that are sent to MLflow one by one, without user and request; 0: sums only"},
    [CONFIG_SHADOW] = {"shadow", SETTING_TEXT, NULL, 0, 64, NULL, 0, 0, NULL,
        "Version that predicts again what the current one served, from the log, to compare them before a promotion; not set: none"},
    [CONFIG_REFRESH_FILE] = {"refresh_file", SETTING_PATH, NULL, 1, 4000, NULL, 0, 0, NULL,
        "CSV of newer films with their first weeks, moved into place whole; each time it changes, a private version is refreshed"},
    [CONFIG_REFRESH_CHECK] = {"refresh_check", SETTING_DURATION, "1min", 100, 86400 * SECOND, NULL, 0, 0, NULL,
        "How often it is looked whether refresh_file has changed"},
    [CONFIG_REFRESH_COMPLETE] = {"refresh_complete", SETTING_BOOL, "true", 0, 0, NULL, 0, 0, NULL,
        "All films of its weeks are in refresh_file; false: sums over these weeks stay unknown"},
    [CONFIG_REFRESH_PROMOTE] = {"refresh_promote", SETTING_BOOL, "true", 0, 0, NULL, 0, 0, NULL,
        "A refreshed version becomes current, by the alias where MLflow is followed; false: it is only made, and published"},
    [CONFIG_MLFLOW_SHADOW_ALIAS] = {"mlflow_shadow_alias", SETTING_TEXT, NULL, 0, 255, NULL, 0, 0, NULL,
        "Alias of that version there, as challenger; it is fetched and never served; not set: none"},
};
/* clang-format on */

static int load_once(struct settings *s, const char *file, int argc, char *const *argv, char *const *environment,
                     struct mrc_err *err)
{
    MRC_TRY(settings_init(s, config_specs, CONFIG__COUNT, err));
    int rc = MRC_OK;
    if (file != NULL) {
        rc = settings_file(s, file, err);
    }
    if (rc == MRC_OK) {
        rc = settings_environment(s, "MERCREDI_", environment, config_ignored_variables, err);
    }
    if (rc == MRC_OK) {
        rc = settings_arguments(s, argc, argv, err);
    }
    if (rc == MRC_OK) {
        rc = settings_check(s, err);
    }
    if (rc < 0) {
        settings_release(s);
    }
    return rc;
}

int config_default(struct settings *s, enum config which, struct str value, struct mrc_err *err)
{
    if (setting_is_set(s, which)) {
        return MRC_OK;
    }
    return settings_set(s, str_of(config_specs[which].name), value, ORIGIN_DEFAULT, 0, err);
}

/* which defaults to a file in state_dir. */
static int default_in_state(struct settings *s, enum config which, const char *name, struct mrc_err *err)
{
    struct buf b;
    buf_init(&b, &s->arena, 4200);
    buf_str(&b, setting_text(s, CONFIG_STATE_DIR));
    buf_char(&b, '/');
    buf_puts(&b, name);
    MRC_TRY(buf_ok(&b, err));
    return config_default(s, which, buf_text(&b), err);
}

/* A count that is 0 becomes n. */
static int default_count(struct settings *s, enum config which, long n, struct mrc_err *err)
{
    char text[24];
    if (setting_int(s, which) != 0) {
        return MRC_OK;
    }
    /* Keeps who said 0: a file, a flag or the table. */
    return settings_set(s, str_of(config_specs[which].name), (struct str){text, format_u64((uint64_t)n, text)},
                        s->values[which].origin, s->values[which].line, err);
}

static int default_counts(struct settings *s, struct mrc_err *err)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    MRC_TRY(default_count(s, CONFIG_WORKERS, cpus < 4 ? 16 : cpus > 128 ? 512 : 4 * cpus, err));
    /* Logins must leave CPUs to predictions, which are five hundred times cheaper. */
    return default_count(s, CONFIG_PASSWORD_HASHES_MAX, cpus < 4 ? 1 : cpus > 128 ? 64 : cpus / 2, err);
}

static int check_socket_mode(const struct settings *s, struct mrc_err *err)
{
    struct str mode = setting_text(s, CONFIG_SOCKET_MODE);
    for (size_t i = 0; i < mode.n; i++) {
        if (mode.p[i] < '0' || mode.p[i] > '7') {
            return mrc_fail(err, MRC_EINVAL, "socket_mode = %.*s: octal digits are meant, as 0660", STR_ARG(mode));
        }
    }
    if (mode.n == 4 && mode.p[0] != '0') {
        return mrc_fail(err, MRC_EINVAL, "socket_mode = %.*s: at most 0777", STR_ARG(mode));
    }
    return MRC_OK;
}

/* `smaller` must not exceed `larger`, or requests within one limit would break the other. */
static int check_order(const struct settings *s, enum config smaller, enum config larger, struct mrc_err *err)
{
    if (setting_int(s, smaller) <= setting_int(s, larger)) {
        return MRC_OK;
    }
    return mrc_fail(err, MRC_EINVAL, "%s = %lld is more than %s = %lld", config_specs[smaller].name,
                    (long long)setting_int(s, smaller), config_specs[larger].name, (long long)setting_int(s, larger));
}

/* A password in the address would be printed with it. */
static int check_mlflow(const struct settings *s, struct mrc_err *err)
{
    struct str url = setting_text(s, CONFIG_MLFLOW_URL);
    if (url.n == 0) {
        return MRC_OK;
    }
    if (!str_starts(url, "http://") && !str_starts(url, "https://")) {
        return mrc_fail(err, MRC_EINVAL, "mlflow_url: http://host[:port][/prefix] or https://… is meant");
    }
    if (memchr(url.p, '@', url.n) != NULL) {
        return mrc_fail(err, MRC_EINVAL,
                        "mlflow_url holds a user: mlflow_username and mlflow_password_file are for it");
    }
    if (setting_is_set(s, CONFIG_MLFLOW_USERNAME) != setting_is_set(s, CONFIG_MLFLOW_PASSWORD_FILE)) {
        return mrc_fail(err, MRC_EINVAL, "mlflow_username and mlflow_password_file belong together");
    }
    if (setting_is_set(s, CONFIG_MLFLOW_USERNAME) && setting_is_set(s, CONFIG_MLFLOW_TOKEN_FILE)) {
        return mrc_fail(err, MRC_EINVAL, "mlflow_username and mlflow_token_file: one of them is meant");
    }
    return MRC_OK;
}

static int check(const struct settings *s, struct mrc_err *err)
{
    struct str model = setting_text(s, CONFIG_MODEL);
    if (memchr(model.p, '/', model.n) != NULL || model.p[0] == '.') {
        return mrc_fail(err, MRC_EINVAL, "model = %.*s: the name of a folder in models_dir is meant", STR_ARG(model));
    }
    if (setting_text(s, CONFIG_SHADOW).n > 0 && setting_text(s, CONFIG_MLFLOW_SHADOW_ALIAS).n > 0) {
        return mrc_fail(err, MRC_EINVAL, "shadow and mlflow_shadow_alias: one of them is meant");
    }
    MRC_TRY(check_socket_mode(s, err));
    MRC_TRY(check_mlflow(s, err));
    MRC_TRY(check_order(s, CONFIG_TOKEN_BODY_MAX, CONFIG_BODY_MAX, err));
    MRC_TRY(check_order(s, CONFIG_TOKEN_MAX, CONFIG_HEADER_MAX, err));
    MRC_TRY(check_order(s, CONFIG_BODY_MAX, CONFIG_REQUEST_MEMORY_MAX, err));
    if (setting_int(s, CONFIG_WORKER_MEMORY_MAX) > 0) {
        MRC_TRY(check_order(s, CONFIG_REQUEST_MEMORY_MAX, CONFIG_WORKER_MEMORY_MAX, err));
    }
    MRC_TRY(cors_check(setting_text(s, CONFIG_CORS_ORIGINS), err));
    return check_order(s, CONFIG_RESPONSE_MAX, CONFIG_REQUEST_MEMORY_MAX, err);
}

static int derive(struct settings *s, struct mrc_err *err)
{
    MRC_TRY(default_in_state(s, CONFIG_DATABASE, "mercredi.db", err));
    MRC_TRY(default_in_state(s, CONFIG_LOG_DATABASE, "predictions.db", err));
    MRC_TRY(default_in_state(s, CONFIG_MODELS_DIR, "models", err));
    MRC_TRY(default_in_state(s, CONFIG_TOKEN_KEY_FILE, "token.key", err));
    MRC_TRY(default_in_state(s, CONFIG_TRUSTED_KEYS_DIR, "trusted_keys", err));
    return default_counts(s, err);
}

int config_load(struct settings *s, int argc, char *const *argv, char *const *environment, struct mrc_err *err)
{
    /* The file is named by an environment variable or a flag, which are read after it: look once to find it. */
    MRC_TRY(load_once(s, NULL, argc, argv, environment, err));
    if (setting_is_set(s, CONFIG_CONFIG)) {
        char path[4097];
        struct str file = setting_text(s, CONFIG_CONFIG);
        if (file.n >= sizeof(path)) {
            settings_release(s);
            return mrc_fail(err, MRC_EINVAL, "config: a path of %zu bytes, at most %zu", file.n, sizeof(path) - 1);
        }
        memcpy(path, file.p, file.n);
        path[file.n] = '\0';
        settings_release(s);
        MRC_TRY(load_once(s, path, argc, argv, environment, err));
    }
    int rc = check(s, err);
    if (rc == MRC_OK) {
        rc = derive(s, err);
    }
    if (rc < 0) {
        settings_release(s);
    }
    return rc;
}

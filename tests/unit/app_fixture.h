/* An app in a folder of its own with a tiny version, accounts and a log: what t_app, t_openapi and fuzz_request share.
 */
#ifndef MRC_TESTS_APP_FIXTURE_H
#define MRC_TESTS_APP_FIXTURE_H

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "fcgi/app.h"
#include "fcgi/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char fixture_schema[] =
    "{\"name\":\"first-week\",\"version\":3,\"target\":\"first_week_entries\",\"fields\":["
    "{\"name\":\"film_id\",\"type\":\"text\",\"known\":\"before\",\"length_max\":64,\"example\":\"f1\","
    "\"label\":{\"fr\":\"Identifiant\",\"en\":\"Id\"},\"help\":{\"fr\":\"Le vôtre.\",\"en\":\"Yours.\"}},"
    "{\"name\":\"title\",\"type\":\"text\",\"known\":\"before\",\"required\":true,\"length_max\":20,\"example\":"
    "\"Été\","
    "\"label\":{\"fr\":\"Titre\",\"en\":\"Title\"},\"help\":{\"fr\":\"En France.\",\"en\":\"In France.\"}},"
    "{\"name\":\"release_date\",\"type\":\"date\",\"known\":\"before\",\"required\":true,\"weekday\":\"wednesday\","
    "\"example\":\"2026-03-11\",\"label\":{\"fr\":\"Sortie\",\"en\":\"Release\"},"
    "\"help\":{\"fr\":\"Un mercredi.\",\"en\":\"A Wednesday.\"}},"
    "{\"name\":\"genres\",\"type\":\"list\",\"known\":\"before\",\"items_max\":3,\"length_max\":30,"
    "\"example\":[\"Drame\"],\"label\":{\"fr\":\"Genres\",\"en\":\"Genres\"},"
    "\"help\":{\"fr\":\"Le premier compte.\",\"en\":\"The first counts.\"},"
    "\"values\":[{\"value\":\"Drame\",\"label\":{\"fr\":\"Drame\",\"en\":\"Drama\"}}]},"
    "{\"name\":\"duration_min\",\"type\":\"integer\",\"known\":\"before\",\"min\":40,\"max\":400,\"example\":100,"
    "\"unit\":\"min\",\"label\":{\"fr\":\"Durée\",\"en\":\"Duration\"},\"help\":{\"fr\":\"Minutes.\",\"en\":\"Minutes."
    "\"}},"
    "{\"name\":\"budget\",\"type\":\"number\",\"known\":\"before\",\"min\":0,\"exclusive_min\":true,\"example\":1e6,"
    "\"label\":{\"fr\":\"Budget\",\"en\":\"Budget\"},\"help\":{\"fr\":\"Euros.\",\"en\":\"Euros.\"}},"
    "{\"name\":\"age_rating\",\"type\":\"category\",\"known\":\"near\",\"length_max\":20,\"closed\":true,"
    "\"example\":\"12\",\"label\":{\"fr\":\"Âge\",\"en\":\"Age\"},\"help\":{\"fr\":\"Visa.\",\"en\":\"Visa.\"},"
    "\"values\":[{\"value\":\"tous_publics\"},{\"value\":\"12\"}]},"
    "{\"name\":\"first_week_entries\",\"type\":\"integer\",\"known\":\"after\",\"min\":0,\"max\":100000000,\"example\":"
    "1000,"
    "\"label\":{\"fr\":\"Entrées\",\"en\":\"Entries\"},\"help\":{\"fr\":\"La cible.\",\"en\":\"The target.\"}}]}";

static const char fixture_features[] = "{\"format\":1,\"features\":["
                                       "{\"name\":\"duration\",\"derive\":\"copy\",\"field\":\"duration_min\"}]}";

/* One tree: log10 of tickets is 5 up to 100 minutes (or unknown), 5.25 above. */
static const char fixture_model[] =
    "{\"features_info\":{\"float_features\":[{\"borders\":[100.5],\"feature_id\":\"duration\",\"feature_index\":0,"
    "\"flat_feature_index\":0,\"has_nans\":true,\"nan_value_treatment\":\"AsFalse\"}]},\"model_info\":{},"
    "\"oblivious_trees\":[{\"leaf_values\":[0,0.25],\"leaf_weights\":[1,1],\"splits\":[{\"border\":100.5,"
    "\"float_feature_index\":0,\"split_index\":0,\"split_type\":\"FloatFeature\"}]}],\"scale_and_bias\":[1,[5]]}";

struct fixture {
    char folder[40];
    struct settings config;
    struct store *store, *log_store;
    struct log_sink *log;
    struct bundle *bundle;
    struct app_parts parts;
    struct app *app;
    int64_t now_ms;
    struct http_response res;
};

static inline void fixture_need(int rc, const struct mrc_err *err, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "fixture: %s: %s\n", what, err->msg);
        abort();
    }
}

static inline int64_t fixture_clock(void *arg)
{
    return ((const struct fixture *)arg)->now_ms;
}

static inline const char *fixture_path(const struct fixture *f, const char *name)
{
    static char path[4][192];
    static int turn;
    turn = (turn + 1) % 4;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", f->folder, name);
    return path[turn];
}

static inline void fixture_set(struct fixture *f, const char *name, const char *value)
{
    struct mrc_err err = {0};
    fixture_need(settings_set(&f->config, str_of(name), str_of(value), ORIGIN_FLAG, 0, &err), &err, name);
}

static inline void fixture_bundle(struct fixture *f)
{
    static const double levels[] = {0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95};
    static const double offsets[] = {-0.6, -0.45, -0.2, 0, 0.2, 0.45, 0.6};
    struct mrc_err err = {0};
    mrc_model *model = NULL;
    fixture_need(mrc_model_open_mem(&model, fixture_model, sizeof fixture_model - 1, &err), &err, "model");
    struct bundle_part_model part = {.name = "ahead",
                                     .file = "model.cbm",
                                     .features_file = "features.json",
                                     .features = STR(fixture_features),
                                     .model = model,
                                     .levels = levels,
                                     .offsets = offsets,
                                     .n_levels = 7};
    struct bundle_parts parts = {.name = "first-week",
                                 .version = "0001",
                                 .created = "2026-11-24T00:00:00.000Z",
                                 .schema = STR(fixture_schema),
                                 .models = &part,
                                 .n_models = 1,
                                 .data_digest = "0000000000000000000000000000000000000000000000000000000000000000",
                                 .rows_train = 1,
                                 .histories_as_of = 20500};
    fixture_need(folder_create(fixture_path(f, "models/first-week"), 0700, &err), &err, "folder");
    const char *folder = fixture_path(f, "models/first-week/0001");
    fixture_need(bundle_build(folder, &parts, &err), &err, "bundle_build");
    fixture_need(bundle_open(&f->bundle, folder, &err), &err, "bundle_open");
    mrc_model_free(model);
}

static inline void fixture_account(struct fixture *f, const char *id, const char *name, unsigned scopes, bool disabled)
{
    char hash[PASSWORD_HASH_TEXT];
    struct mrc_err err = {0};
    fixture_need(password_hash(STR("correct horse"), hash, &err), &err, "hash");
    struct account account = {.id = str_of(id),
                              .username = str_of(name),
                              .password_hash = str_of(hash),
                              .scopes = scopes,
                              .disabled = disabled,
                              .created_ms = f->now_ms,
                              .tokens_valid_from_ms = f->now_ms};
    fixture_need(store_account_add(f->store, &account, &err), &err, "account");
}

/* Open the app anew with the parts and settings as they are. */
static inline void fixture_reopen(struct fixture *f)
{
    struct mrc_err err = {0};
    app_close(f->app);
    f->app = NULL;
    fixture_need(app_open(&f->app, &f->parts, &err), &err, "app_open");
}

/* Databases elsewhere than in the folder, for instance a server; NULL: there. */
static const char *fixture_state_url, *fixture_log_url;

/* memory: databases that live in memory only. */
static inline void fixture_open(struct fixture *f, bool memory)
{
    const char *state = fixture_state_url, *log = fixture_log_url;
    struct mrc_err err = {0};
    *f = (struct fixture){.now_ms = 1790000000000};
    fixture_need(digest_start(&err), &err, "digest_start");
    log_setup("test", LOG_ERROR, 2);
    memcpy(f->folder, "/tmp/mrc-app-XXXXXX", 20);
    if (mkdtemp(f->folder) == NULL) {
        abort();
    }
    fixture_need(settings_init(&f->config, config_specs, CONFIG__COUNT, &err), &err, "settings");
    fixture_set(f, "state_dir", f->folder);
    fixture_set(f, "run_dir", f->folder);
    fixture_set(f, "models_dir", fixture_path(f, "models"));
    fixture_set(f, "token_key_file", fixture_path(f, "token.key"));
    state = state != NULL ? state : memory ? ":memory:" : fixture_path(f, "state.db");
    log = log != NULL ? log : memory ? ":memory:" : fixture_path(f, "log.db");
    fixture_need(store_open(&f->store, STORE_STATE, state, &err), &err, "state");
    fixture_need(store_open(&f->log_store, STORE_LOG, log, &err), &err, "log");
    fixture_need(log_sink_store(&f->log, f->log_store, &err), &err, "sink");
    fixture_bundle(f);
    fixture_account(f, "u-1", "anna", 1U << SCOPE_PREDICT | 1U << SCOPE_OUTCOME, false);
    fixture_account(f, "u-2", "bob", 1U << SCOPE_OUTCOME, false);
    fixture_account(f, "u-3", "carl", 1U << SCOPE_PREDICT, true);
    fixture_account(f, "u-4", "dora", 1U << SCOPE_PREDICT, false);
    f->parts = (struct app_parts){.config = &f->config,
                                  .bundle = f->bundle,
                                  .store = f->store,
                                  .log_store = f->log_store,
                                  .log = f->log,
                                  .clock_ms = fixture_clock,
                                  .clock_arg = f};
    fixture_reopen(f);
}

static inline void fixture_close(struct fixture *f)
{
    app_close(f->app);
    f->log->close(f->log);
    store_close(f->log_store);
    store_close(f->store);
    bundle_close(f->bundle);
    settings_release(&f->config);
    struct mrc_err err = {0};
    fixture_need(folder_remove(f->folder, &err), &err, "folder_remove");
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

/* "NAME=value" texts, NULL at the end. */
static inline const char *fixture_parameter(const char *name, void *arg)
{
    size_t n = strlen(name);
    for (const char *const *p = arg; *p != NULL; p++) {
        if (strncmp(*p, name, n) == 0 && (*p)[n] == '=') {
            return *p + n + 1;
        }
    }
    return NULL;
}

/* One request of text parameters and a body; the answer is in f->res until the next one. */
static inline int fixture_send(struct fixture *f, const char *const *parameters, struct str body)
{
    struct http_request req;
    size_t header_max = (size_t)setting_int(&f->config, CONFIG_HEADER_MAX);
    app_finish(f->app);
    struct mrc_err err = {0};
    int rc =
        http_request_read(&req, fixture_parameter, (void *)(uintptr_t)parameters, header_max, app_arena(f->app), &err);
    if (rc < 0 && !req.too_long) {
        fixture_need(rc, &err, "request");
    }
    if (!str_copy(app_arena(f->app), body, &req.body)) { /* handlers wipe secrets in it */
        abort();
    }
    app_handle(f->app, &req, &f->res);
    return f->res.status;
}

/* A common request: authorization, type and body may be NULL. */
static inline int fixture_call(struct fixture *f, const char *method, const char *target, const char *authorization,
                               const char *type, const char *body)
{
    static char texts[4][16384];
    const char *parameters[5] = {texts[0], texts[1], NULL};
    size_t n = 2;
    (void)snprintf(texts[0], sizeof texts[0], "REQUEST_METHOD=%s", method);
    (void)snprintf(texts[1], sizeof texts[1], "REQUEST_URI=%s", target);
    if (authorization != NULL) {
        (void)snprintf(texts[2], sizeof texts[2], "HTTP_AUTHORIZATION=%s", authorization);
        parameters[n++] = texts[2];
    }
    if (type != NULL) {
        (void)snprintf(texts[3], sizeof texts[3], "CONTENT_TYPE=%s", type);
        parameters[n++] = texts[3];
    }
    parameters[n] = NULL;
    return fixture_send(f, parameters, str_of(body));
}

static inline const char *fixture_header(const struct fixture *f, const char *name)
{
    static char text[1024];
    for (uint32_t i = 0; i < f->res.n_headers; i++) {
        if (strcmp(f->res.headers[i].name, name) == 0) {
            (void)snprintf(text, sizeof text, "%.*s", STR_ARG(f->res.headers[i].value));
            return text;
        }
    }
    return NULL;
}

static inline const char *fixture_body(const struct fixture *f)
{
    return f->res.body.n == 0 ? "" : f->res.body.p;
}

/* "Bearer …" for an account of the fixture, with its password. The text lives until the next call. */
static inline const char *fixture_token(struct fixture *f, const char *username, const char *scope)
{
    static char bearer[4200];
    char form[256];
    struct json_doc *doc = NULL;
    struct str token;
    (void)snprintf(form, sizeof form, "username=%s&password=correct+horse&scope=%s", username, scope);
    int status = fixture_call(f, "POST", "/token", NULL, "application/x-www-form-urlencoded", form);
    if (status != 200 || json_read(&doc, buf_text(&f->res.body), &json_limits_file, NULL, NULL) < 0 ||
        !json_str(json_find(json_root(doc), "access_token"), &token)) {
        fprintf(stderr, "fixture: no token: %d %s\n", status, fixture_body(f));
        abort();
    }
    (void)snprintf(bearer, sizeof bearer, "Bearer %.*s", STR_ARG(token));
    json_free(doc);
    return bearer;
}

#endif

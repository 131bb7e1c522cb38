/* GET /models and /models/{version}: what versions there are. POST …/promote and /models/rollback: the switch of the
 * link `current`, which the master follows; on record, and only to a version that loads and passes its self-test. */
#include "fcgi/audit.h"
#include "fcgi/handlers.h"
#include "fcgi/shadow.h"
#include "fcgi/versions.h"

#include "common/base/log.h"

/* ---- reading --------------------------------------------------------------------------------------------------- */

static void put_facts(struct context *c, struct json_out *w, const struct version *v)
{
    const struct bundle *b = c->parts->bundle;
    char shadow[SHADOW_VERSION_MAX];
    shadow_wanted(c->parts->config, shadow);
    json_pair_cstr(w, "name", setting_cstr(c->parts->config, CONFIG_MODEL));
    json_pair_str(w, "version", v->name);
    /* A worker answers with the version it began with; `current` is what the link names now. */
    json_pair_bool(w, "active", b != NULL && str_eq(b->version, v->name));
    json_pair_bool(w, "current", v->current);
    json_pair_bool(w, "previous", v->previous);
    json_pair_bool(w, "shadow", !v->current && str_is(v->name, shadow));
    json_pair_bool(w, "readable", v->manifest.n > 0);
    if (v->manifest.n > 0) {
        json_pair_cstr(w, "digest", v->digest);
        json_pair_str(w, "created", v->created);
        json_pair_i64(w, "schema_version", v->schema_version);
    }
    if (v->histories_as_of.n > 0) {
        json_pair_str(w, "histories_as_of", v->histories_as_of);
    }
}

void h_models(struct context *c)
{
    struct json_out w;
    struct mrc_err err = {0};
    struct version *list;
    size_t n;
    if (versions_list(c->parts->config, c->arena, &list, &n, &err) < 0) {
        answer_err(c, &err);
        return;
    }
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_put_key(&w, "models");
    json_open_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_open_object(&w);
        put_facts(c, &w, &list[i]);
        json_close_object(&w);
    }
    json_close_array(&w);
    json_close_object(&w);
    answer_json_cached(c);
}

static void put_file(struct json_out *w, const char *key, struct str json)
{
    json_put_key(w, key);
    json_put_raw(w, json.n > 0 ? json : STR("null"));
}

void h_model(struct context *c)
{
    struct json_out w;
    struct mrc_err err = {0};
    struct version v;
    int rc = versions_get(c->parts->config, c->argument, c->arena, &v, &err);
    if (rc < 0) {
        answer_err(c, &err);
        return;
    }
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    put_facts(c, &w, &v);
    put_file(&w, "manifest", v.manifest);
    put_file(&w, "metrics", versions_file(&v, "metrics.json", c->arena));
    put_file(&w, "report", versions_file(&v, "report.json", c->arena));
    json_close_object(&w);
    answer_json_cached(c);
}

/* ---- the switch ------------------------------------------------------------------------------------------------ */

/* The record and the link: the row stands in a transaction that is committed when the link is there, and the link goes
 * back when it cannot be. */
static int switch_on_record(struct context *c, const char *act, struct str version, struct str before,
                            struct mrc_err *err)
{
    struct buf detail;
    struct mrc_err why = {0};
    buf_init(&detail, c->arena, 128);
    buf_puts(&detail, "from ");
    buf_str(&detail, before.n > 0 ? before : STR("none"));
    MRC_TRY(store_begin(c->parts->store, err));
    int rc =
        audit_act(c->parts->store, c->now_ms, audit_actor(c), act, version, buf_text(&detail), c->req->request_id, err);
    if (rc == MRC_OK) {
        rc = versions_switch(c->parts->config, version, c->arena, err);
    }
    if (rc < 0) {
        store_rollback(c->parts->store);
        return rc;
    }
    rc = store_commit(c->parts->store, err);
    if (rc < 0 && before.n > 0 && versions_switch(c->parts->config, before, c->arena, &why) < 0) {
        log_err(LOG_ERROR, "switch without a record cannot be undone", &why);
    }
    return rc;
}

/* The link's version now; empty: none. */
static int find_current(struct context *c, struct str *name, struct mrc_err *err)
{
    struct version *list;
    size_t n;
    *name = (struct str){"", 0};
    MRC_TRY(versions_list(c->parts->config, c->arena, &list, &n, err));
    for (size_t i = 0; i < n; i++) {
        *name = list[i].current ? list[i].name : *name;
    }
    return MRC_OK;
}

static void answer_switched(struct context *c, struct str version, struct str before)
{
    struct json_out w;
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_cstr(&w, "name", setting_cstr(c->parts->config, CONFIG_MODEL));
    json_pair_str(&w, "version", version);
    json_put_key(&w, "previous");
    if (before.n > 0) {
        json_put_str(&w, before);
    } else {
        json_put_null(&w);
    }
    json_close_object(&w);
    answer_json(c, 200);
}

/* A version that does not load is the version's fault, not the request's: 409 with the reason. */
static void answer_refused(struct context *c, struct str version, const struct mrc_err *err)
{
    struct buf text;
    if (err->code == MRC_ENOTFOUND || err->code == MRC_ENOMEM || err->code == MRC_EBUSY) {
        answer_err(c, err);
        return;
    }
    buf_init(&text, c->arena, 512);
    buf_printf(&text, "Version %.*s is refused: %s", STR_ARG(version), err->msg);
    log_event(LOG_WARN, "promotion refused", LOG_STR("req", c->req->request_id), LOG_STR("version", version),
              LOG_CSTR("err", err->msg));
    answer_detail(c, 409, text.p);
}

static void make_current(struct context *c, const char *act, struct str version)
{
    struct mrc_err err = {0};
    struct str before;
    if (find_current(c, &before, &err) < 0) {
        answer_err(c, &err);
    } else if (versions_check(c->parts->config, version, c->arena, &err) < 0) {
        answer_refused(c, version, &err);
    } else if (switch_on_record(c, act, version, before, &err) < 0) {
        answer_err(c, &err);
    } else {
        log_event(LOG_INFO, act, LOG_STR("req", c->req->request_id), LOG_STR("user", c->caller.user_id),
                  LOG_STR("version", version), LOG_STR("before", before));
        answer_switched(c, version, before);
    }
}

void h_model_promote(struct context *c)
{
    make_current(c, "model promote", c->argument);
}

void h_model_rollback(struct context *c)
{
    struct mrc_err err = {0};
    struct str version;
    int rc = versions_previous(c->parts->config, c->arena, &version, &err);
    if (rc == MRC_ENOTFOUND) {
        answer_detail(c, 409, err.msg);
    } else if (rc < 0) {
        answer_err(c, &err);
    } else {
        make_current(c, "model rollback", version);
    }
}

/* The record of administrative acts. */
#include "fcgi/audit.h"

#include "common/base/digest.h"
#include "fcgi/process.h"

int audit_act(struct store *s, int64_t now_ms, struct str actor, const char *act, struct str subject, struct str detail,
              struct str request_id, struct mrc_err *err)
{
    char id[UUID_TEXT];
    uuid7(now_ms, id);
    const struct audit row = {.id = str_of(id),
                              .time_ms = now_ms,
                              .actor = actor,
                              .act = str_of(act),
                              .subject = subject,
                              .detail = detail,
                              .request_id = request_id};
    return store_audit_add(s, &row, err);
}

struct str audit_actor(const struct context *c)
{
    return c->caller.kind == CALLER_CLIENT ? c->caller.user_id : c->caller.username;
}

static int settle(struct store *s, int rc, const struct audit *row, struct mrc_err *err)
{
    if (rc == MRC_OK) {
        rc = audit_act(s, row->time_ms, row->actor, row->act.p, row->subject, row->detail, row->request_id, err);
    }
    return store_settle(s, rc, err);
}

int audit_settle(struct context *c, int rc, const char *act, struct str subject, struct str detail, struct mrc_err *err)
{
    const struct audit row = {.time_ms = c->now_ms,
                              .actor = audit_actor(c),
                              .act = str_of(act),
                              .subject = subject,
                              .detail = detail,
                              .request_id = c->req->request_id};
    return settle(c->parts->store, rc, &row, err);
}

int audit_settle_command(struct store *s, int64_t now_ms, int rc, const char *act, struct str subject,
                         struct str detail, struct mrc_err *err)
{
    const struct audit row = {.time_ms = now_ms,
                              .actor = AUDIT_COMMAND_LINE,
                              .act = str_of(act),
                              .subject = subject,
                              .detail = detail,
                              .request_id = STR("")};
    return settle(s, rc, &row, err);
}

int audit_command(const struct settings *config, const char *act, struct str subject, struct str detail,
                  struct mrc_err *err)
{
    struct store *store = NULL;
    MRC_TRY(digest_start(err));
    MRC_TRY(store_open(&store, STORE_STATE, setting_cstr(config, CONFIG_DATABASE), err));
    int rc = audit_act(store, wall_ms(), AUDIT_COMMAND_LINE, act, subject, detail, STR(""), err);
    store_close(store);
    return rc;
}

/* The record of administrative acts. */
#include "fcgi/audit.h"

#include "common/base/digest.h"

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

/* The record of administrative acts: who changed what of accounts, clients, keys, cinemas' members, versions, reported
 * figures and whole databases. */
#ifndef MRC_FCGI_AUDIT_H
#define MRC_FCGI_AUDIT_H

#include "fcgi/app.h"
#include "fcgi/store_access.h"

#define AUDIT_COMMAND_LINE STR("command line") /* the actor of mercredi-fcgi's commands; no account has a blank */

/* Who asks, by a name that cannot be another's: an account's name, "client:" or "ext:" and theirs. */
struct str audit_actor(const struct context *c);

/* Add a row. Call it between store_begin and store_commit together with the act, so that neither is without the other.
 * detail: what changed, never a secret. */
int audit_act(struct store *s, int64_t now_ms, struct str actor, const char *act, struct str subject, struct str detail,
              struct str request_id, struct mrc_err *err) MRC_CHECKED;

/* The act is done (rc) in a transaction that is open: add its row and commit, or undo both. Returns rc when that says
 * failure, else how the record went. */
int audit_settle(struct context *c, int rc, const char *act, struct str subject, struct str detail,
                 struct mrc_err *err) MRC_CHECKED;
/* The same for a command. */
int audit_settle_command(struct store *s, int64_t now_ms, int rc, const char *act, struct str subject,
                         struct str detail, struct mrc_err *err) MRC_CHECKED;
/* The row alone, of a command whose act is nothing a transaction can hold. */
int audit_command(const struct settings *config, const char *act, struct str subject, struct str detail,
                  struct mrc_err *err) MRC_CHECKED;

#endif

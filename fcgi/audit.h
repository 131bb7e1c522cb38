/* The record of administrative acts: who changed what of accounts, clients and keys. */
#ifndef MRC_FCGI_AUDIT_H
#define MRC_FCGI_AUDIT_H

#include "fcgi/store_access.h"

#define AUDIT_COMMAND_LINE STR("command line") /* the actor of mercredi-fcgi's commands; no account has a blank */

/* Add a row. Call it between store_begin and store_commit together with the act, so that neither is without the other.
 * detail: what changed, never a secret. */
int audit_act(struct store *s, int64_t now_ms, struct str actor, const char *act, struct str subject, struct str detail,
              struct str request_id, struct mrc_err *err) MRC_CHECKED;

#endif

/* Whole databases: copies, soundness, what leaves with age. For commands and the agent, not for requests. */
#ifndef MRC_FCGI_STORE_ADMIN_H
#define MRC_FCGI_STORE_ADMIN_H

#include "common/base/digest.h"
#include "fcgi/store.h"

/* A copy of one moment in a new file, checked and on the disk, while others write. MRC_ECONFLICT: the file is there;
 * MRC_EUNSUPPORTED: the database is a server, with tools of its own (the message names them). */
int store_backup(struct store *s, const char *path, struct mrc_err *err) MRC_CHECKED;
/* Put the copy at `from` in the place of the database at url, which is kept beside it as <url>.replaced-<seconds>.
 * MRC_EFORMAT: no such copy; MRC_ECONFLICT: somebody has the database open; MRC_EUNSUPPORTED as above. url
 * NULL: only look whether the copy is one. */
int store_restore(enum store_file which, const char *url, const char *from, struct mrc_err *err) MRC_CHECKED;
/* Is all that it holds sound, and does it take a write? MRC_EFORMAT with the first fault. */
int store_check(struct store *s, struct mrc_err *err) MRC_CHECKED;

/* The smallest id of this millisecond: ids of predictions are in the order of time. */
void store_first_id(int64_t unix_ms, char out[UUID_TEXT]);
/* Drop predictions older than before_ms: whole months where the log has partitions by month, else at most limit rows.
 * *dropped: how many; *more: call again. */
int store_predictions_prune(struct store *s, int64_t before_ms, int64_t limit, int64_t *dropped, bool *more,
                            struct mrc_err *err) MRC_CHECKED;

#endif

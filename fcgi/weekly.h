/* The weekly refresh: when refresh_file changes, a new version of the current private bundle that has learnt the films
 * in it (common/forecast/refresh.h). One of all hosts makes it, under the lease `refresh`, and with MLflow publishes it
 * and moves the alias, as refresh_promote says; the others follow. Equal files and bundles give equal versions, so that
 * a host which goes on where another died makes no second one. One task of the agent. */
#ifndef MRC_FCGI_WEEKLY_H
#define MRC_FCGI_WEEKLY_H

#include "fcgi/agent.h"

/* Task of the agent, every refresh_check. */
int weekly_run(struct agent *a, void **memory, struct mrc_err *err);
void weekly_release(void *memory);

enum { WEEKLY_NAME_MAX = 128 };
/* Name of what `base` becomes with films up to `newest`, the k-th (from 1) of that week: 0001 and 0001-2026w46 become
 * 0001-2026w47, then 0001-2026w47.2. false: it does not fit. */
bool weekly_name(struct str base, int32_t newest, unsigned k, char out[WEEKLY_NAME_MAX]);
/* "0001" of either. */
struct str weekly_root(struct str version);

#endif

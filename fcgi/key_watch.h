/* Whoever changes the file of keys that sign tokens does it by hand: what the agent finds changed goes on record, once
 * of all hosts. Keys are told by the ids that tokens carry. */
#ifndef MRC_FCGI_KEY_WATCH_H
#define MRC_FCGI_KEY_WATCH_H

#include "fcgi/agent.h"
#include "fcgi/store.h"

/* Compare with what the job `token_keys` remembers; the first look only remembers. No file yet: nothing. */
int key_watch(struct store *state, const char *key_file, const char *holder, int64_t now_ms,
              struct mrc_err *err) MRC_CHECKED;

/* Task of the agent. */
int key_watch_run(struct agent *a, void **memory, struct mrc_err *err);

#endif

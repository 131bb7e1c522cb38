/* The agent: what a host does beside answering, as a table of periodic tasks. It can be lost at any moment without harm
 * to a request. */
#ifndef MRC_FCGI_AGENT_H
#define MRC_FCGI_AGENT_H

#include "fcgi/config.h"

struct agent;

/* One row of the table in agent.c. A task does one round of its work and returns; what it must remember it keeps in
 * *memory. When it fails (negative), the agent says so once and tries again with back-off, from a second up to the
 * period or an hour, whichever is less. A task that may take long asks agent_stopping between its steps. */
struct agent_task {
    const char *name;
    int64_t period_ms;  /* between the ends of two rounds; 0: as the setting `period` says */
    enum config period; /* a duration; 0 ms: the task is off */
    int (*run)(struct agent *a, void **memory, struct mrc_err *err);
    void (*release)(void *memory); /* when the agent ends; NULL: nothing to release */
};

const struct settings *agent_config(const struct agent *a);
/* Has TERM come? Then a task leaves what it does for the next start. */
bool agent_stopping(struct agent *a);

/* Run the tasks until TERM or INT. Returns an exit status. */
int agent_run(const struct settings *config, struct mrc_err *err);

/* When a task is due again that ended at now_ms, after failing `failures` times in a row (0: it worked). */
int64_t agent_next_ms(int64_t now_ms, int64_t period_ms, unsigned failures);

#endif

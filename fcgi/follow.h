/* Follow an alias of MLflow's registry: fetch the version it names, check it whole, make it current; and carry
 * promotions made here to the alias. One task of the agent, on every host. Requests never notice: whatever goes wrong,
 * what serves goes on serving, and the reason shows in /readyz?verbose, /metrics and the log. */
#ifndef MRC_FCGI_FOLLOW_H
#define MRC_FCGI_FOLLOW_H

#include "fcgi/agent.h"

/* Tasks of the agent, every mlflow_poll. */
int follow_run(struct agent *a, void **memory, struct mrc_err *err);
void follow_release(void *memory);

#endif

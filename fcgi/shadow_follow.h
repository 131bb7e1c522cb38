/* The shadow version by an alias of MLflow's registry (mlflow_shadow_alias): fetched, checked, and noted for shadow.c;
 * never made current. One task of the agent, on every host. The alias gone, there is no shadow version. */
#ifndef MRC_FCGI_SHADOW_FOLLOW_H
#define MRC_FCGI_SHADOW_FOLLOW_H

#include "fcgi/agent.h"
#include "fcgi/shadow.h"

/* Is the alias to be followed? Then it says which version is wished for, and the setting `shadow` does not. */
bool shadow_followed(const struct settings *config);
/* What the alias named last, "" nothing; of a version that could not be fetched MLflow's number, as "mlflow:7". */
void shadow_noted(const struct settings *config, char version[SHADOW_VERSION_MAX]);

/* Did the version come here for the shadow? Then whoever needs it next may remove it when it is old. */
bool shadow_fetched(const struct settings *config, const char *version);

/* Task of the agent, every mlflow_poll. */
int shadow_follow_run(struct agent *a, void **memory, struct mrc_err *err);
void shadow_follow_release(void *memory);

#endif

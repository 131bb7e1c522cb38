/* The agent: what a host does beside answering. It can be lost at any moment without harm to a request. */
#ifndef MRC_FCGI_AGENT_H
#define MRC_FCGI_AGENT_H

#include "fcgi/config.h"

/* Run until TERM or INT. Returns an exit status. */
int agent_run(const struct settings *config, struct mrc_err *err);

#endif

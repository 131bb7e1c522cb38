/* A shadow version: one that predicts again, from the log, what the current version served, so that there is evidence
 * before a promotion. A task of the agent; no request waits for it, and whatever is wrong with the version harms none.
 *
 * Each prediction of the log is predicted once by a version (the key of the table shadow_prediction says so), whichever
 * host does it and however often agents die: rows and the job's cursor are one transaction, under the job's lease. It
 * begins with predictions made after the newest film the version learnt from, so nothing is known to it that was not
 * to the served one, and follows at a distance that lets slow requests reach the log. */
#ifndef MRC_FCGI_SHADOW_H
#define MRC_FCGI_SHADOW_H

#include "fcgi/agent.h"
#include "fcgi/store.h"

enum { SHADOW_VERSION_MAX = 128 };

/* The version wished for: the setting `shadow`, or what mlflow_shadow_alias named last; "" none. */
void shadow_wanted(const struct settings *config, char version[SHADOW_VERSION_MAX]);

enum shadow_state {
    SHADOW_OFF,         /* none is wished for */
    SHADOW_OK,          /* it is compared */
    SHADOW_UNKNOWN,     /* the agent has not looked yet */
    SHADOW_BAD_VERSION, /* it cannot be loaded */
    SHADOW_CURRENT,     /* it serves: nothing to compare it with */
    SHADOW_NO_LOG,      /* log = off */
    SHADOW__COUNT
};
extern const char *const shadow_state_texts[SHADOW__COUNT]; /* for people, without paths */

/* How it stands on this host, as the agent noted in <run_dir>/shadow.json. Never fails: what cannot be read is unknown.
 */
enum shadow_state shadow_state_read(const struct settings *config, char version[SHADOW_VERSION_MAX]);

/* Task of the agent. */
int shadow_run(struct agent *a, void **memory, struct mrc_err *err);
void shadow_release(void *memory);

/* ---- one page (shadow_page.c) ---------------------------------------------------------------------------------- */

struct bundle;
struct forecast_scratch;
struct shadow_job {
    const struct bundle *bundle;
    struct forecast_scratch *scratch;
    struct store *state, *log;
    const char *holder;       /* host and process */
    char cursor[40];          /* prediction that was done last, as far as this process knows; "": not known */
    bool (*go_on)(void *arg); /* asked between predictions; false: leave the rest. NULL: always */
    void *arg;
    int64_t compared, refused; /* added up */
};
/* Predict the next rows of the log that were made before until_ms, and keep what comes out. 1: there may be more; 0:
 * nothing to do, or another host does it; negative: nothing of this page is kept. */
int shadow_page(struct shadow_job *j, int64_t now_ms, int64_t until_ms, struct mrc_err *err) MRC_CHECKED;

#endif

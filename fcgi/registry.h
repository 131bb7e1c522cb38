/* MLflow as the server knows it: the settings of the connection, what the agent last saw of it (for /readyz?verbose and
 * /metrics), which of our versions has which number there, and promotions that wait to be carried there. */
#ifndef MRC_FCGI_REGISTRY_H
#define MRC_FCGI_REGISTRY_H

#include "common/forecast/mlflow.h"
#include "fcgi/agent.h"

/* Is there an MLflow server in the settings? */
bool registry_used(const struct settings *config);
/* A connection for the agent; its calls end when the agent is to. Secrets are read from their files now. */
int registry_open(const struct settings *config, struct agent *agent, struct mlflow **out,
                  struct mrc_err *err) MRC_CHECKED;
/* Name of the registered model, and of the folder models_dir/<model>. */
const char *registry_model(const struct settings *config);
int registry_folder(const struct settings *config, char *out, size_t size, struct mrc_err *err) MRC_CHECKED;

/* ---- what the agent saw, in <run_dir>/mlflow.json; its time of change is that of the last success ------------------
 */

enum registry_state {
    REGISTRY_OK,
    REGISTRY_UNKNOWN,     /* not asked yet */
    REGISTRY_UNREACHABLE, /* no answer, or one that is not MLflow's */
    REGISTRY_DENIED,
    REGISTRY_UNSET,       /* no such model or alias */
    REGISTRY_BAD_VERSION, /* the alias names a version that cannot be served */
    REGISTRY_PENDING,     /* a promotion waits to be carried there */
    REGISTRY_UNTRUSTED,   /* its certificate, or ours */
    REGISTRY_UNSTORED,    /* what it has cannot be kept here: disk, rights, memory */
    REGISTRY__COUNT
};
extern const char *const registry_state_texts[REGISTRY__COUNT]; /* for people, without addresses */

struct registry_status {
    enum registry_state state;
    char version[128], number[MLFLOW_VERSION_MAX]; /* ours, and MLflow's number; "" unknown */
    int64_t success_ms;                            /* Unix time; 0: never */
};
/* Never fails: what cannot be read is unknown. */
void registry_status_read(const struct settings *config, struct registry_status *out);
void registry_status_write(const struct settings *config, const struct registry_status *s);

/* ---- which versions came from MLflow: models_dir/<model>/.mlflow.json, newest first -------------------------------
 */

enum { REGISTRY_VERSIONS_MAX = 100 };
struct registry_version {
    char folder[128], number[MLFLOW_VERSION_MAX], run[MLFLOW_ID_MAX], model_id[MLFLOW_ID_MAX], digest[65];
    bool fetched; /* its folder was made by us, and may be removed when it is old */
};
/* At most REGISTRY_VERSIONS_MAX; none when there is no list. */
size_t registry_versions_read(const char *folder, struct registry_version *out);
int registry_versions_write(const char *folder, const struct registry_version *v, size_t n,
                            struct mrc_err *err) MRC_CHECKED;

/* ---- promotions ------------------------------------------------------------------------------------------------ */

/* Before `version` is made current by somebody's wish on this host: leave a note, so that the agent moves MLflow's
 * alias there instead of going back to what the alias names. Nothing without MLflow. */
int registry_note(const struct settings *config, struct str version, struct mrc_err *err) MRC_CHECKED;
/* The version noted, in the arena. MRC_ENOTFOUND: none. */
int registry_noted(const struct settings *config, struct arena *a, struct str *version,
                   struct mrc_err *err) MRC_CHECKED;
/* The wish is fulfilled, or cannot be: remove the note if it still names that version. */
void registry_note_done(const struct settings *config, struct str version);

#endif

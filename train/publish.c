/* A bundle to MLflow, from the command line. */
#include "train/publish.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/forecast/mlflow_fetch.h"
#include "common/forecast/mlflow_publish.h"
#include "train/command.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { RETRIES = 4 };

static void show_step(const char *what, void *arg)
{
    const struct publish_job *job = arg;
    if (!job->quiet) {
        fprintf(stderr, "publish: %s\n", what);
    }
}

static void show_retry(const char *why, int64_t wait_ms, void *arg)
{
    (void)arg;
    fprintf(stderr, "publish: %s; again in %.1f s\n", why, (double)wait_ms / 1000);
}

/* The version that the alias names, fetched into a folder of its own. MRC_ENOTFOUND: it names none. */
static int fetch_champion(struct mlflow *m, const char *model, const char *alias, const char *parent,
                          struct bundle **champion, struct mrc_err *err)
{
    struct json_doc *doc;
    char uri[MLFLOW_URI_MAX], number[MLFLOW_VERSION_MAX], folder[FETCH_FOLDER_MAX], path[600];
    MRC_TRY(mlflow_alias_read(m, model, alias, &doc, err));
    const struct json *v = json_find(json_root(doc), "model_version");
    int rc = mlflow_text(v, "version", number, sizeof(number), err);
    if (rc == MRC_OK) {
        rc = mlflow_version_uri(m, model, number, uri, err);
    }
    if (rc == MRC_OK) {
        rc = fetch_bundle(m, uri, mlflow_tag(v, PUBLISH_TAG_DIGEST), parent, (uint64_t)1 << 30, folder, err);
    }
    json_free(doc);
    MRC_TRY(rc);
    (void)snprintf(path, sizeof(path), "%s/%s", parent, folder);
    return bundle_open(champion, path, err);
}

/* May the alias move? Yes when it names nothing yet. */
static int judge(struct mlflow *m, const struct publish_job *job, const char *model, const struct bundle *b,
                 bool *better, struct mrc_err *err)
{
    const char *tmp = getenv("TMPDIR");
    char parent[256];
    struct bundle *champion = NULL;
    struct mrc_err problem = {0};
    if (snprintf(parent, sizeof(parent), "%s/mercredi-publish.XXXXXX", tmp == NULL || tmp[0] == '\0' ? "/tmp" : tmp) >=
            (int)sizeof(parent) ||
        mkdtemp(parent) == NULL) {
        return mrc_fail_errno(err, MRC_EIO, errno, "a temporary folder");
    }
    *better = true;
    int rc = fetch_champion(m, model, job->alias, parent, &champion, &problem);
    if (rc == MRC_OK) {
        rc = strcmp(champion->digest, b->digest) == 0 ? MRC_OK
                                                      : publish_judge(b, champion, job->judge_data, better, &problem);
        bundle_close(champion);
    } else if (rc == MRC_ENOTFOUND && mlflow_status(m) != 404) {
        rc = MRC_OK; /* no such alias yet */
    }
    struct mrc_err left = {0};
    if (folder_remove(parent, &left) < 0) {
        fprintf(stderr, "publish: left behind: %s\n", left.msg);
    }
    if (rc < 0 && err != NULL) {
        *err = problem;
    }
    return rc;
}

static int publish_opened(struct mlflow *m, const struct publish_job *job, const struct bundle *b, struct mrc_err *err)
{
    char commit[65], model[300], line[1200];
    struct published done;
    bool better = true, moved;
    git_commit(commit);
    const struct passwd *account = getpwuid(getuid());
    (void)snprintf(model, sizeof(model), "%.*s", STR_ARG(b->name));
    const struct publish_options o = {.experiment = job->experiment,
                                      .model = job->model != NULL ? job->model : model,
                                      .source = "mercredi-train",
                                      .user = account == NULL ? NULL : account->pw_name,
                                      .git_commit = commit,
                                      .started_ms = job->started_ms,
                                      .step = show_step,
                                      .arg = (void *)(uintptr_t)job};
    MRC_TRY(publish_bundle(m, b, &o, &done, err));
    if (job->alias != NULL && job->judge_data != NULL) {
        MRC_TRY(judge(m, job, o.model, b, &better, err));
    }
    if (job->alias != NULL && better) {
        MRC_TRY(publish_alias(m, o.model, job->alias, done.version, &moved, err));
        show_step(moved ? "alias moved" : "the alias is there already", (void *)(uintptr_t)job);
    }
    int n = snprintf(line, sizeof(line), "{\"run_id\": \"%s\", \"version\": \"%s\"}\n", done.run, done.version);
    return output_text("-", (struct str){line, (size_t)n}, err);
}

/* One publisher of a bundle at a time on this host: two would make two versions. */
static int lock_bundle(const char *folder, int *fd, struct mrc_err *err)
{
    char path[4600];
    if (snprintf(path, sizeof(path), "%s/manifest.json", folder) >= (int)sizeof(path)) {
        return mrc_fail(err, MRC_ELIMIT, "%s: the path is too long", folder);
    }
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) {
        return mrc_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? MRC_ENOTFOUND : MRC_EIO, errno, "%s", path);
    }
    int rc = flock(*fd, LOCK_EX | LOCK_NB);
    if (rc != 0 && errno == EWOULDBLOCK) {
        fprintf(stderr, "publish: another process publishes %s; waiting for it\n", folder);
        do {
            rc = flock(*fd, LOCK_EX);
        } while (rc != 0 && errno == EINTR);
    }
    if (rc != 0) {
        int number = errno;
        close(*fd);
        return mrc_fail_errno(err, MRC_EIO, number, "%s: no lock", path);
    }
    return MRC_OK;
}

int publish_run(const struct publish_job *job, struct mrc_err *err)
{
    struct mlflow_options o = {
        .url = job->url, .retries = RETRIES, .timeout_ms = 60000, .retrying = show_retry, .agent = "mercredi-train"};
    struct mlflow *m;
    struct bundle *b;
    int lock;
    MRC_TRY(digest_start(err));
    MRC_TRY(mlflow_options_environment(&o, err));
    MRC_TRY(mlflow_open(&m, &o, err));
    int rc = lock_bundle(job->bundle, &lock, err);
    if (rc == MRC_OK) {
        rc = bundle_open(&b, job->bundle, err);
        if (rc == MRC_OK) {
            rc = publish_opened(m, job, b, err);
            bundle_close(b);
        }
        close(lock);
    }
    mlflow_close(m);
    return rc;
}

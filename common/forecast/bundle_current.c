/* The link that says which version of a forecast is current. */
#include "common/base/file.h"
#include "common/forecast/bundle_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Point <name_folder>/<link> at a version: made beside, then renamed, so that a reader sees the old or the new one. */
static int set_link(const char *name_folder, const char *link, const char *version, struct mrc_err *err)
{
    char path[4096], fresh[4096];
    int n = snprintf(path, sizeof path, "%s/%s", name_folder, link);
    int m = snprintf(fresh, sizeof fresh, "%s/.%s.%ld", name_folder, link, (long)getpid());
    if (n >= (int)sizeof path || m >= (int)sizeof fresh) {
        return mrc_fail(err, MRC_ELIMIT, "%s: the path is too long", name_folder);
    }
    if (unlink(fresh) < 0 && errno != ENOENT) {
        return mrc_fail_errno(err, MRC_EIO, errno, "%s", fresh);
    }
    if (symlink(version, fresh) < 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "%s", fresh);
    }
    if (rename(fresh, path) < 0) {
        int why = errno;
        unlink(fresh);
        return mrc_fail_errno(err, MRC_EIO, why, "%s", path);
    }
    return MRC_OK;
}

/* The version a link names. */
static int read_link(const char *name_folder, const char *name, struct arena *a, struct str *version,
                     struct mrc_err *err)
{
    char link[4096], target[128];
    if (snprintf(link, sizeof link, "%s/%s", name_folder, name) >= (int)sizeof link) {
        return mrc_fail(err, MRC_ELIMIT, "%s: the path is too long", name_folder);
    }
    ssize_t n = readlink(link, target, sizeof target);
    if (n < 0) {
        return errno == ENOENT ? mrc_fail(err, MRC_ENOTFOUND, "%s: there is none", link)
                               : mrc_fail_errno(err, MRC_EIO, errno, "%s", link);
    }
    struct str found = {target, (size_t)n};
    if (found.n > 1 && found.p[found.n - 1] == '/') {
        found.n--; /* a link made by hand */
    }
    if (n == (ssize_t)sizeof target || !bundle_version_valid(found)) {
        return mrc_fail(err, MRC_EFORMAT, "%s points to \"%.*s\", which is no version", link, STR_ARG(found));
    }
    return str_copy(a, found, version) ? MRC_OK : arena_fail(a, err);
}

int bundle_set_current(const char *name_folder, const char *version, struct mrc_err *err)
{
    char manifest[4096];
    struct arena a;
    struct str old = {"", 0};
    if (!bundle_version_valid(str_of(version))) {
        return mrc_fail(err, MRC_EINVAL, "\"%s\" is no version name", version);
    }
    if (snprintf(manifest, sizeof manifest, "%s/%s/manifest.json", name_folder, version) >= (int)sizeof manifest) {
        return mrc_fail(err, MRC_ELIMIT, "%s: the path is too long", name_folder);
    }
    if (!file_exists(manifest)) {
        return mrc_fail(err, MRC_ENOTFOUND, "%s: there is no version %s", name_folder, version);
    }
    arena_init(&a, 4096);
    /* What was current is what a rollback goes back to. */
    if (bundle_current(name_folder, &a, &old, NULL) < 0 || str_is(old, version)) {
        old = (struct str){"", 0};
    }
    int rc = old.n == 0 ? MRC_OK : set_link(name_folder, "previous", old.p, err);
    if (rc == MRC_OK) {
        rc = set_link(name_folder, "current", version, err);
    }
    arena_release(&a);
    return rc < 0 ? rc : folder_sync(name_folder, err);
}

int bundle_current(const char *name_folder, struct arena *a, struct str *version, struct mrc_err *err)
{
    return read_link(name_folder, "current", a, version, err);
}

int bundle_previous(const char *name_folder, struct arena *a, struct str *version, struct mrc_err *err)
{
    return read_link(name_folder, "previous", a, version, err);
}

/* manifest.json first, then what it names; bundle_open judges the whole; a rename makes it a version. */
#include "common/forecast/mlflow_fetch.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/forecast/bundle_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4700 };
static const char partial_prefix[] = ".fetch-";

struct fetch {
    struct mlflow *m;
    const char *uri, *parent;
    struct str digest;
    char partial[PATH_MAX_BYTES];
    struct mrc_err *err;
};

/* What stays is only room on the disk, and is tried again by fetch_clean. */
static void drop(const char *folder)
{
    struct mrc_err ignored;
    if (folder_remove(folder, &ignored) < 0) {
        return;
    }
}

static int path_in(struct fetch *f, const char *folder, const char *name, char out[PATH_MAX_BYTES])
{
    return snprintf(out, PATH_MAX_BYTES, "%s/%s", folder, name) < PATH_MAX_BYTES
               ? MRC_OK
               : mrc_fail(f->err, MRC_ELIMIT, "%s/%s: the path is too long", folder, name);
}

/* Is the file there with these bytes? */
static bool have_file(const char *path, uint64_t bytes, struct str digest)
{
    struct stat st;
    char found[SHA256_HEX];
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes &&
           sha256_file(path, found, NULL) == MRC_OK && str_is(digest, found);
}

static int make_folders(struct fetch *f, const char *name)
{
    char path[PATH_MAX_BYTES], part[BUNDLE_NAME_MAX + 1];
    const char *slash = strrchr(name, '/');
    if (slash == NULL) {
        return MRC_OK;
    }
    (void)snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
    MRC_TRY(path_in(f, f->partial, part, path));
    return folder_create(path, 0755, f->err);
}

static int fetch_file(struct fetch *f, const char *name, uint64_t bytes, struct str digest)
{
    char path[PATH_MAX_BYTES], found[SHA256_HEX];
    uint64_t received = 0;
    MRC_TRY(path_in(f, f->partial, name, path));
    if (have_file(path, bytes, digest)) {
        return MRC_OK;
    }
    MRC_TRY(make_folders(f, name));
    (void)unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return mrc_fail_errno(f->err, MRC_EIO, errno, "%s", path);
    }
    int rc = mlflow_download(f->m, f->uri, name, fd, bytes, found, &received, f->err);
    if (rc == MRC_OK && (received != bytes || !str_is(digest, found))) {
        rc = mrc_fail(f->err, MRC_EFORMAT,
                      "artifact %s: %llu bytes with sha256 %.12s…, the manifest says %llu and %.12s…", name,
                      (unsigned long long)received, found, (unsigned long long)bytes, digest.p);
    }
    if (rc == MRC_OK && fsync(fd) != 0) {
        rc = mrc_fail_errno(f->err, MRC_EIO, errno, "%s", path);
    }
    close(fd);
    if (rc < 0) {
        (void)unlink(path);
    }
    return rc;
}

static int fetch_manifest(struct fetch *f, struct json_doc **manifest)
{
    char found[SHA256_HEX], path[PATH_MAX_BYTES], *text;
    size_t n;
    MRC_TRY(mlflow_download_text(f->m, f->uri, "manifest.json", MANIFEST_BYTES_MAX, &text, &n, f->err));
    sha256_hex((struct str){text, n}, found);
    int rc = str_is(f->digest, found)
                 ? MRC_OK
                 : mrc_fail(f->err, MRC_EFORMAT, "artifact manifest.json: sha256 %.12s…, the version's tag says %.12s…",
                            found, f->digest.p);
    if (rc == MRC_OK) {
        rc = bundle_json(manifest, (struct str){text, n}, "manifest.json", JSON_OBJECT, f->err);
    }
    if (rc == MRC_OK) {
        rc = path_in(f, f->partial, "manifest.json", path);
        rc = rc == MRC_OK ? file_replace(path, (struct str){text, n}, 0644, f->err) : rc;
        if (rc < 0) {
            json_free(*manifest);
        }
    }
    free(text);
    return rc;
}

static int check_list(struct fetch *f, const struct json *files, uint64_t bytes_max)
{
    uint64_t total = 0;
    if (json_count(files) == 0 || json_count(files) > BUNDLE_FILES_MAX) {
        return mrc_fail(f->err, MRC_EFORMAT, "artifact manifest.json: %zu files, 1 to %d are meant", json_count(files),
                        BUNDLE_FILES_MAX);
    }
    for (const struct json *file = json_first(files); file != NULL; file = json_next(file)) {
        struct str digest;
        int64_t bytes;
        if (!bundle_name_valid(json_key(file)) || str_is(json_key(file), "manifest.json")) {
            return mrc_fail(f->err, MRC_EFORMAT, "artifact manifest.json: \"%.60s\" is no name of a file of a bundle",
                            json_key(file).p);
        }
        MRC_TRY(json_get_str(file, "sha256", &digest, f->err));
        MRC_TRY(json_get_i64(file, "bytes", 0, BUNDLE_FILE_BYTES_MAX, &bytes, f->err));
        if (digest.n != SHA256_HEX - 1) {
            return mrc_fail(f->err, MRC_EFORMAT, "artifact manifest.json: the sha256 of %.60s is none",
                            json_key(file).p);
        }
        total += (uint64_t)bytes;
    }
    return total <= bytes_max ? MRC_OK
                              : mrc_fail(f->err, MRC_ELIMIT, "the version has %llu bytes, at most %llu are fetched",
                                         (unsigned long long)total, (unsigned long long)bytes_max);
}

static int fetch_files(struct fetch *f, uint64_t bytes_max)
{
    struct json_doc *manifest;
    MRC_TRY(fetch_manifest(f, &manifest));
    const struct json *files = json_find(json_root(manifest), "files");
    int rc = check_list(f, files, bytes_max);
    for (const struct json *file = json_first(files); file != NULL && rc == MRC_OK; file = json_next(file)) {
        struct str digest;
        int64_t bytes;
        rc = json_get_str(file, "sha256", &digest, f->err);
        rc = rc < 0 ? rc : json_get_i64(file, "bytes", 0, BUNDLE_FILE_BYTES_MAX, &bytes, f->err);
        rc = rc < 0 ? rc : fetch_file(f, json_key(file).p, (uint64_t)bytes, digest);
    }
    json_free(manifest);
    return rc;
}

/* Does parent/name hold the bundle of that digest? */
static bool is_version(struct fetch *f, const char *name)
{
    char folder[PATH_MAX_BYTES], path[PATH_MAX_BYTES], found[SHA256_HEX];
    struct mrc_err *err = f->err;
    f->err = NULL;
    bool is = path_in(f, f->parent, name, folder) == MRC_OK && path_in(f, folder, "manifest.json", path) == MRC_OK &&
              sha256_file(path, found, NULL) == MRC_OK && str_is(f->digest, found);
    f->err = err;
    return is;
}

static int find_version(struct fetch *f, char folder[FETCH_FOLDER_MAX], bool *found)
{
    struct arena a;
    struct str *names = NULL;
    size_t n = 0;
    *found = false;
    arena_init(&a, 16 << 20);
    int rc = folder_list(f->parent, &a, &names, &n, f->err);
    for (size_t i = 0; rc == MRC_OK && i < n && !*found; i++) {
        if (bundle_version_valid(names[i]) && !str_is(names[i], "current") && names[i].n < FETCH_FOLDER_MAX &&
            is_version(f, names[i].p)) {
            memcpy(folder, names[i].p, names[i].n + 1);
            *found = true;
        }
    }
    arena_release(&a);
    return rc;
}

/* What was whole when it was fetched may have been damaged since. */
static int check_there(struct fetch *f, const char *folder)
{
    char path[PATH_MAX_BYTES];
    struct bundle *b;
    MRC_TRY(path_in(f, f->parent, folder, path));
    if (bundle_open(&b, path, f->err) < 0) {
        return err_wrap(f->err, "the version is here already, but damaged; remove its folder to fetch it anew");
    }
    bundle_close(b);
    return MRC_OK;
}

/* The self-test, then the version's name. */
static int judge(struct fetch *f, char folder[FETCH_FOLDER_MAX])
{
    struct bundle *b;
    char path[PATH_MAX_BYTES];
    int rc = bundle_open(&b, f->partial, f->err);
    if (rc < 0) {
        return rc;
    }
    int n = snprintf(folder, FETCH_FOLDER_MAX, "%.*s", STR_ARG(b->version));
    bool fits = n < FETCH_FOLDER_MAX - 16;
    rc = strcmp(b->digest, f->digest.p) == 0 && fits
             ? MRC_OK
             : mrc_fail(f->err, MRC_EFORMAT, "the bundle is not the one that was asked for");
    bundle_close(b);
    MRC_TRY(rc);
    MRC_TRY(path_in(f, f->parent, folder, path));
    struct stat st;
    if (lstat(path, &st) == 0) {
        (void)snprintf(folder + n, (size_t)(FETCH_FOLDER_MAX - n), ".%.8s", f->digest.p);
    }
    return MRC_OK;
}

static int appear(struct fetch *f, const char *folder)
{
    char path[PATH_MAX_BYTES];
    MRC_TRY(path_in(f, f->parent, folder, path));
    MRC_TRY(folder_sync(f->partial, f->err));
    if (rename(f->partial, path) != 0) {
        return mrc_fail_errno(f->err, errno == EEXIST || errno == ENOTEMPTY ? MRC_ECONFLICT : MRC_EIO, errno, "%s",
                              path);
    }
    return folder_sync(f->parent, f->err);
}

int fetch_bundle(struct mlflow *m, const char *uri, struct str digest, const char *parent, uint64_t bytes_max,
                 char folder[FETCH_FOLDER_MAX], struct mrc_err *err)
{
    struct fetch f = {.m = m, .uri = uri, .parent = parent, .digest = digest, .err = err};
    char name[64];
    bool there;
    if (digest.n != SHA256_HEX - 1 || strspn(digest.p, "0123456789abcdef") != digest.n) {
        return mrc_fail(err, MRC_EFORMAT, "the version's sha256 is none: 64 hexadecimal digits are meant");
    }
    MRC_TRY(folder_create(parent, 0755, err));
    MRC_TRY(find_version(&f, folder, &there));
    if (there) {
        return check_there(&f, folder);
    }
    (void)snprintf(name, sizeof(name), "%s%.16s", partial_prefix, digest.p);
    MRC_TRY(path_in(&f, parent, name, f.partial));
    MRC_TRY(folder_create(f.partial, 0755, err));
    int lock = open(f.partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
        int rc = mrc_fail_errno(err, errno == EWOULDBLOCK ? MRC_EBUSY : MRC_EIO, errno, "%s", f.partial);
        if (lock >= 0) {
            close(lock);
        }
        return rc;
    }
    int rc = fetch_files(&f, bytes_max);
    if (rc == MRC_OK && (rc = judge(&f, folder)) < 0) {
        drop(f.partial); /* complete and no good: nothing of it is worth keeping */
    }
    rc = rc == MRC_OK ? appear(&f, folder) : rc;
    close(lock);
    return rc;
}

void fetch_clean(const char *parent, struct str digest)
{
    struct arena a;
    struct str *names = NULL;
    size_t n = 0;
    struct fetch f = {.parent = parent};
    arena_init(&a, 16 << 20);
    if (folder_list(parent, &a, &names, &n, NULL) == MRC_OK) {
        for (size_t i = 0; i < n; i++) {
            bool wanted = digest.n >= 16 && names[i].n > sizeof(partial_prefix) - 1 &&
                          strncmp(names[i].p + sizeof(partial_prefix) - 1, digest.p, 16) == 0;
            if (str_starts(names[i], partial_prefix) && !wanted &&
                path_in(&f, parent, names[i].p, f.partial) == MRC_OK) {
                drop(f.partial);
            }
        }
    }
    arena_release(&a);
}

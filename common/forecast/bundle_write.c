/* Writing a version: into a folder beside its place, opened again and self-tested, synced, then renamed. */
#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/forecast/bundle_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The manifest: the caller's facts, then every file with its digest and size, by name. */
static int put_manifest(const struct bundle_file *const *sorted, size_t n, struct str facts, struct buf *out,
                        struct mrc_err *err)
{
    struct json_doc *doc;
    struct json_out w;
    MRC_TRY(bundle_json(&doc, facts, "manifest", JSON_OBJECT, err));
    json_out_init(&w, out);
    w.pretty = true;
    json_open_object(&w);
    for (const struct json *m = json_first(json_root(doc)); m; m = json_next(m)) {
        if (!str_is(json_key(m), "files")) {
            json_put_key_str(&w, json_key(m));
            json_put_value(&w, m);
        }
    }
    json_free(doc);
    json_put_key(&w, "files");
    json_open_object(&w);
    for (size_t i = 0; i < n; i++) {
        char digest[SHA256_HEX];
        sha256_hex(sorted[i]->text, digest);
        json_put_key(&w, sorted[i]->name);
        json_open_object(&w);
        json_pair_cstr(&w, "sha256", digest);
        json_pair_i64(&w, "bytes", (int64_t)sorted[i]->text.n);
        json_close_object(&w);
    }
    json_close_object(&w);
    json_close_object(&w);
    buf_char(out, '\n');
    return buf_ok(out, err);
}

static int name_order(const void *a, const void *b)
{
    const struct bundle_file *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* By name, each once, none that leaves the folder. */
static int sort_files(const struct bundle_file *files, size_t n, struct arena *a, const struct bundle_file ***out,
                      struct mrc_err *err)
{
    if (n == 0 || n > BUNDLE_FILES_MAX) {
        return mrc_fail(err, MRC_EINVAL, "%zu files, not 1 to %d", n, BUNDLE_FILES_MAX);
    }
    const struct bundle_file **sorted = ARENA_ARRAY(a, n, const struct bundle_file *);
    if (!sorted) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &files[i];
        if (!bundle_name_valid(str_of(files[i].name)) || strcmp(files[i].name, "manifest.json") == 0) {
            return mrc_fail(err, MRC_EINVAL, "\"%s\" cannot be a file of a bundle", files[i].name);
        }
        if (files[i].text.n > BUNDLE_FILE_BYTES_MAX) {
            return mrc_fail(err, MRC_ELIMIT, "%s has more than %d bytes", files[i].name, BUNDLE_FILE_BYTES_MAX);
        }
    }
    qsort(sorted, n, sizeof(const struct bundle_file *), name_order);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(sorted[i]->name, sorted[i - 1]->name) == 0) {
            return mrc_fail(err, MRC_EINVAL, "file \"%s\" stands twice", sorted[i]->name);
        }
    }
    *out = sorted;
    return MRC_OK;
}

static int write_file(const char *folder, const char *name, struct str text, struct arena *a, struct mrc_err *err)
{
    char *path = path_join(a, folder, name);
    if (!path) {
        return arena_fail(a, err);
    }
    char *slash = strrchr(path, '/');
    if (strchr(name, '/')) {
        *slash = '\0';
        MRC_TRY(folder_create(path, 0755, err));
        *slash = '/';
    }
    MRC_TRY(file_create(path, text, 0644, err));
    *slash = '\0';
    return folder_sync(path, err);
}

static int fill_folder(const char *folder, const struct bundle_file *const *sorted, size_t n, struct str manifest,
                       struct arena *a, struct mrc_err *err)
{
    MRC_TRY(folder_remove(folder, err)); /* left by a writer that died */
    MRC_TRY(folder_create(folder, 0755, err));
    for (size_t i = 0; i < n; i++) {
        MRC_TRY(write_file(folder, sorted[i]->name, sorted[i]->text, a, err));
    }
    MRC_TRY(write_file(folder, "manifest.json", manifest, a, err));
    struct bundle *b;
    MRC_TRY(bundle_open(&b, folder, err));
    bundle_close(b);
    return MRC_OK;
}

/* The folder the version appears in. */
static int sync_parent(const char *folder, struct arena *a, struct mrc_err *err)
{
    char *parent = arena_copy(a, folder, strlen(folder));
    if (!parent) {
        return arena_fail(a, err);
    }
    char *slash = strrchr(parent, '/');
    if (slash == parent) {
        return folder_sync("/", err);
    }
    if (slash) {
        *slash = '\0';
    }
    return folder_sync(slash ? parent : ".", err);
}

static int write_version(const char *folder, const struct bundle_file *files, size_t n, struct str facts,
                         struct arena *a, struct mrc_err *err)
{
    const struct bundle_file **sorted = NULL;
    struct buf manifest;
    MRC_TRY(sort_files(files, n, a, &sorted, err));
    buf_init(&manifest, a, MANIFEST_BYTES_MAX);
    MRC_TRY(put_manifest(sorted, n, facts, &manifest, err));
    size_t length = strlen(folder);
    char *place = arena_copy(a, folder, length), *fresh = arena_alloc(a, length + 5, 1);
    if (!place || !fresh) {
        return arena_fail(a, err);
    }
    while (length > 1 && place[length - 1] == '/') {
        place[--length] = '\0';
    }
    memcpy(fresh, place, length);
    memcpy(fresh + length, ".tmp", 5);
    if (file_exists(place)) {
        return mrc_fail(err, MRC_ECONFLICT, "%s exists: a version never changes", place);
    }
    int rc = fill_folder(fresh, sorted, n, buf_text(&manifest), a, err);
    if (rc == MRC_OK && rename(fresh, place) < 0) {
        bool taken = errno == EEXIST || errno == ENOTEMPTY;
        rc = mrc_fail_errno(err, taken ? MRC_ECONFLICT : MRC_EIO, errno, "%s", place);
    }
    if (rc < 0) {
        struct mrc_err ignored;
        int removed = folder_remove(fresh, &ignored); /* the first failure is the one to tell */
        (void)removed;
        return rc;
    }
    return sync_parent(place, a, err);
}

int bundle_write(const char *folder, const struct bundle_file *files, size_t n, struct str manifest,
                 struct mrc_err *err)
{
    struct arena a;
    arena_init(&a, 0);
    int rc = write_version(folder, files, n, manifest, &a, err);
    arena_release(&a);
    return rc;
}

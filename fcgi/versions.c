/* What models_dir holds. Reads manifests only; loading a version is versions_check's. */
#include "fcgi/versions.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/forecast/bundle.h"
#include "fcgi/config.h"
#include "fcgi/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_FILE_MAX = 4 << 20 };

const char *versions_folder(const struct settings *config, struct arena *a)
{
    return path_join(a, setting_cstr(config, CONFIG_MODELS_DIR), setting_cstr(config, CONFIG_MODEL));
}

/* Could this name a version? What is being written ends with ".tmp", and the links are no versions. */
static bool name_valid(struct str name)
{
    static const char tail[] = ".tmp";
    size_t n = sizeof tail - 1;
    if (name.n == 0 || name.n > 64 || name.p[0] == '.' || str_is(name, "current") || str_is(name, "previous") ||
        (name.n >= n && memcmp(name.p + name.n - n, tail, n) == 0)) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        char ch = name.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '.' ||
              ch == '_' || ch == '-')) {
            return false;
        }
    }
    return true;
}

/* A file as JSON text in the arena; empty when it is absent, too large or no object. */
static struct str read_object(const char *folder, const char *name, struct arena *a, struct json_doc **doc)
{
    struct str none = {"", 0}, copy;
    char *text = NULL;
    size_t n = 0;
    const char *path = path_join(a, folder, name);
    *doc = NULL;
    if (path == NULL || file_read(path, VERSION_FILE_MAX, &text, &n, NULL) < 0) {
        return none;
    }
    bool good = json_read(doc, (struct str){text, n}, &json_limits_file, NULL, NULL) == MRC_OK &&
                json_type(json_root(*doc)) == JSON_OBJECT && str_copy(a, (struct str){text, n}, &copy);
    free(text);
    if (!good) {
        json_free(*doc);
        *doc = NULL;
        return none;
    }
    return copy;
}

static void read_text(const struct json *object, const char *name, struct arena *a, struct str *out)
{
    struct str text;
    *out = (struct str){"", 0};
    if (json_str(json_find(object, name), &text) && !str_copy(a, text, out)) {
        *out = (struct str){"", 0};
    }
}

static void read_manifest(struct version *v, struct arena *a)
{
    struct json_doc *doc;
    v->manifest = read_object(v->folder, "manifest.json", a, &doc);
    if (doc == NULL) {
        return;
    }
    const struct json *root = json_root(doc);
    sha256_hex(v->manifest, v->digest);
    read_text(root, "created", a, &v->created);
    read_text(root, "histories_as_of", a, &v->histories_as_of);
    if (!json_i64(json_find(json_find(root, "schema"), "version"), &v->schema_version)) {
        v->schema_version = 0;
    }
    json_free(doc);
}

struct links {
    struct str current, previous; /* empty: none */
};

static struct links read_links(const char *folder, struct arena *a)
{
    struct links l = {{"", 0}, {"", 0}};
    if (bundle_current(folder, a, &l.current, NULL) < 0) {
        l.current = (struct str){"", 0};
    }
    if (bundle_previous(folder, a, &l.previous, NULL) < 0) {
        l.previous = (struct str){"", 0};
    }
    return l;
}

/* 1: it is one; 0: it is none; negative: err. */
static int look_at(const char *folder, struct str name, const struct links *links, struct arena *a, struct version *out,
                   struct mrc_err *err)
{
    if (!name_valid(name)) {
        return 0;
    }
    *out = (struct version){.manifest = {"", 0}};
    if (!str_copy(a, name, &out->name)) {
        return arena_fail(a, err);
    }
    out->folder = path_join(a, folder, out->name.p);
    if (out->folder == NULL) {
        return arena_fail(a, err);
    }
    if (!file_is_folder(out->folder)) {
        return 0;
    }
    out->current = str_eq(out->name, links->current);
    out->previous = str_eq(out->name, links->previous);
    read_manifest(out, a);
    return 1;
}

int versions_list(const struct settings *config, struct arena *a, struct version **out, size_t *n, struct mrc_err *err)
{
    struct str *names = NULL;
    size_t n_names = 0, found = 0;
    const char *folder = versions_folder(config, a);
    if (folder == NULL) {
        return arena_fail(a, err);
    }
    *out = NULL;
    *n = 0;
    int rc = folder_list(folder, a, &names, &n_names, err);
    if (rc == MRC_ENOTFOUND) {
        return MRC_OK;
    }
    MRC_TRY(rc);
    struct version *list = ARENA_ARRAY(a, n_names < VERSIONS_MAX ? n_names + 1 : VERSIONS_MAX, struct version);
    if (list == NULL) {
        return arena_fail(a, err);
    }
    struct links links = read_links(folder, a);
    for (size_t i = n_names; i > 0 && found < VERSIONS_MAX; i--) {
        rc = look_at(folder, names[i - 1], &links, a, &list[found], err);
        if (rc < 0) {
            return rc;
        }
        found += (size_t)rc;
    }
    *out = list;
    *n = found;
    return MRC_OK;
}

int versions_get(const struct settings *config, struct str name, struct arena *a, struct version *out,
                 struct mrc_err *err)
{
    const char *folder = versions_folder(config, a);
    if (folder == NULL) {
        return arena_fail(a, err);
    }
    struct links links = read_links(folder, a);
    int rc = look_at(folder, name, &links, a, out, err);
    return rc == 1 ? MRC_OK : rc == 0 ? mrc_fail(err, MRC_ENOTFOUND, "There is no such version") : rc;
}

bool versions_find(const struct settings *config, const char *digest, char *name, size_t size)
{
    struct arena a;
    struct version *list;
    size_t n = 0;
    bool found = false;
    arena_init(&a, 64 << 20);
    if (digest[0] != '\0' && versions_list(config, &a, &list, &n, NULL) == MRC_OK) {
        for (size_t i = 0; i < n && !found; i++) {
            found = strcmp(list[i].digest, digest) == 0 && list[i].name.n < size;
            if (found) {
                (void)snprintf(name, size, "%.*s", STR_ARG(list[i].name));
            }
        }
    }
    arena_release(&a);
    return found;
}

struct str versions_file(const struct version *v, const char *name, struct arena *a)
{
    struct json_doc *doc;
    struct str text = read_object(v->folder, name, a, &doc);
    json_free(doc);
    return text;
}

/* ---- the switch ------------------------------------------------------------------------------------------------ */

int versions_open(const struct settings *config, struct str name, struct arena *a, struct bundle **out,
                  struct mrc_err *err)
{
    struct version v;
    struct bundle *b = NULL;
    *out = NULL;
    MRC_TRY(versions_get(config, name, a, &v, err));
    int rc = bundle_open(&b, v.folder, err);
    if (rc == MRC_OK && !(str_eq(b->version, v.name) && str_is(b->name, setting_cstr(config, CONFIG_MODEL)))) {
        rc = mrc_fail(err, MRC_EFORMAT, "manifest.json is of version %.*s of %.*s", STR_ARG(b->version),
                      STR_ARG(b->name));
    }
    if (rc < 0) {
        bundle_close(b);
    } else {
        *out = b;
    }
    size_t skip = strlen(v.folder);
    if (rc < 0 && err != NULL && strncmp(err->msg, v.folder, skip) == 0 && strncmp(err->msg + skip, ": ", 2) == 0) {
        memmove(err->msg, err->msg + skip + 2, strlen(err->msg + skip + 2) + 1);
    }
    return rc;
}

int versions_check(const struct settings *config, struct str name, struct arena *a, struct mrc_err *err)
{
    struct bundle *b;
    MRC_TRY(versions_open(config, name, a, &b, err));
    bundle_close(b);
    return MRC_OK;
}

int versions_previous(const struct settings *config, struct arena *a, struct str *name, struct mrc_err *err)
{
    const char *folder = versions_folder(config, a);
    if (folder == NULL) {
        return arena_fail(a, err);
    }
    int rc = bundle_previous(folder, a, name, err);
    return rc == MRC_ENOTFOUND ? mrc_fail(err, rc, "No version was current before this one") : rc;
}

int versions_switch(const struct settings *config, struct str name, struct arena *a, struct mrc_err *err)
{
    struct str text;
    const char *folder = versions_folder(config, a);
    if (folder == NULL || !str_copy(a, name, &text)) {
        return arena_fail(a, err);
    }
    MRC_TRY(registry_note(config, name, err)); /* before the link: the agent must not see the link alone */
    int rc = bundle_set_current(folder, text.p, err);
    if (rc < 0) {
        registry_note_done(config, name);
    }
    return rc;
}

/* Pages and their files from a fixed table. A file is read when it is asked for; its ETag is the hash of what was read
 * and is kept while size and time of change stay the same, so an edited page is served anew without a restart. */
#include "fcgi/assets.h"

#include "common/base/file.h"
#include "fcgi/app_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum variant { VARIANT_PLAIN, VARIANT_GZIP, VARIANT_BROTLI, VARIANT__COUNT };

static const struct {
    const char *suffix, *coding;
} variants[VARIANT__COUNT] = {{"", NULL}, {".gz", "gzip"}, {".br", "br"}};

struct version { /* of one variant of a file, when it was last read */
    off_t size;
    time_t seconds;
    long nanoseconds;
    char etag[SHA256_HEX + 2];
};

struct asset {
    struct str path; /* "/assets/app.css" */
    const char *type;
    const char *files[VARIANT__COUNT]; /* NULL: there is none */
    struct version versions[VARIANT__COUNT];
};

struct assets {
    struct arena arena;
    struct asset *items; /* [n], in order of path */
    size_t n;
};

static const struct {
    const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {"/LICENSE", "text/plain; charset=utf-8"},
    {"/NOTICE", "text/plain; charset=utf-8"},
};

static bool ends_with(struct str s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.n >= n && memcmp(s.p + s.n - n, suffix, n) == 0;
}

static const char *type_of(struct str path)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (ends_with(path, types[i].suffix)) {
            return types[i].type;
        }
    }
    return NULL;
}

/* ---- making the table ------------------------------------------------------------------------------------------ */

struct listing {
    struct assets *assets;
    struct mrc_err *err;
    bool pages_only; /* the top folder: *.html only, and no folders */
};

static int add(struct listing *l, const char *file, struct str path)
{
    struct assets *a = l->assets;
    const char *type = type_of(path);
    if (type == NULL || (l->pages_only && !ends_with(path, ".html"))) {
        return MRC_OK;
    }
    if (a->n == ASSETS_MAX) {
        return mrc_fail(l->err, MRC_ELIMIT, "more than %d files to serve", ASSETS_MAX);
    }
    struct asset *item = &a->items[a->n];
    *item = (struct asset){.path = path, .type = type};
    item->files[VARIANT_PLAIN] = file;
    for (int v = VARIANT_PLAIN + 1; v < VARIANT__COUNT; v++) {
        struct buf name;
        buf_init(&name, &a->arena, 8192);
        buf_puts(&name, file);
        buf_puts(&name, variants[v].suffix);
        MRC_TRY(buf_ok(&name, l->err));
        item->files[v] = file_exists(name.p) ? name.p : NULL;
    }
    a->n++;
    return MRC_OK;
}

/* Files of a folder whose URLs begin with prefix ("" or "/assets"). */
static int list(struct listing *l, const char *folder, const char *prefix, unsigned depth)
{
    struct str *names;
    size_t n;
    MRC_TRY(folder_list(folder, &l->assets->arena, &names, &n, l->err));
    for (size_t i = 0; i < n; i++) {
        struct buf path;
        const char *file = path_join(&l->assets->arena, folder, names[i].p);
        buf_init(&path, &l->assets->arena, 4096);
        buf_printf(&path, "%s/", prefix);
        buf_str(&path, names[i]);
        if (file == NULL) {
            return arena_fail(&l->assets->arena, l->err);
        }
        MRC_TRY(buf_ok(&path, l->err));
        if (names[i].n == 0 || names[i].p[0] == '.') {
            continue;
        }
        if (!file_is_folder(file)) {
            MRC_TRY(add(l, file, buf_text(&path)));
        } else if (!l->pages_only && depth < ASSETS_DEPTH_MAX) {
            MRC_TRY(list(l, file, path.p, depth + 1));
        }
    }
    return MRC_OK;
}

static int list_all(struct assets *a, const char *www_dir, struct mrc_err *err)
{
    static const char *const folders[] = {"assets", "vendor"};
    struct listing l = {.assets = a, .err = err, .pages_only = true};
    MRC_TRY(list(&l, www_dir, "", 0));
    l.pages_only = false;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        const char *folder = path_join(&a->arena, www_dir, folders[i]);
        char prefix[16];
        if (folder == NULL) {
            return arena_fail(&a->arena, err);
        }
        snprintf(prefix, sizeof prefix, "/%s", folders[i]);
        if (file_is_folder(folder)) {
            MRC_TRY(list(&l, folder, prefix, 1));
        }
    }
    return MRC_OK;
}

static int by_path(const void *a, const void *b)
{
    return str_cmp(((const struct asset *)a)->path, ((const struct asset *)b)->path);
}

int assets_open(struct assets **out, const char *www_dir, struct mrc_err *err)
{
    struct assets *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for the table of files");
    }
    arena_init(&a->arena, 64 << 20);
    int rc = MRC_OK;
    if (www_dir != NULL && www_dir[0] != '\0') {
        a->items = calloc(ASSETS_MAX, sizeof *a->items);
        rc = a->items == NULL ? mrc_fail(err, MRC_ENOMEM, "no memory for the table of files")
                              : list_all(a, www_dir, err);
    }
    if (rc < 0) {
        assets_close(a);
        return rc;
    }
    if (a->n > 0) {
        qsort(a->items, a->n, sizeof *a->items, by_path);
    }
    *out = a;
    return MRC_OK;
}

void assets_close(struct assets *a)
{
    if (a != NULL) {
        arena_release(&a->arena);
        free(a->items);
        free(a);
    }
}

struct asset *assets_find(const struct assets *a, struct str path)
{
    struct asset wanted = {.path = path};
    return a->n == 0 ? NULL : bsearch(&wanted, a->items, a->n, sizeof *a->items, by_path);
}

bool assets_has_prefix(const struct assets *a, const char *prefix)
{
    for (size_t i = 0; i < a->n; i++) {
        if (str_starts(a->items[i].path, prefix)) {
            return true;
        }
    }
    return false;
}

/* ---- serving --------------------------------------------------------------------------------------------------- */

static enum variant choose(const struct context *c, const struct asset *asset)
{
    for (int v = VARIANT__COUNT - 1; v > VARIANT_PLAIN; v--) {
        if (asset->files[v] != NULL && http_accepts_coding(c->req->accept_encoding, variants[v].coding)) {
            return (enum variant)v;
        }
    }
    return VARIANT_PLAIN;
}

static bool unchanged(const struct version *v, const struct stat *st)
{
    return v->etag[0] != '\0' && v->size == st->st_size && v->seconds == st->st_mtim.tv_sec &&
           v->nanoseconds == st->st_mtim.tv_nsec;
}

/* Read the file and renew its version. */
static int read_variant(const char *file, struct version *version, const struct stat *st, struct buf *out,
                        struct mrc_err *err)
{
    char hex[SHA256_HEX];
    char *bytes;
    size_t n;
    MRC_TRY(file_read(file, ASSET_BYTES_MAX, &bytes, &n, err));
    *out = (struct buf){.p = bytes, .n = n, .cap = n + 1, .max = n};
    if (!unchanged(version, st)) {
        sha256_hex((struct str){bytes, n}, hex);
        *version =
            (struct version){.size = st->st_size, .seconds = st->st_mtim.tv_sec, .nanoseconds = st->st_mtim.tv_nsec};
        snprintf(version->etag, sizeof version->etag, "\"%.32s\"", hex);
    }
    return MRC_OK;
}

void assets_serve(struct context *c, struct asset *asset, const char *cache)
{
    struct mrc_err err = {0};
    struct stat st;
    enum variant v = choose(c, asset);
    struct version *version = &asset->versions[v];
    if (stat(asset->files[v], &st) != 0) {
        answer_detail(c, 404, "Not Found");
        return;
    }
    bool has_variants = asset->files[VARIANT_GZIP] != NULL || asset->files[VARIANT_BROTLI] != NULL;
    bool known = unchanged(version, &st) && http_etag_matches(c->req->if_none_match, str_of(version->etag));
    if (!known) {
        if (read_variant(asset->files[v], version, &st, &c->app->file, &err) < 0) {
            answer_err(c, &err);
            return;
        }
        known = http_etag_matches(c->req->if_none_match, str_of(version->etag));
    }
    http_header(c->res, "ETag", str_of(version->etag));
    http_header(c->res, "Cache-Control", str_of(cache));
    if (has_variants) {
        http_header(c->res, "Vary", STR("Accept-Encoding"));
    }
    /* The type decides the policy headers, and a browser takes those of a 304 for the page it kept. */
    c->res->content_type = asset->type;
    if (known) {
        c->res->status = 304;
        return;
    }
    if (v != VARIANT_PLAIN) {
        http_header(c->res, "Content-Encoding", str_of(variants[v].coding));
    }
    c->res->body = c->app->file; /* released by app_finish */
    c->res->status = 200;
}

/* Artifacts, through MLflow's proxy: <base>/api/2.0/mlflow-artifacts/artifacts/<path>. A URI that points anywhere else
 * is refused, because it comes from the registry, which anybody may have written. */
#include "common/forecast/mlflow_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char proxy[] = "/api/2.0/mlflow-artifacts/artifacts";

/* host[:port] of the base address. */
static struct str own_host(const struct mlflow *m)
{
    const char *p = strstr(mlflow_url(m), "://") + 3;
    return (struct str){p, strcspn(p, "/")};
}

/* Parts that stay inside: not empty, no "." or "..", no backslash or control character. */
static bool path_is_plain(struct str path)
{
    size_t begin = 0;
    for (size_t i = 0; i <= path.n; i++) {
        if (i < path.n && path.p[i] != '/') {
            unsigned char ch = (unsigned char)path.p[i];
            if (ch < ' ' || ch == 0x7f || ch == '\\' || ch == '?' || ch == '#' || ch == '%') {
                return false;
            }
            continue;
        }
        struct str piece = {path.p + begin, i - begin};
        if (piece.n == 0 || str_is(piece, ".") || str_is(piece, "..")) {
            return false;
        }
        begin = i + 1;
    }
    return true;
}

/* URI → path inside the proxy's tree. */
static int path_of(struct mlflow *m, const char *uri, struct str *path, struct mrc_err *err)
{
    static const char scheme[] = "mlflow-artifacts:";
    const char *p = uri;
    if (strncmp(uri, scheme, sizeof(scheme) - 1) != 0) {
        size_t base = strlen(mlflow_url(m));
        if (strncmp(uri, mlflow_url(m), base) != 0 || strncmp(uri + base, proxy, sizeof(proxy) - 1) != 0) {
            return mrc_fail(err, MRC_EUNSUPPORTED,
                            "MLflow keeps the files at \"%.80s\"; only its own proxy is used: start it with "
                            "--serve-artifacts, and register versions with their run's or model's artifact URI",
                            uri);
        }
        p = uri + base + sizeof(proxy) - 1;
    } else {
        p += sizeof(scheme) - 1;
        if (strncmp(p, "//", 2) == 0) {
            struct str host = {p + 2, strcspn(p + 2, "/")};
            if (!str_eq(host, own_host(m))) {
                return mrc_fail(err, MRC_EUNSUPPORTED, "MLflow keeps the files at \"%.80s\", another server than %s",
                                uri, mlflow_url(m));
            }
            p += 2 + host.n;
        }
    }
    if (*p != '/') {
        return mrc_fail(err, MRC_EUNSUPPORTED, "\"%.80s\" is no address of files", uri);
    }
    *path = str_of(p + 1);
    while (path->n > 0 && path->p[path->n - 1] == '/') {
        path->n--;
    }
    return path_is_plain(*path) ? MRC_OK : mrc_fail(err, MRC_EUNSUPPORTED, "\"%.80s\" is no plain path of files", uri);
}

/* proxy path of <uri>/<name> in buf (malloc'd by it). */
static int file_path(struct mlflow *m, const char *uri, const char *name, struct buf *out, struct mrc_err *err)
{
    struct str folder;
    buf_init(out, NULL, 8000);
    int rc = path_of(m, uri, &folder, err);
    if (rc == MRC_OK && !path_is_plain(str_of(name))) {
        rc = mrc_fail(err, MRC_EINVAL, "\"%.80s\" is no plain name of a file", name);
    }
    if (rc == MRC_OK) {
        buf_puts(out, proxy);
        buf_char(out, '/');
        mlflow_escape(out, folder, true);
        buf_char(out, '/');
        mlflow_escape(out, str_of(name), true);
        rc = buf_ok(out, err);
    }
    if (rc < 0) {
        buf_release(out);
    }
    return rc;
}

static void what_of(char *out, size_t size, const char *name)
{
    (void)snprintf(out, size, "artifact %.60s", name);
}

/* Send r to <uri>/<name>. */
static int send_to(struct mlflow *m, const char *uri, const char *name, struct mlflow_request *r, struct buf *text,
                   struct mrc_err *err)
{
    struct buf path;
    char what[80];
    MRC_TRY(file_path(m, uri, name, &path, err));
    what_of(what, sizeof(what), name);
    r->path = path.p;
    r->what = what;
    r->repeat = MLFLOW_REPEATABLE; /* a file under its name: the same again changes nothing */
    int rc = mlflow_send(m, r, text, err);
    r->path = r->what = NULL;
    buf_release(&path);
    return rc;
}

static int send_alone(struct mlflow *m, const char *uri, const char *name, struct mlflow_request *r,
                      struct mrc_err *err)
{
    struct buf text;
    buf_init(&text, NULL, 1 << 20);
    int rc = send_to(m, uri, name, r, &text, err);
    buf_release(&text);
    return rc;
}

int mlflow_upload(struct mlflow *m, const char *uri, const char *name, const char *path, struct mrc_err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int number = errno;
        if (fd >= 0) {
            close(fd);
        }
        return mrc_fail_errno(err, number == ENOENT ? MRC_ENOTFOUND : MRC_EIO, number, "%s", path);
    }
    struct mlflow_request r = {.method = MLFLOW_PUT, .from_file = true, .fd = fd, .bytes = (uint64_t)st.st_size};
    int rc = S_ISREG(st.st_mode) ? send_alone(m, uri, name, &r, err) : mrc_fail(err, MRC_EINVAL, "%s is no file", path);
    close(fd);
    return rc;
}

int mlflow_upload_text(struct mlflow *m, const char *uri, const char *name, struct str text, struct mrc_err *err)
{
    struct mlflow_request r = {.method = MLFLOW_PUT, .body = text};
    return send_alone(m, uri, name, &r, err);
}

int mlflow_download(struct mlflow *m, const char *uri, const char *name, int fd, uint64_t bytes_max, char digest[65],
                    uint64_t *bytes, struct mrc_err *err)
{
    struct mlflow_request r = {.method = MLFLOW_GET, .to_file = true, .fd = fd, .bytes_max = bytes_max};
    MRC_TRY(send_alone(m, uri, name, &r, err));
    memcpy(digest, r.digest, SHA256_HEX);
    *bytes = r.received;
    return MRC_OK;
}

int mlflow_download_text(struct mlflow *m, const char *uri, const char *name, size_t max, char **out, size_t *n,
                         struct mrc_err *err)
{
    struct mlflow_request r = {.method = MLFLOW_GET};
    struct buf text;
    buf_init(&text, NULL, max);
    int rc = send_to(m, uri, name, &r, &text, err);
    if (rc < 0) {
        buf_release(&text);
        return rc;
    }
    buf_char(&text, ' '); /* there is memory, also for an empty file */
    if (text.p == NULL || text.failed == MRC_ENOMEM) {
        buf_release(&text);
        return mrc_fail(err, MRC_ENOMEM, "no memory for \"%s\"", name);
    }
    *n = text.failed ? text.n : text.n - 1;
    text.p[*n] = '\0';
    *out = text.p;
    return MRC_OK;
}

int mlflow_list(struct mlflow *m, const char *uri, const char *folder, struct json_doc **reply, struct mrc_err *err)
{
    struct str root;
    struct buf path, text;
    const struct json_limits limits = {1 << 20, 16, 0};
    MRC_TRY(path_of(m, uri, &root, err));
    buf_init(&path, NULL, 8000);
    buf_init(&text, NULL, 1 << 20);
    buf_puts(&path, proxy);
    buf_puts(&path, "?path=");
    mlflow_escape(&path, root, false);
    if (folder[0] != '\0') {
        buf_puts(&path, "%2F");
        mlflow_escape(&path, str_of(folder), false);
    }
    int rc = buf_ok(&path, err);
    if (rc == MRC_OK) {
        struct mlflow_request r = {
            .method = MLFLOW_GET, .path = path.p, .what = "artifacts", .repeat = MLFLOW_REPEATABLE};
        rc = mlflow_send(m, &r, &text, err);
    }
    if (rc == MRC_OK && (rc = json_read(reply, buf_text(&text), &limits, NULL, err)) < 0) {
        err_wrap(err, "artifacts");
    }
    buf_release(&path);
    buf_release(&text);
    return rc;
}

bool mlflow_size(const struct json_doc *listing, const char *name, uint64_t *bytes)
{
    const struct json *f = json_first(json_find(json_root(listing), "files"));
    for (; f != NULL; f = json_next(f)) {
        struct str file;
        int64_t size;
        if (json_str(json_find(f, "path"), &file) && str_is(file, name)) {
            *bytes = json_i64(json_find(f, "file_size"), &size) && size > 0 ? (uint64_t)size : 0;
            return true;
        }
    }
    return false;
}

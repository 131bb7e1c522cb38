/* Bytes as a request to the whole server below the socket.
 *
 * Lines up to a blank one are CGI parameters ("REQUEST_METHOD=POST"), the rest is the body. A line "TOKEN" adds the
 * Authorization of an account that may predict. Every answer must be complete: a known status, a body that is JSON
 * where it says so, the common headers. Logging in ends before the hash, whose cost is its purpose. */
#include "tests/unit/app_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int discard(struct log_sink *sink, const struct prediction *rows, size_t n, struct mrc_err *err)
{
    (void)sink;
    (void)err;
    for (size_t i = 0; i < n; i++) { /* what would be stored is whole */
        if (!uuid_valid(rows[i].id) || rows[i].row_json.n == 0 || rows[i].quantiles_json.n == 0 ||
            !(rows[i].low80 <= rows[i].admissions && rows[i].admissions <= rows[i].high80)) {
            abort();
        }
    }
    return MRC_OK;
}

static char authorization[4300];

static struct fixture *open_once(void)
{
    static struct fixture f;
    static struct log_sink sink = {.append = discard};
    static bool open;
    struct mrc_err err = {0};
    static struct gate *other;
    if (!open) {
        fixture_open(&f, true);
        (void)snprintf(authorization, sizeof authorization, "HTTP_AUTHORIZATION=%s", fixture_token(&f, "anna", ""));
        fixture_need(gate_open(&f.parts.hash_gate, fixture_path(&f, "gate"), 1, &err), &err, "gate");
        fixture_need(gate_open(&other, fixture_path(&f, "gate"), 1, &err), &err, "gate");
        fixture_need(gate_enter(other), &err, "gate");
        f.parts.log = &sink;
        fixture_set(&f, "www_dir", "fcgi/www");
        fixture_reopen(&f);
        fixture_need(folder_remove(f.folder, &err), &err, "folder_remove"); /* all is open or in memory */
        log_setup("fuzz", LOG_ERROR, -1);
        open = true;
    }
    return &f;
}

enum { LINES_MAX = 24 };

/* Cut the lines in place; returns where the body begins. */
static size_t read_lines(char *text, size_t n, const char *lines[LINES_MAX + 1])
{
    size_t n_lines = 0, at = 0;
    while (at < n && n_lines < LINES_MAX) {
        size_t end = at;
        while (end < n && text[end] != '\n') {
            end++;
        }
        text[end] = '\0'; /* there is one byte more than n */
        if (end == at) {
            at = end + 1;
            break;
        }
        lines[n_lines++] = strcmp(text + at, "TOKEN") == 0 ? authorization : text + at;
        at = end + 1;
    }
    lines[n_lines] = NULL;
    return at < n ? at : n;
}

static void check_answer(struct fixture *f)
{
    static const int known[] = {200, 204, 304, 307, 400, 401, 403, 404, 405, 409, 413, 415, 422, 431, 503};
    bool fine = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        fine = fine || f->res.status == known[i];
    }
    if (!fine || buf_ok(&f->res.body, NULL) < 0 || fixture_header(f, "X-Request-Id") == NULL ||
        fixture_header(f, "Content-Security-Policy") == NULL || fixture_header(f, "Cache-Control") == NULL) {
        abort();
    }
    if (f->res.content_type != NULL && strstr(f->res.content_type, "json") != NULL) {
        struct json_doc *doc;
        if (json_read(&doc, buf_text(&f->res.body), &json_limits_file, NULL, NULL) < 0) {
            abort();
        }
        json_free(doc);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *lines[LINES_MAX + 1];
    struct fixture *f = open_once();
    struct buf head;
    char *text = malloc(size + 1);
    if (text == NULL || size > 64 * 1024) {
        free(text);
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    size_t body = read_lines(text, size, lines);
    fixture_send(f, lines, (struct str){text + body, size - body});
    check_answer(f);
    buf_init(&head, NULL, 64 * 1024);
    http_response_head(&f->res, false, &head);
    if (buf_ok(&head, NULL) < 0) {
        abort();
    }
    buf_release(&head);
    app_finish(f->app);
    free(text);
    return 0;
}

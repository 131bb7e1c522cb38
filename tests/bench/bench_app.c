/* What a request costs below the socket: bench_app BUNDLE FILM.json [SECONDS [CASE]]. One JSON line a case: CPU time a
 * request of app_handle in this process, without web server, FastCGI or scribe. The databases live in memory. */
#include "tests/unit/app_fixture.h"

#include <time.h>

enum { BATCH = 100 };

static int discard(struct log_sink *sink, const struct prediction *rows, size_t n, struct mrc_err *err)
{
    (void)sink;
    (void)rows;
    (void)n;
    (void)err;
    return MRC_OK;
}

static double cpu_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct bench_case {
    const char *name, *method, *target;
    bool token;
    int films; /* in the body; 0: none; 1: one alone */
    bool log;
};
static const struct bench_case cases[] = {
    {"livez", "GET", "/livez", false, 0, false},       {"token", "GET", "/users/me", true, 0, false},
    {"predict", "POST", "/predict", true, 1, false},   {"predict_logged", "POST", "/predict", true, 1, true},
    {"batch", "POST", "/predict", true, BATCH, false}, {"batch_logged", "POST", "/predict", true, BATCH, true},
};

static void run(struct fixture *f, const struct bench_case *k, const char *bearer, struct str film, double seconds)
{
    static struct log_sink nowhere = {.append = discard};
    struct mrc_err err = {0};
    struct buf body;
    buf_init(&body, NULL, 1 << 20);
    for (int i = 0; i < k->films; i++) {
        buf_puts(&body, k->films == 1 ? "" : i == 0 ? "{\"films\":[" : ",");
        buf_str(&body, film);
    }
    buf_puts(&body, k->films > 1 ? "]}" : "");
    buf_char(&body, '\0');
    fixture_need(buf_ok(&body, &err), &err, "body");
    f->parts.log = k->log ? f->log : &nowhere;
    fixture_reopen(f);
    struct str text = {body.p, body.n - 1};
    char method[32], target[64], authorization[4300];
    (void)snprintf(method, sizeof method, "REQUEST_METHOD=%s", k->method);
    (void)snprintf(target, sizeof target, "REQUEST_URI=%s", k->target);
    (void)snprintf(authorization, sizeof authorization, "HTTP_AUTHORIZATION=%s", k->token ? bearer : "");
    const char *parameters[] = {method, target, "CONTENT_TYPE=application/json", authorization, NULL};
    long n = 0;
    double start = cpu_s(), used = 0;
    for (; used < seconds; n++) {
        if (fixture_send(f, parameters, text) != 200) {
            fprintf(stderr, "bench_app: %s: status %d: %s\n", k->name, f->res.status, fixture_body(f));
            exit(1);
        }
        used = cpu_s() - start;
    }
    printf("{\"case\":\"app_%s\",\"cpu_us\":%.2f,\"films\":%d,\"requests\":%ld}\n", k->name, used / (double)n * 1e6,
           k->films, n);
    fflush(stdout);
    buf_release(&body);
}

int main(int argc, char **argv)
{
    struct fixture f;
    struct mrc_err err = {0};
    struct str film;
    char *text;
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: bench_app BUNDLE FILM.json [SECONDS [CASE]]\n");
        return 64;
    }
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 1;
    json_use_arenas(); /* as the program does */
    fixture_open(&f, true);
    f.config.values[CONFIG_RATE_PER_MINUTE].integer = 0;
    bundle_close(f.bundle);
    fixture_need(bundle_open(&f.bundle, argv[1], &err), &err, argv[1]);
    f.parts.bundle = f.bundle;
    fixture_reopen(&f);
    fixture_need(file_read(argv[2], 64 * 1024, &text, &film.n, &err), &err, argv[2]);
    film.p = text;
    char bearer[4200];
    (void)snprintf(bearer, sizeof bearer, "%s", fixture_token(&f, "anna", ""));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (argc < 5 || strcmp(argv[4], cases[i].name) == 0) {
            run(&f, &cases[i], bearer, film, seconds);
        }
    }
    free(text);
    fixture_close(&f);
    return 0;
}

/* Time libmercredi on one case: bench_apply MODEL FLOATS N_ROWS [CATS] prints one JSON line per kernel, mode and thread
 * count. FLOATS: float32 rows, row-major, little-endian. CATS: CSV without header, one row per line, no quotes.
 * Each figure is the best of several repetitions within a time budget: the machine may be shared. */
#include "common/trees/mercredi.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct rows {
    size_t n, n_floats, n_cats;
    float *floats;
    struct mrc_str *cats;
    uint32_t *hashes;
    char *cat_text;
};

/* One thread's work is measured in processor time, which a busy machine disturbs least. */
static double now_s(size_t threads)
{
    struct timespec t;
    clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_apply: %s\n", what);
    exit(65);
}

/* Resident memory in KiB, 0 when the system does not tell. */
static long resident_kb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f != NULL && fscanf(f, "%*d %ld", &pages) != 1) {
        pages = 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void *take(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (p == NULL) {
        die("no memory");
    }
    return p;
}

static char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        die(path);
    }
    long size = ftell(f);
    rewind(f);
    char *p = take((size_t)size + 1);
    if (fread(p, 1, (size_t)size, f) != (size_t)size) {
        die(path);
    }
    fclose(f);
    p[size] = '\0';
    *n = (size_t)size;
    return p;
}

static void split_cats(struct rows *r, const char *path)
{
    size_t n;
    r->cat_text = slurp(path, &n);
    size_t total = r->n * r->n_cats;
    r->cats = take(total * sizeof *r->cats);
    r->hashes = take(total * sizeof *r->hashes);
    const char *p = r->cat_text;
    for (size_t i = 0; i < total; i++) {
        if (p >= r->cat_text + n) {
            die("too few categories");
        }
        size_t length = strcspn(p, ",\n");
        r->cats[i] = (struct mrc_str){.p = p, .n = length};
        r->hashes[i] = mrc_cat_hash(p, length);
        p += length + 1;
    }
}

struct job {
    const mrc_model *model;
    const struct rows *rows;
    size_t from, n, step;
    int hashed;
    double *out;
    void *scratch;
};

static void *run(void *arg)
{
    struct job *j = arg;
    const struct rows *r = j->rows;
    size_t dim = mrc_model_dim(j->model);
    for (size_t at = 0; at < j->n; at += j->step) {
        size_t row = j->from + at;
        size_t n = j->n - at < j->step ? j->n - at : j->step;
        int text = r->n_cats > 0 && !j->hashed;
        int hashes = r->n_cats > 0 && j->hashed;
        struct mrc_input in = {.floats = r->floats + row * r->n_floats,
                               .float_row_stride = r->n_floats,
                               .float_column_stride = 1,
                               .cats = text ? r->cats + row * r->n_cats : NULL,
                               .cat_hashes = hashes ? r->hashes + row * r->n_cats : NULL,
                               .cat_row_stride = r->n_cats,
                               .cat_column_stride = 1};
        struct mrc_err err;
        if (mrc_predict(j->model, &in, n, MRC_RAW, j->scratch, j->out + row * dim, &err) < 0) {
            die(err.msg);
        }
    }
    return NULL;
}

static double once(struct job *jobs, size_t threads)
{
    pthread_t ids[64];
    double from = now_s(threads);
    for (size_t t = 1; t < threads; t++) {
        if (pthread_create(&ids[t], NULL, run, &jobs[t]) != 0) {
            die("no thread");
        }
    }
    run(&jobs[0]);
    for (size_t t = 1; t < threads; t++) {
        pthread_join(ids[t], NULL);
    }
    return now_s(threads) - from;
}

struct mode {
    const char *name;
    size_t rows, step, threads;
    int hashed;
};

static void time_mode(const char *kernel, const mrc_model *m, const struct rows *r, struct mode mode, double *out)
{
    struct job jobs[64];
    for (size_t t = 0; t < mode.threads; t++) {
        size_t from = mode.rows * t / mode.threads;
        jobs[t] = (struct job){.model = m,
                               .rows = r,
                               .from = from,
                               .n = mode.rows * (t + 1) / mode.threads - from,
                               .step = mode.step,
                               .hashed = mode.hashed,
                               .out = out,
                               .scratch = take(mrc_scratch_size(m, mode.step))};
    }
    double best = 1e99;
    double until = now_s(mode.threads) + 0.5;
    for (int i = 0; i < 3 || (i < 200 && now_s(mode.threads) < until); i++) {
        double s = once(jobs, mode.threads);
        best = s < best ? s : best;
    }
    printf("{\"kernel\":\"%s\",\"mode\":\"%s\",\"hashed\":%d,\"threads\":%zu,\"ns_per_row\":%.1f}\n", kernel, mode.name,
           mode.hashed, mode.threads, best * 1e9 / (double)mode.rows);
    for (size_t t = 0; t < mode.threads; t++) {
        free(jobs[t].scratch);
    }
}

static void time_kernel(const char *path, const char *kernel, const struct rows *r, double *out)
{
    mrc_model *m;
    struct mrc_err err;
    if (mrc_model_open_kernel(&m, path, kernel, &err) < 0) {
        die(err.msg);
    }
    size_t some = r->n < 5000 ? r->n : 5000;
    size_t few = r->n < 2000 ? r->n : 2000;
    for (int hashed = 0; hashed <= (r->n_cats > 0); hashed++) {
        time_mode(kernel, m, r, (struct mode){"batch", r->n, r->n, 1, hashed}, out);
        time_mode(kernel, m, r, (struct mode){"batch", r->n, r->n, 2, hashed}, out);
        time_mode(kernel, m, r, (struct mode){"rows100", some, 100, 1, hashed}, out);
        time_mode(kernel, m, r, (struct mode){"single", few, 1, 1, hashed}, out);
    }
    mrc_model_free(m);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: bench_apply MODEL FLOATS N_ROWS [CATS]\n", stderr);
        return 64;
    }
    struct mrc_err err;
    long before_kb = resident_kb();
    double from = now_s(1);
    mrc_model *m;
    if (mrc_model_open(&m, argv[1], &err) < 0) {
        die(err.msg);
    }
    printf("{\"mode\":\"load\",\"s\":%.6f,\"kb\":%ld}\n", now_s(1) - from, resident_kb() - before_kb);
    size_t n;
    struct rows r = {.n = strtoul(argv[3], NULL, 10), .floats = (float *)(void *)slurp(argv[2], &n)};
    r.n_floats = mrc_model_float_features(m);
    r.n_cats = mrc_model_cat_features(m);
    size_t dim = mrc_model_dim(m);
    mrc_model_free(m);
    if (r.n_floats * r.n * sizeof(float) > n || (r.n_cats > 0 && argc < 5)) {
        die("too few rows, or categories missing");
    }
    if (r.n_cats > 0) {
        split_cats(&r, argv[4]);
    }
    double *out = take(r.n * dim * sizeof *out);
    const char *kernel;
    for (size_t k = 0; (kernel = mrc_kernel_name(k)) != NULL; k++) {
        time_kernel(argv[1], kernel, &r, out);
    }
    free(out);
    free(r.floats);
    free(r.cats);
    free(r.hashes);
    free(r.cat_text);
    return 0;
}

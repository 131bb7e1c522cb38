/* Counters and their text. Counters with labels are cells by name, the name being the whole sample ("x{a=\"b\"}"), so
 * that versions of the program with other routes can share a file; the rest are cells by number. */
#include "fcgi/metrics.h"

#include "fcgi/app_state.h"

#include "fcgi/registry.h"
#include "fcgi/shadow.h"
#include "fcgi/usage.h"

#include <string.h>

enum { SAMPLE_MAX = SHARED_NAME_MAX };

static const struct {
    int64_t us;
    const char *seconds;
} bounds[] = {{500, "0.0005"}, {1000, "0.001"}, {2500, "0.0025"}, {5000, "0.005"}, {10000, "0.01"}, {25000, "0.025"},
              {50000, "0.05"}, {100000, "0.1"}, {250000, "0.25"}, {500000, "0.5"}, {1000000, "1"},  {2500000, "2.5"}};
enum { N_BOUNDS = sizeof bounds / sizeof bounds[0] };

static const int64_t batch_bounds[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};
static const int64_t value_bounds[] = {300, 1000, 3000, 10000, 30000, 100000, 300000, 1000000, 3000000};
enum { N_BATCH = sizeof batch_bounds / sizeof batch_bounds[0], N_VALUE = sizeof value_bounds / sizeof value_bounds[0] };

/* A histogram's cells: its buckets, the one above them, the sum. */
enum cell {
    CELL_DURATION,
    CELL_DURATION_SUM = CELL_DURATION + N_BOUNDS + 1,
    CELL_RATE_LIMITED,
    CELL_LOG_FAILURES,
    CELL_BATCH,
    CELL_BATCH_SUM = CELL_BATCH + N_BATCH + 1,
    CELL_VALUE,
    CELL_VALUE_SUM = CELL_VALUE + N_VALUE + 1,
    CELL__COUNT
};
_Static_assert(CELL__COUNT < SHARED_CELLS - 1, "cells fit a row");

/* Histograms of whole numbers. */
static const struct {
    const char *name, *help;
    unsigned cell;
    const int64_t *bounds;
    unsigned n;
} histograms[] = {
    {"mercredi_prediction_batch_size", "Films in one request to /predict.", CELL_BATCH, batch_bounds, N_BATCH},
    {"mercredi_prediction_value", "Predicted first-week admissions.", CELL_VALUE, value_bounds, N_VALUE},
};
enum { HISTOGRAM_BATCH, HISTOGRAM_VALUE, N_HISTOGRAMS };

static const struct {
    const char *name, *help;
} families[] = {
    {"mercredi_http_requests_total", "Requests answered, by method, route and status."},
    {"mercredi_predictions_total", "Films predicted, by version of the model."},
    {"mercredi_validation_errors_total", "Values refused in requests, by field and kind."},
    {"mercredi_auth_failures_total", "Logins, tokens, keys and clients refused, by reason."},
    {"mercredi_scores_total", "Rows of features scored by /invocations and /v2, by version of the model."},
    {"mercredi_mlflow_polls_total", "Readings of MLflow's alias, by result."},
    {"mercredi_model_swaps_total", "Changes of the current version, by who wanted them."},
    {"mercredi_model_swap_failures_total", "Versions that were wanted and could not be served."},
    {"mercredi_refreshes_total", "Versions made from refresh_file, by result."},
    {"mercredi_mlflow_days_total", "Days of predictions shipped to MLflow, by result."},
    {"mercredi_shadow_predictions_total", "Served predictions that a shadow version was asked for too, by result."},
    {"mercredi_shadow_failures_total", "Rounds in which the shadow version could not be compared, by reason."},
};

/* ---- counting -------------------------------------------------------------------------------------------------- */

static void put_label(struct buf *b, const char *name, struct str value, bool first)
{
    buf_printf(b, "%s%s=\"", first ? "{" : ",", name);
    for (size_t i = 0; i < value.n; i++) {
        char ch = value.p[i];
        if (ch == '\\' || ch == '"') {
            buf_char(b, '\\');
        }
        buf_char(b, ch == '\n' ? ' ' : ch);
    }
    buf_char(b, '"');
}

/* A sample with up to three labels; a name too long to keep is not counted. */
static void count(const struct context *c, const char *family, const char *const names[3], const struct str values[3],
                  uint64_t n)
{
    char text[SAMPLE_MAX];
    if (c->parts->shared == NULL) {
        return;
    }
    struct buf b;
    buf_init(&b, c->arena, SAMPLE_MAX - 1);
    buf_puts(&b, family);
    for (int i = 0; i < 3 && names[i] != NULL; i++) {
        put_label(&b, names[i], values[i], i == 0);
    }
    buf_char(&b, '}');
    if (buf_ok(&b, NULL) == MRC_OK) {
        memcpy(text, b.p, b.n);
        text[b.n] = '\0';
        shared_count(c->parts->shared, text, n);
    }
}

void metrics_request(const struct context *c, int64_t us)
{
    int status = c->res->status;
    char code[4] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10), (char)('0' + status % 10), '\0'};
    static const char *const names[3] = {"method", "route", "code"};
    const struct str values[3] = {str_of(http_method_name(c->req->method)),
                                  str_of(c->route == NULL ? "other" : c->route->path), str_of(code)};
    unsigned bucket = 0;
    while (bucket < N_BOUNDS && us > bounds[bucket].us) {
        bucket++;
    }
    shared_add(c->parts->shared, CELL_DURATION + bucket, 1);
    shared_add(c->parts->shared, CELL_DURATION_SUM, us > 0 ? (uint64_t)us : 0);
    count(c, families[0].name, names, values, 1);
}

static void observe(const struct context *c, unsigned histogram, int64_t v)
{
    unsigned bucket = 0;
    while (bucket < histograms[histogram].n && v > histograms[histogram].bounds[bucket]) {
        bucket++;
    }
    shared_add(c->parts->shared, histograms[histogram].cell + bucket, 1);
    shared_add(c->parts->shared, histograms[histogram].cell + histograms[histogram].n + 1, v > 0 ? (uint64_t)v : 0);
}

void metrics_predictions(const struct context *c, size_t n)
{
    static const char *const names[3] = {"version", NULL, NULL};
    const struct str values[3] = {c->parts->bundle->version, {"", 0}, {"", 0}};
    count(c, families[1].name, names, values, n);
    observe(c, HISTOGRAM_BATCH, (int64_t)n);
}

void metrics_prediction_value(const struct context *c, int64_t tickets)
{
    observe(c, HISTOGRAM_VALUE, tickets);
}

void metrics_scores(const struct context *c, size_t n)
{
    static const char *const names[3] = {"version", NULL, NULL};
    const struct str values[3] = {c->parts->bundle->version, {"", 0}, {"", 0}};
    count(c, families[4].name, names, values, n);
}

void metrics_validation_error(const struct context *c, const struct problem *p)
{
    static const char *const names[3] = {"field", "type", NULL};
    bool known = p->field.n == 0 || strcmp(p->where, "query") == 0 ||
                 (c->parts->bundle != NULL && schema_find(c->parts->bundle->schema, p->field) >= 0);
    const struct str values[3] = {known ? p->field : STR("other"), str_of(p->type), {"", 0}};
    count(c, families[2].name, names, values, 1);
}

void metrics_auth_failure(const struct context *c, const char *reason)
{
    static const char *const names[3] = {"reason", NULL, NULL};
    const struct str values[3] = {str_of(reason), {"", 0}, {"", 0}};
    count(c, families[3].name, names, values, 1);
}

void metrics_rate_limited(const struct context *c)
{
    shared_add(c->parts->shared, CELL_RATE_LIMITED, 1);
}

void metrics_log_failure(const struct context *c)
{
    shared_add(c->parts->shared, CELL_LOG_FAILURES, 1);
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_number(struct buf *out, const char *name, uint64_t v)
{
    buf_printf(out, "%s %llu\n", name, (unsigned long long)v);
}

static void put_duration(const struct shared *s, struct buf *out)
{
    static const char name[] = "mercredi_http_request_duration_seconds";
    uint64_t sum = 0;
    put_head(out, name, "histogram", "Time from a request's last byte to its answer, in this program.");
    for (unsigned i = 0; i <= N_BOUNDS; i++) {
        sum += shared_sum(s, CELL_DURATION + i);
        buf_printf(out, "%s_bucket{le=\"%s\"} %llu\n", name, i < N_BOUNDS ? bounds[i].seconds : "+Inf",
                   (unsigned long long)sum);
    }
    buf_printf(out, "%s_sum ", name);
    buf_double(out, (double)shared_sum(s, CELL_DURATION_SUM) / 1e6);
    buf_printf(out, "\n%s_count %llu\n", name, (unsigned long long)sum);
}

static void put_histogram(const struct shared *s, unsigned h, struct buf *out)
{
    uint64_t sum = 0;
    put_head(out, histograms[h].name, "histogram", histograms[h].help);
    for (unsigned i = 0; i <= histograms[h].n; i++) {
        sum += shared_sum(s, histograms[h].cell + i);
        if (i < histograms[h].n) {
            buf_printf(out, "%s_bucket{le=\"%lld\"} %llu\n", histograms[h].name, (long long)histograms[h].bounds[i],
                       (unsigned long long)sum);
        } else {
            buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n", histograms[h].name, (unsigned long long)sum);
        }
    }
    buf_printf(out, "%s_sum %llu\n%s_count %llu\n", histograms[h].name,
               (unsigned long long)shared_sum(s, histograms[h].cell + histograms[h].n + 1), histograms[h].name,
               (unsigned long long)sum);
}

static void put_family(const struct shared *s, size_t f, struct buf *out)
{
    size_t n = strlen(families[f].name);
    uint64_t sum;
    put_head(out, families[f].name, "counter", families[f].help);
    for (unsigned i = 0; i < SHARED_NAMES; i++) {
        const char *name = shared_counted(s, i, &sum);
        if (name != NULL && strncmp(name, families[f].name, n) == 0 && name[n] == '{') {
            put_number(out, name, sum);
        }
    }
}

static void put_registry(const struct settings *config, struct buf *out)
{
    struct registry_status r;
    registry_status_read(config, &r);
    put_head(out, "mercredi_mlflow_up", "gauge", "1 while MLflow's alias is read and served, else 0.");
    put_number(out, "mercredi_mlflow_up", r.state == REGISTRY_OK);
    put_head(out, "mercredi_mlflow_last_success_timestamp_seconds", "gauge", "Unix time when that was last so.");
    put_number(out, "mercredi_mlflow_last_success_timestamp_seconds", (uint64_t)r.success_ms / 1000);
}

static void put_shadow(const struct settings *config, struct buf *out)
{
    char version[SHADOW_VERSION_MAX];
    enum shadow_state state = shadow_state_read(config, version);
    if (state != SHADOW_OFF) {
        put_head(out, "mercredi_shadow_up", "gauge", "1 while the shadow version is compared, or serves itself.");
        put_number(out, "mercredi_shadow_up", state == SHADOW_OK || state == SHADOW_CURRENT);
    }
}

/* The names that Prometheus's clients use for one process: here for all processes of the service. */
static void put_usage(struct buf *out)
{
    struct usage u;
    if (!usage_read(&u)) {
        return;
    }
    put_head(out, "process_cpu_seconds_total", "counter", "User and system time of all processes of this service.");
    buf_puts(out, "process_cpu_seconds_total ");
    buf_double(out, u.cpu_s);
    buf_char(out, '\n');
    put_head(out, "process_resident_memory_bytes", "gauge",
             "Memory that all processes of this service hold; pages they share are counted once.");
    put_number(out, "process_resident_memory_bytes", u.resident_bytes);
    put_head(out, "process_open_fds", "gauge", "Open file descriptors of all processes of this service.");
    put_number(out, "process_open_fds", u.open_fds);
    put_head(out, "process_start_time_seconds", "gauge", "Unix time at which the master began.");
    buf_puts(out, "process_start_time_seconds ");
    buf_double(out, u.start_s);
    buf_char(out, '\n');
}

void metrics_write(const struct context *c, struct buf *out)
{
    const struct shared *s = c->parts->shared;
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        put_family(s, f, out);
    }
    put_duration(s, out);
    for (unsigned h = 0; h < N_HISTOGRAMS; h++) {
        put_histogram(s, h, out);
    }
    unsigned processes, busy;
    shared_workers(s, &processes, &busy);
    put_head(out, "mercredi_workers", "gauge", "Workers that live.");
    put_number(out, "mercredi_workers", processes);
    put_head(out, "mercredi_http_requests_in_flight", "gauge",
             "Workers that answer a request now, this one's included.");
    put_number(out, "mercredi_http_requests_in_flight", busy);
    put_head(out, "mercredi_rate_limited_total", "counter", "Requests refused because they came too fast.");
    put_number(out, "mercredi_rate_limited_total", shared_sum(s, CELL_RATE_LIMITED));
    put_head(out, "mercredi_log_failures_total", "counter", "Requests whose predictions could not be logged.");
    put_number(out, "mercredi_log_failures_total", shared_sum(s, CELL_LOG_FAILURES));
    put_head(out, "mercredi_start_time_seconds", "gauge", "Unix time since when these counters count.");
    put_number(out, "mercredi_start_time_seconds", (uint64_t)shared_since_ms(s) / 1000);
    put_usage(out);
    if (registry_used(c->parts->config)) {
        put_registry(c->parts->config, out);
    }
    put_shadow(c->parts->config, out);
    if (c->parts->bundle != NULL) {
        put_head(out, "mercredi_model_info", "gauge", "The version that serves.");
        buf_puts(out, "mercredi_model_info");
        put_label(out, "name", c->parts->bundle->name, true);
        put_label(out, "version", c->parts->bundle->version, false);
        put_label(out, "digest", str_of(c->parts->bundle->digest), false);
        buf_puts(out, "} 1\n");
        put_head(out, "mercredi_model_load_timestamp_seconds", "gauge", "Unix time since when this worker serves it.");
        put_number(out, "mercredi_model_load_timestamp_seconds", (uint64_t)(c->app->opened_ms / 1000));
    }
}

/* Operations: is the process alive, is it ready to predict. No token, no secrets, no paths in the answers. */
#include "fcgi/handlers.h"

#include "fcgi/app_state.h"
#include "fcgi/registry.h"
#include "fcgi/shadow.h"

void h_alive(struct context *c)
{
    answer_text(c, 200, STR("ok\n"));
}

/* One thing /readyz looks at. ok writes nothing; a reason is short and has no path in it. */
struct check {
    const char *name;
    bool (*ok)(const struct context *c);
    const char *reason;
};

static bool model_ok(const struct context *c)
{
    return c->parts->bundle != NULL;
}

static bool state_ok(const struct context *c)
{
    struct mrc_err err = {0};
    return c->parts->store != NULL && store_ping(c->parts->store, &err) == MRC_OK;
}

static bool log_ok(const struct context *c)
{
    struct mrc_err err = {0};
    if (!str_is(setting_text(c->parts->config, CONFIG_LOG), "required")) {
        return true;
    }
    struct log_sink *log = c->parts->log;
    return log != NULL && (log->ping == NULL || log->ping(log, &err) == MRC_OK);
}

static const struct check checks[] = {
    {"model", model_ok, "no version is loaded"},
    {"state", state_ok, "the state database does not answer"},
    {"log", log_ok, "the prediction log cannot be written"},
};

bool health_ready(const struct context *c)
{
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (!checks[i].ok(c)) {
            return false;
        }
    }
    return true;
}

static bool excluded(const struct context *c, const char *name)
{
    struct str rest = c->req->query, key, value;
    while (http_form_next(&rest, c->arena, &key, &value, NULL) == 1) {
        if (str_is(key, "exclude") && str_is(value, name)) {
            return true;
        }
    }
    return false;
}

/* What is wrong with MLflow concerns people, never a request: told, but not counted. */
static void put_registry(const struct context *c, struct buf *text)
{
    struct registry_status s;
    if (registry_used(c->parts->config)) {
        registry_status_read(c->parts->config, &s);
        buf_printf(text, s.state == REGISTRY_OK ? "[+]mlflow ok" : "[!]mlflow: %s (not counted)",
                   registry_state_texts[s.state]);
        if (s.number[0] != '\0') {
            buf_printf(text, ", version %s there%s%s", s.number, s.version[0] != '\0' ? ", here " : "", s.version);
        }
        buf_char(text, '\n');
    }
}

/* Nor does a shadow version. */
static void put_shadow(const struct context *c, struct buf *text)
{
    char version[SHADOW_VERSION_MAX];
    enum shadow_state state = shadow_state_read(c->parts->config, version);
    if (state == SHADOW_OK) {
        buf_printf(text, "[+]shadow ok, version %s\n", version);
    } else if (state != SHADOW_OFF) {
        buf_printf(text, "[!]shadow: %s (not counted), version %s\n", shadow_state_texts[state], version);
    }
}

void h_ready(struct context *c)
{
    struct str value;
    bool verbose = query_find(c, "verbose", &value), ready = true;
    struct buf text;
    buf_init(&text, c->arena, 4096);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (excluded(c, checks[i].name)) {
            buf_printf(&text, "[+]%s excluded: ok\n", checks[i].name);
        } else if (checks[i].ok(c)) {
            buf_printf(&text, "[+]%s ok\n", checks[i].name);
        } else {
            ready = false;
            buf_printf(&text, "[-]%s failed: %s\n", checks[i].name, checks[i].reason);
        }
    }
    put_registry(c, &text);
    put_shadow(c, &text);
    buf_puts(&text, ready ? "readyz check passed\n" : "readyz check failed\n");
    if (!ready) {
        http_header(c->res, "Retry-After", STR("1"));
    }
    answer_text(c, ready ? 200 : 503, verbose || !ready ? buf_text(&text) : STR("ok\n"));
}

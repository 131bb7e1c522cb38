/* GET /metrics: the counters of all workers of this host, for Prometheus. */
#include "fcgi/auth.h"
#include "fcgi/handlers.h"
#include "fcgi/metrics.h"

void h_metrics(struct context *c)
{
    enum config_metrics mode = (enum config_metrics)setting_int(c->parts->config, CONFIG_METRICS);
    if (mode == CONFIG_METRICS_OFF) {
        answer_detail(c, 404, "Not Found");
    } else if (mode == CONFIG_METRICS_OPEN || auth_check(c, SCOPE_MONITOR)) {
        metrics_write(c, &c->res->body);
        c->res->status = 200;
        c->res->content_type = "text/plain; version=0.0.4; charset=utf-8";
    }
}

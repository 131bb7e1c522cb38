/* The limit on requests of one caller: draft-ietf-httpapi-ratelimit-headers and 429. */
#include "fcgi/metrics.h"

#include "common/base/digest.h"
#include "common/base/log.h"

#include <string.h>

static void limit_headers(struct context *c, int64_t quota, const struct charge *charge)
{
    struct buf policy, limit;
    buf_init(&policy, c->arena, 64);
    buf_init(&limit, c->arena, 96);
    buf_printf(&policy, "\"default\";q=%lld;w=60", (long long)quota);
    buf_printf(&limit, "\"default\";r=%lld;t=%lld", (long long)charge->remaining,
               (long long)((charge->reset_ms + 999) / 1000));
    if (http_has_header(c->res, "RateLimit")) { /* a batch is charged twice; the later figure counts */
        for (uint32_t i = 0; i < c->res->n_headers; i++) {
            if (strcmp(c->res->headers[i].name, "RateLimit") == 0) {
                c->res->headers[i].value = buf_text(&limit);
            }
        }
        return;
    }
    http_header(c->res, "RateLimit-Policy", buf_text(&policy));
    http_header(c->res, "RateLimit", buf_text(&limit));
}

bool rate_charge(struct context *c, int64_t cost)
{
    int64_t quota = setting_int(c->parts->config, CONFIG_RATE_PER_MINUTE);
    unsigned char digest[SHA256_BYTES];
    struct buf name, seconds;
    uint64_t key;
    if (quota == 0 || c->parts->shared == NULL) {
        return true;
    }
    /* The request itself has cost one: a batch larger than the quota passes when all the rest is there. */
    cost = cost > 1 && cost >= quota ? quota - 1 : cost;
    if (cost == 0) {
        return true;
    }
    buf_init(&name, c->arena, 256);
    buf_puts(&name, "caller ");
    buf_str(&name, c->caller.user_id);
    sha256(buf_text(&name), digest);
    memcpy(&key, digest, sizeof key);
    struct charge charge = shared_charge(c->parts->shared, key | 1, c->now_ms, quota, cost);
    limit_headers(c, quota, &charge);
    if (charge.wait_ms == 0) {
        return true;
    }
    /* Not earlier than a request like this one would pass. */
    buf_init(&seconds, c->arena, 32);
    buf_printf(&seconds, "%lld", (long long)((charge.wait_ms + 999) / 1000));
    http_header(c->res, "Retry-After", buf_text(&seconds));
    log_event(LOG_WARN, "requests too fast", LOG_STR("req", c->req->request_id), LOG_STR("user", c->caller.user_id));
    metrics_rate_limited(c);
    answer_detail(c, 429, "Too Many Requests");
    return false;
}

/* Pages and their files: "/", /app/NAME, /docs, /redoc, /assets/…, /vendor/…. All HTML lies in fcgi/www/. */
#include "fcgi/app_state.h"
#include "fcgi/assets.h"
#include "fcgi/handlers.h"

static const char fresh[] = "no-cache";                              /* ask again every time */
static const char forever[] = "public, max-age=31536000, immutable"; /* the version is part of the path */

static void serve(struct context *c, struct str path, const char *cache)
{
    struct asset *asset = assets_find(c->app->assets, path);
    if (asset == NULL) {
        answer_detail(c, 404, "Not Found");
    } else {
        assets_serve(c, asset, cache);
    }
}

void h_file(struct context *c)
{
    serve(c, c->req->path, str_starts(c->req->path, "/vendor/") ? forever : fresh);
}

void h_page(struct context *c)
{
    struct buf path;
    buf_init(&path, c->arena, 4096);
    buf_char(&path, '/');
    buf_str(&path, c->argument.n == 0 ? STR("index") : c->argument);
    buf_puts(&path, ".html");
    bool other_address = str_is(c->argument, "index") || str_starts(c->argument, "docs");
    if (other_address || buf_ok(&path, NULL) < 0) {
        answer_detail(c, 404, "Not Found");
        return;
    }
    serve(c, buf_text(&path), fresh);
}

/* Swagger UI draws icons from data: addresses and sets innerHTML, so its page has a policy of its own. */
static void documentation(struct context *c, struct str page)
{
    http_header(c->res, "Content-Security-Policy",
                STR("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
                    "'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"));
    serve(c, page, fresh);
}

void h_docs(struct context *c)
{
    bool swagger = assets_has_prefix(c->app->assets, "/vendor/swagger-ui-");
    documentation(c, swagger ? STR("/docs.html") : STR("/docs-plain.html"));
}

void h_redoc(struct context *c)
{
    documentation(c, STR("/docs-plain.html"));
}

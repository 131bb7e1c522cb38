/* GET /models: the version that serves. */
#include "fcgi/handlers.h"

#include "common/base/date.h"

void h_models(struct context *c)
{
    struct json_out w;
    char date[DATE_TEXT];
    const struct bundle *b = c->parts->bundle;
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_put_key(&w, "models");
    json_open_array(&w);
    if (b != NULL) {
        date_format(b->histories_as_of, date);
        json_open_object(&w);
        json_pair_str(&w, "name", b->name);
        json_pair_str(&w, "version", b->version);
        json_pair_bool(&w, "active", true);
        json_pair_cstr(&w, "digest", b->digest);
        json_pair_cstr(&w, "histories_as_of", date);
        json_pair_i64(&w, "schema_version", schema_version(b->schema));
        json_put_key(&w, "parts");
        json_open_array(&w);
        for (uint32_t i = 0; i < b->n_models; i++) {
            json_put_str(&w, b->models[i].name);
        }
        json_close_array(&w);
        json_close_object(&w);
    }
    json_close_array(&w);
    json_close_object(&w);
    answer_json(c, 200);
}

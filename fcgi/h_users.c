/* GET /users/me: the account behind the token. */
#include "fcgi/handlers.h"

void h_me(struct context *c)
{
    struct json_out w;
    json_out_init(&w, &c->res->body);
    json_open_object(&w);
    json_pair_str(&w, "username", c->caller.username);
    json_put_key(&w, "scopes");
    json_open_array(&w);
    for (int s = SCOPE_NONE + 1; s < SCOPE__COUNT; s++) {
        if ((c->caller.scopes >> s & 1) != 0) {
            json_put_cstr(&w, scope_name((enum scope)s));
        }
    }
    json_close_array(&w);
    json_pair_bool(&w, "disabled", false); /* a disabled account has no valid token */
    json_close_object(&w);
    answer_json(c, 200);
}

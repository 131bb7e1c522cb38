/* Cinemas: GET and POST /cinemas, GET, PUT and DELETE /cinemas/{id}, and who belongs to one. To everybody else a cinema
 * does not exist. */
#include "fcgi/audit.h"
#include "fcgi/handlers.h"
#include "fcgi/reading.h"
#include "fcgi/store_cinemas.h"

#include "common/base/date.h"
#include "common/base/digest.h"
#include "fcgi/auth.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME_MAX = 120,
    ROOMS_MAX = 30,
    ROOM_ID_MAX = 20,
    SEATS_MAX = 5000,
    ANNUAL_MAX = 20000000,
    CINEMAS_LISTED_MAX = 1000
};

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void put_cinema(struct json_out *w, const struct cinema *cinema)
{
    char stamp[STAMP_TEXT];
    json_open_object(w);
    json_pair_str(w, "id", cinema->id);
    json_pair_str(w, "name", cinema->name);
    json_put_key(w, "profile");
    json_put_raw(w, cinema->profile_json);
    json_pair_cstr(w, "role", cinema_role_name(cinema->role));
    stamp_format(cinema->created_ms, stamp);
    json_pair_cstr(w, "created_at", stamp);
    stamp_format(cinema->changed_ms, stamp);
    json_pair_cstr(w, "changed_at", stamp);
    json_close_object(w);
}

static void answer_cinema(struct context *c, const struct cinema *cinema)
{
    struct json_out w;
    json_out_init(&w, &c->res->body);
    put_cinema(&w, cinema);
    answer_json(c, 200);
}

static const char no_cinema[] = "There is no such cinema of yours";

/* What the store refused. */
static void answer_refusal(struct context *c, const struct mrc_err *err)
{
    if (err->code == MRC_ENOTFOUND) {
        answer_detail(c, 404, no_cinema);
    } else if (err->code == MRC_ELIMIT) {
        answer_detail(c, 409, err->msg);
    } else {
        answer_err(c, err);
    }
}

/* The {id} of the path; false: answered. */
static bool id_valid(struct context *c)
{
    if (!uuid_valid(c->argument)) {
        answer_detail(c, 404, no_cinema);
        return false;
    }
    return true;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static int room_problem(struct context *c, struct problems *problems, size_t i, const char *type, const char *field,
                        const char *message, struct mrc_err *err)
{
    struct problem problem = {.type = type,
                              .where = "body",
                              .list = "rooms",
                              .list_index = (int64_t)i,
                              .field = str_of(field),
                              .index = -1,
                              .message = str_of(message)};
    return problems_add(c, problems, &problem, err);
}

static int read_room(struct context *c, struct problems *problems, const struct json *room, size_t i, struct str *id,
                     int64_t *seats, struct mrc_err *err)
{
    struct str text = {"", 0};
    double number = 0;
    *id = text;
    *seats = 0;
    if (json_type(room) != JSON_OBJECT) {
        return room_problem(c, problems, i, "model_attributes_type", "",
                            "Input should be a valid dictionary or object to extract fields from", err);
    }
    if (!json_str(json_find(room, "id"), &text)) {
        MRC_TRY(room_problem(c, problems, i, json_find(room, "id") == NULL ? "missing" : "string_type", "id",
                             json_find(room, "id") == NULL ? "Field required" : "Input should be a valid string", err));
    } else if (!text_begins(text) || utf8_length(text) > ROOM_ID_MAX) {
        MRC_TRY(room_problem(c, problems, i, "string_pattern_mismatch", "id",
                             "String should have 1 to 20 characters and begin with something to see", err));
    } else if (!str_copy(c->arena, str_trim(text), id)) {
        return arena_fail(c->arena, err);
    }
    if (!json_double(json_find(room, "seats"), &number)) {
        return room_problem(c, problems, i, json_find(room, "seats") == NULL ? "missing" : "int_type", "seats",
                            json_find(room, "seats") == NULL ? "Field required" : "Input should be a valid integer",
                            err);
    }
    if (!json_i64(json_find(room, "seats"), seats) || *seats < 1 || *seats > SEATS_MAX) {
        return room_problem(c, problems, i, "int_type", "seats", "Input should be a whole number from 1 to 5000", err);
    }
    return MRC_OK;
}

static int read_rooms(struct context *c, struct problems *problems, const struct json *list, struct json_out *w,
                      struct mrc_err *err)
{
    struct str ids[ROOMS_MAX];
    size_t i = 0;
    if (list == NULL || json_type(list) == JSON_NULL) {
        return MRC_OK;
    }
    if (json_type(list) != JSON_ARRAY) {
        return problem_in_body(c, problems, "list_type", "rooms", "Input should be a valid list", list, err);
    }
    if (json_count(list) > ROOMS_MAX) {
        return problem_in_body(c, problems, "too_long", "rooms", "List should have at most 30 items after validation",
                               NULL, err);
    }
    json_put_key(w, "rooms");
    json_open_array(w);
    for (const struct json *room = json_first(list); room != NULL; room = json_next(room), i++) {
        int64_t seats;
        MRC_TRY(read_room(c, problems, room, i, &ids[i], &seats, err));
        for (size_t k = 0; k < i; k++) {
            if (ids[i].n > 0 && str_eq(ids[k], ids[i])) {
                return mrc_fail(err, MRC_ECONFLICT, "Two rooms have the id %.*s", STR_ARG(ids[i]));
            }
        }
        json_open_object(w);
        json_pair_str(w, "id", ids[i]);
        json_pair_i64(w, "seats", seats);
        json_close_object(w);
    }
    json_close_array(w);
    return MRC_OK;
}

static int read_members_of(struct context *c, struct problems *problems, const struct json *root, struct cinema *out,
                           struct mrc_err *err)
{
    struct buf profile;
    struct json_out w;
    bool has;
    int64_t annual;
    buf_init(&profile, c->arena, 64 * 1024);
    json_out_init(&w, &profile);
    MRC_TRY(read_text_member(c, problems, root, "name", true, 1, NAME_MAX, &out->name, err));
    json_open_object(&w);
    MRC_TRY(read_integer_member(c, problems, root, "annual_admissions", 0, ANNUAL_MAX, &has, &annual, err));
    if (has) {
        json_pair_i64(&w, "annual_admissions", annual);
    }
    MRC_TRY(read_rooms(c, problems, json_find(root, "rooms"), &w, err));
    json_close_object(&w);
    MRC_TRY(buf_ok(&profile, err));
    out->profile_json = buf_text(&profile);
    return MRC_OK;
}

/* false: answered. */
static bool read_cinema(struct context *c, struct cinema *out)
{
    struct problems problems = {0};
    struct mrc_err err = {0};
    struct json_doc *doc = NULL;
    if (!read_json_object(c, &doc)) {
        return false;
    }
    int rc = read_members_of(c, &problems, json_root(doc), out, &err);
    json_free(doc);
    if (rc < 0) {
        answer_err(c, &err);
    } else if (problems.n > 0) {
        answer_problems(c, &problems);
    }
    return rc == MRC_OK && problems.n == 0;
}

/* ---- cinemas --------------------------------------------------------------------------------------------------- */

void h_cinemas(struct context *c)
{
    struct cinema *cinemas = NULL;
    struct mrc_err err = {0};
    struct json_out w;
    size_t n = 0;
    if (store_cinemas_list(c->parts->store, c->caller.user_id, CINEMAS_LISTED_MAX, c->arena, &cinemas, &n, &err) < 0) {
        answer_err(c, &err);
        return;
    }
    open_list(c, &w, "cinemas");
    for (size_t i = 0; i < n; i++) {
        put_cinema(&w, &cinemas[i]);
    }
    answer_list(c, &w);
}

void h_cinema_add(struct context *c)
{
    char id[UUID_TEXT];
    struct mrc_err err = {0};
    uuid7(c->now_ms, id);
    struct cinema cinema = {.id = str_of(id), .created_ms = c->now_ms, .changed_ms = c->now_ms, .role = CINEMA_OWNER};
    if (!read_cinema(c, &cinema)) {
        return;
    }
    const struct cinema_member owner = {.cinema_id = cinema.id,
                                        .user_id = c->caller.user_id,
                                        .username = audit_actor(c),
                                        .role = CINEMA_OWNER,
                                        .since_ms = c->now_ms};
    if (store_cinema_add(c->parts->store, &cinema, &owner, setting_int(c->parts->config, CONFIG_CINEMAS_MAX), &err) <
        0) {
        answer_refusal(c, &err);
    } else {
        answer_cinema(c, &cinema);
    }
}

static void answer_stored(struct context *c)
{
    struct cinema cinema;
    struct mrc_err err = {0};
    if (store_cinema_get(c->parts->store, c->caller.user_id, c->argument, c->arena, &cinema, &err) < 0) {
        answer_refusal(c, &err);
    } else {
        answer_cinema(c, &cinema);
    }
}

void h_cinema(struct context *c)
{
    if (id_valid(c)) {
        answer_stored(c);
    }
}

void h_cinema_change(struct context *c)
{
    struct mrc_err err = {0};
    struct cinema cinema = {.id = c->argument, .changed_ms = c->now_ms};
    if (!id_valid(c)) {
        return;
    }
    /* Not a word about the body to who may not see the cinema. */
    if (store_cinema_get(c->parts->store, c->caller.user_id, c->argument, c->arena, &cinema, &err) < 0) {
        answer_refusal(c, &err);
        return;
    }
    cinema.changed_ms = c->now_ms;
    if (!read_cinema(c, &cinema)) {
        return;
    }
    if (store_cinema_change(c->parts->store, c->caller.user_id, &cinema, c->arena, &err) < 0) {
        answer_refusal(c, &err);
    } else {
        answer_stored(c);
    }
}

void h_cinema_delete(struct context *c)
{
    struct mrc_err err = {0};
    if (!id_valid(c)) {
        return;
    }
    int rc = store_begin(c->parts->store, &err);
    if (rc == MRC_OK) {
        rc = audit_settle(c, store_cinema_delete(c->parts->store, c->caller.user_id, c->argument, c->arena, &err),
                          "cinema delete", c->argument, STR(""), &err);
    }
    if (rc < 0) {
        answer_refusal(c, &err);
    } else {
        answer_nothing(c);
    }
}

/* ---- members --------------------------------------------------------------------------------------------------- */

static void put_member(struct json_out *w, const struct cinema_member *m)
{
    char stamp[STAMP_TEXT];
    stamp_format(m->since_ms, stamp);
    json_open_object(w);
    json_pair_str(w, "username", m->username);
    json_pair_cstr(w, "role", cinema_role_name(m->role));
    json_pair_cstr(w, "since", stamp);
    json_close_object(w);
}

static void answer_members(struct context *c)
{
    struct cinema_member *members = NULL;
    struct mrc_err err = {0};
    struct json_out w;
    size_t n = 0;
    if (store_cinema_members(c->parts->store, c->caller.user_id, c->argument, c->arena, &members, &n, &err) < 0) {
        answer_refusal(c, &err);
        return;
    }
    open_list(c, &w, "members");
    for (size_t i = 0; i < n; i++) {
        put_member(&w, &members[i]);
    }
    answer_list(c, &w);
}

void h_members(struct context *c)
{
    if (id_valid(c)) {
        answer_members(c);
    }
}

static bool read_role(struct context *c, enum cinema_role *role)
{
    struct problems problems = {0};
    struct mrc_err err = {0};
    struct json_doc *doc = NULL;
    struct str name;
    if (!read_json_object(c, &doc)) {
        return false;
    }
    const struct json *v = json_find(json_root(doc), "role");
    *role = json_str(v, &name) ? cinema_role_find(name) : CINEMA_ROLE__END;
    int rc = v == NULL ? problem_in_body(c, &problems, "missing", "role", "Field required", NULL, &err)
             : *role == CINEMA_ROLE__END ? problem_in_body(c, &problems, "literal_error", "role",
                                                           "Input should be 'viewer', 'manager' or 'owner'", v, &err)
                                         : MRC_OK;
    json_free(doc);
    if (rc < 0) {
        answer_err(c, &err);
    } else if (problems.n > 0) {
        answer_problems(c, &problems);
    }
    return rc == MRC_OK && problems.n == 0;
}

/* "anna: manager", "anna: gone": who, and what that makes of them. */
static struct str member_detail(struct context *c, struct str username, const char *became)
{
    struct buf b;
    buf_init(&b, c->arena, 128);
    buf_str(&b, username);
    buf_puts(&b, ": ");
    buf_puts(&b, became);
    return buf_text(&b);
}

static int put_on_record(struct context *c, const struct cinema_member *m, struct mrc_err *err)
{
    MRC_TRY(store_begin(c->parts->store, err));
    return audit_settle(c, store_cinema_member_put(c->parts->store, c->caller.user_id, m, c->arena, err),
                        "cinema member", m->cinema_id, member_detail(c, m->username, cinema_role_name(m->role)), err);
}

void h_member_put(struct context *c)
{
    struct account account;
    struct cinema cinema;
    enum cinema_role role = CINEMA_ROLE__END;
    struct mrc_err err = {0};
    struct store *s = c->parts->store;
    if (!id_valid(c)) {
        return;
    }
    /* Not a word about accounts to who is no owner. */
    int rc = store_cinema_get(s, c->caller.user_id, c->argument, c->arena, &cinema, &err);
    if (rc == MRC_OK && cinema.role != CINEMA_OWNER) {
        rc = mrc_fail(&err, MRC_EDENIED, "Your role in this cinema is %s; owner is needed",
                      cinema_role_name(cinema.role));
    }
    if (rc < 0) {
        answer_refusal(c, &err);
        return;
    }
    if (!read_role(c, &role)) {
        return;
    }
    rc =
        username_valid(c->argument2) ? store_account_by_name(s, c->argument2, c->arena, &account, &err) : MRC_ENOTFOUND;
    if (rc == MRC_ENOTFOUND) {
        answer_detail(c, 404, "There is no such user");
        return;
    }
    const struct cinema_member member = {.cinema_id = c->argument,
                                         .user_id = account.id,
                                         .username = account.username,
                                         .role = role,
                                         .since_ms = c->now_ms};
    rc = rc < 0 ? rc : put_on_record(c, &member, &err);
    if (rc < 0) {
        answer_refusal(c, &err);
    } else {
        answer_members(c);
    }
}

void h_member_end(struct context *c)
{
    struct mrc_err err = {0};
    if (!id_valid(c)) {
        return;
    }
    int rc = store_begin(c->parts->store, &err);
    if (rc == MRC_OK) {
        rc = audit_settle(c,
                          store_cinema_member_end(c->parts->store, c->caller.user_id, audit_actor(c), c->argument,
                                                  c->argument2, c->arena, &err),
                          "cinema member", c->argument, member_detail(c, c->argument2, "gone"), &err);
    }
    if (rc == MRC_ENOTFOUND) {
        answer_detail(c, 404, "There is no such cinema of yours, or no such member of it");
    } else if (rc < 0) {
        answer_refusal(c, &err);
    } else {
        answer_nothing(c);
    }
}

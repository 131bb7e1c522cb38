/* Cinemas and members over a database driver. Roles are looked at and acted on in one transaction. */
#include "fcgi/store_cinemas.h"

#include "fcgi/store_access.h"
#include "fcgi/store_parts.h"
#include "queries.h"

static const char *const role_names[CINEMA_ROLE__END] = {"", "viewer", "manager", "owner"};

const char *cinema_role_name(enum cinema_role r)
{
    return role_names[r];
}

enum cinema_role cinema_role_find(struct str name)
{
    int r = CINEMA_VIEWER;
    while (r < CINEMA_ROLE__END && !str_is(name, role_names[r])) {
        r++;
    }
    return (enum cinema_role)r;
}

static void read_cinema(struct copier *c, const struct sql_value *v, void *out)
{
    *(struct cinema *)out = (struct cinema){.id = copy_column(c, &v[0]),
                                            .name = copy_column(c, &v[1]),
                                            .profile_json = copy_column(c, &v[2]),
                                            .created_ms = v[3].integer,
                                            .changed_ms = v[4].integer,
                                            .role = (enum cinema_role)v[5].integer};
}

static void read_member(struct copier *c, const struct sql_value *v, void *out)
{
    *(struct cinema_member *)out = (struct cinema_member){.cinema_id = copy_column(c, &v[0]),
                                                          .user_id = copy_column(c, &v[1]),
                                                          .username = copy_column(c, &v[2]),
                                                          .role = (enum cinema_role)v[3].integer,
                                                          .since_ms = v[4].integer};
}

static int put_member(struct store *s, const struct cinema_member *m, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(m->cinema_id), sql_text(m->user_id), sql_text(m->username),
                               sql_integer(m->role), sql_integer(m->since_ms)};
    return store_run(s, Q_cinema_member_put, args, 5, err);
}

static int add_cinema(struct store *s, const struct cinema *c, const struct cinema_member *owner, int64_t cinemas_max,
                      struct mrc_err *err)
{
    struct sql_value user = sql_text(owner->user_id);
    struct sql_value args[] = {sql_text(c->id), sql_text(c->name), sql_text(c->profile_json),
                               sql_integer(c->created_ms), sql_integer(c->changed_ms)};
    int64_t count = 0;
    MRC_TRY(store_run(s, Q_cinema_add, args, 5, err));
    MRC_TRY(put_member(s, owner, err));
    MRC_TRY(store_integer(s, Q_cinema_member_count, &user, 1, &count, err));
    return count <= cinemas_max ? MRC_OK
                                : mrc_fail(err, MRC_ELIMIT, "you belong to %lld cinemas already, which is the most",
                                           (long long)cinemas_max);
}

int store_cinema_add(struct store *s, const struct cinema *c, const struct cinema_member *owner, int64_t cinemas_max,
                     struct mrc_err *err)
{
    MRC_TRY(store_begin(s, err));
    return store_settle(s, add_cinema(s, c, owner, cinemas_max, err), err);
}

int store_cinema_get(struct store *s, struct str user_id, struct str id, struct arena *a, struct cinema *out,
                     struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(id), sql_text(user_id)};
    return store_find(s, Q_cinema_get, args, 2, read_cinema, out, a, "cinema", err);
}

int store_cinemas_list(struct store *s, struct str user_id, uint32_t limit, struct arena *a, struct cinema **out,
                       size_t *n, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(user_id), sql_integer(limit)};
    void *rows = NULL;
    MRC_TRY(store_list(s, Q_cinemas_list, args, 2, read_cinema, sizeof(**out), limit, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}

/* Is the user at least this in the cinema? Locks the cinema's row until the transaction ends, so that no role changes
 * between this look and the act. */
static int need_role(struct store *s, struct str user_id, struct str id, enum cinema_role least, struct arena *a,
                     struct mrc_err *err)
{
    struct sql_value arg = sql_text(id);
    struct cinema c = {.role = CINEMA_VIEWER};
    MRC_TRY(store_run(s, Q_cinema_touch, &arg, 1, err));
    MRC_TRY(store_cinema_get(s, user_id, id, a, &c, err));
    return c.role >= least ? MRC_OK
                           : mrc_fail(err, MRC_EDENIED, "Your role in this cinema is %s; %s is needed",
                                      cinema_role_name(c.role), cinema_role_name(least));
}

static int change_cinema(struct store *s, struct str user_id, const struct cinema *c, struct arena *a,
                         struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(c->name), sql_text(c->profile_json), sql_integer(c->changed_ms),
                               sql_text(c->id)};
    MRC_TRY(need_role(s, user_id, c->id, CINEMA_MANAGER, a, err));
    return store_run_on_one(s, Q_cinema_change, args, 4, "cinema", err);
}

int store_cinema_change(struct store *s, struct str user_id, const struct cinema *c, struct arena *a,
                        struct mrc_err *err)
{
    MRC_TRY(store_begin(s, err));
    return store_settle(s, change_cinema(s, user_id, c, a, err), err);
}

int store_cinema_delete(struct store *s, struct str user_id, struct str id, struct arena *a, struct mrc_err *err)
{
    struct sql_value arg = sql_text(id);
    MRC_TRY(need_role(s, user_id, id, CINEMA_OWNER, a, err));
    return store_run_on_one(s, Q_cinema_delete, &arg, 1, "cinema", err);
}

/* ---- members --------------------------------------------------------------------------------------------------- */

int store_cinema_members(struct store *s, struct str user_id, struct str id, struct arena *a,
                         struct cinema_member **out, size_t *n, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(id), sql_integer(CINEMA_MEMBERS_MAX)};
    struct cinema c;
    void *rows = NULL;
    MRC_TRY(store_cinema_get(s, user_id, id, a, &c, err));
    MRC_TRY(store_list(s, Q_cinema_members, args, 2, read_member, sizeof(**out), CINEMA_MEMBERS_MAX, a, &rows, n, err));
    *out = rows;
    return MRC_OK;
}

/* After a change: is there an owner left, and room? */
static int check_members(struct store *s, struct str id, struct mrc_err *err)
{
    struct sql_value arg = sql_text(id);
    int64_t owners = 0, members = 0;
    MRC_TRY(store_integer(s, Q_cinema_owner_count, &arg, 1, &owners, err));
    MRC_TRY(store_integer(s, Q_cinema_size, &arg, 1, &members, err));
    if (owners == 0) {
        return mrc_fail(err, MRC_ECONFLICT, "A cinema needs an owner: make somebody else one first");
    }
    return members <= CINEMA_MEMBERS_MAX
               ? MRC_OK
               : mrc_fail(err, MRC_ELIMIT, "A cinema has at most %d members", CINEMA_MEMBERS_MAX);
}

int store_cinema_member_put(struct store *s, struct str user_id, const struct cinema_member *m, struct arena *a,
                            struct mrc_err *err)
{
    MRC_TRY(need_role(s, user_id, m->cinema_id, CINEMA_OWNER, a, err));
    MRC_TRY(put_member(s, m, err));
    return check_members(s, m->cinema_id, err);
}

int store_cinema_member_end(struct store *s, struct str user_id, struct str own_name, struct str id,
                            struct str username, struct arena *a, struct mrc_err *err)
{
    struct sql_value args[] = {sql_text(id), sql_text(username)};
    MRC_TRY(need_role(s, user_id, id, str_eq(own_name, username) ? CINEMA_VIEWER : CINEMA_OWNER, a, err));
    MRC_TRY(store_run_on_one(s, Q_cinema_member_end, args, 2, "member of the cinema", err));
    return check_members(s, id, err);
}

/* Cinemas and who belongs to them. Every question is asked for a user: a cinema that is not the user's is
 * MRC_ENOTFOUND, as one that does not exist. As store.h otherwise. */
#ifndef MRC_FCGI_STORE_CINEMAS_H
#define MRC_FCGI_STORE_CINEMAS_H

#include "fcgi/store.h"

enum cinema_role { /* each may do what those before it may */
                   CINEMA_VIEWER = 1,
                   CINEMA_MANAGER, /* changes the cinema */
                   CINEMA_OWNER,   /* and who belongs to it, or ends it */
                   CINEMA_ROLE__END
};
const char *cinema_role_name(enum cinema_role r);   /* "viewer", "manager", "owner" */
enum cinema_role cinema_role_find(struct str name); /* CINEMA_ROLE__END: no such role */

enum { CINEMA_MEMBERS_MAX = 200 };

struct cinema {
    struct str id, name, profile_json;
    int64_t created_ms, changed_ms;
    enum cinema_role role; /* of the user who asks */
};
struct cinema_member {
    struct str cinema_id, user_id, username;
    enum cinema_role role;
    int64_t since_ms;
};

/* A new cinema whose owner is `owner`. MRC_ELIMIT: the owner belongs to cinemas_max already. */
int store_cinema_add(struct store *s, const struct cinema *c, const struct cinema_member *owner, int64_t cinemas_max,
                     struct mrc_err *err) MRC_CHECKED;
int store_cinema_get(struct store *s, struct str user_id, struct str id, struct arena *a, struct cinema *out,
                     struct mrc_err *err) MRC_CHECKED;
/* In order of id, at most limit (1-1000). */
int store_cinemas_list(struct store *s, struct str user_id, uint32_t limit, struct arena *a, struct cinema **out,
                       size_t *n, struct mrc_err *err) MRC_CHECKED;
/* MRC_EDENIED: the user's role does not allow it. */
int store_cinema_change(struct store *s, struct str user_id, const struct cinema *c, struct arena *a,
                        struct mrc_err *err) MRC_CHECKED;
/* Inside a transaction of the caller's, which records the act too. MRC_EDENIED as above. */
int store_cinema_delete(struct store *s, struct str user_id, struct str id, struct arena *a,
                        struct mrc_err *err) MRC_CHECKED;

/* In order of username. Any member may ask. */
int store_cinema_members(struct store *s, struct str user_id, struct str id, struct arena *a,
                         struct cinema_member **out, size_t *n, struct mrc_err *err) MRC_CHECKED;
/* Inside a transaction of the caller's: an owner takes somebody in, or changes a role. MRC_EDENIED; MRC_ECONFLICT: the
 * last owner would be none; MRC_ELIMIT: CINEMA_MEMBERS_MAX. */
int store_cinema_member_put(struct store *s, struct str user_id, const struct cinema_member *m, struct arena *a,
                            struct mrc_err *err) MRC_CHECKED;
/* Likewise: an owner sends somebody away, or a member leaves. MRC_EDENIED, MRC_ECONFLICT as above; MRC_ENOTFOUND. */
int store_cinema_member_end(struct store *s, struct str user_id, struct str own_name, struct str id,
                            struct str username, struct arena *a, struct mrc_err *err) MRC_CHECKED;

#endif

/* What the files of the store share: the connection, values in and out, the usual shapes of a query. For store*.c only.
 */
#ifndef MRC_FCGI_STORE_PARTS_H
#define MRC_FCGI_STORE_PARTS_H

#include "fcgi/store_driver.h"

struct store {
    const struct store_driver *driver;
    void *db;
    enum store_file which;
};

/* Greater than every UUID: a list without a cursor begins there. */
#define AFTER_ALL_IDS "~"

static inline struct sql_value sql_text(struct str s)
{
    return (struct sql_value){.kind = SQL_TEXT, .text = s};
}

static inline struct sql_value sql_integer(int64_t v)
{
    return (struct sql_value){.kind = SQL_INTEGER, .integer = v};
}

static inline struct sql_value sql_real(double v)
{
    return (struct sql_value){.kind = SQL_REAL, .real = v};
}

/* Columns copied into an arena, for callbacks that fill one row after another. */
struct copier {
    struct arena *arena;
    bool failed;
};

static inline struct str copy_column(struct copier *c, const struct sql_value *v)
{
    struct str out = {"", 0};
    if (!str_copy(c->arena, v->text, &out)) {
        c->failed = true;
    }
    return out;
}

/* A statement without rows. */
int store_run(struct store *s, int q, const struct sql_value *args, size_t n, struct mrc_err *err) MRC_CHECKED;
/* The same; how many rows it wrote. */
int store_run_counted(struct store *s, int q, const struct sql_value *args, size_t n, int64_t *changed,
                      struct mrc_err *err) MRC_CHECKED;
/* A statement of one row and column, an integer. */
int store_integer(struct store *s, int q, const struct sql_value *args, size_t n, int64_t *out,
                  struct mrc_err *err) MRC_CHECKED;
/* A statement that must change one row: MRC_ENOTFOUND "no such <what>" otherwise. */
int store_run_on_one(struct store *s, int q, const struct sql_value *args, size_t n, const char *what,
                     struct mrc_err *err) MRC_CHECKED;

/* Reads the columns of one row into *out; texts through copy_column. */
typedef void (*row_reader)(struct copier *c, const struct sql_value *v, void *out);

/* One row, or MRC_ENOTFOUND "no such <what>". */
int store_find(struct store *s, int q, const struct sql_value *args, size_t n, row_reader read, void *out,
               struct arena *a, const char *what, struct mrc_err *err) MRC_CHECKED;
/* At most limit rows of `size` bytes each, in an array of the arena. */
int store_list(struct store *s, int q, const struct sql_value *args, size_t n, row_reader read, size_t size,
               uint32_t limit, struct arena *a, void **out, size_t *found, struct mrc_err *err) MRC_CHECKED;

#endif

/* What the files of the store share: the connection, values in and out. For store*.c only. */
#ifndef MRC_FCGI_STORE_PARTS_H
#define MRC_FCGI_STORE_PARTS_H

#include "fcgi/store_driver.h"

struct store {
    const struct store_driver *driver;
    void *db;
    enum store_file which;
};

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

#endif

/* Running out of memory: each allocation of a piece of work is made to fail once. The work must report it, leave
 * nothing behind (AddressSanitizer looks) and succeed when nothing fails. The sources are included so that their
 * allocations go through a counter. */
#include "tests/unit/check_main.h"


#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdlib.h>

static long allowed; /* allocations still granted; negative: all */

static bool granted(void)
{
    return allowed < 0 || allowed-- > 0;
}

static void *counted_malloc(size_t n)
{
    return granted() ? malloc(n) : NULL;
}

static void *counted_calloc(size_t n, size_t size)
{
    return granted() ? calloc(n, size) : NULL;
}

static void *counted_realloc(void *p, size_t n)
{
    return granted() ? realloc(p, n) : NULL;
}

#define malloc   counted_malloc
#define calloc   counted_calloc
#define realloc  counted_realloc
#define is_blank is_blank_of_csv
#include "common/base/csv.c"
#undef is_blank
#include "common/base/arena.c"
#include "common/base/json.c"
#include "common/base/text.c"
#undef malloc
#undef calloc
#undef realloc

/* Work that returns MRC_OK, or MRC_ENOMEM when something was refused. */
static int read_json(void)
{
    static const char text[] =
        "{\"a\":[1,2.5,\"x\\n\",null,{\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,"
        "\"k8\":8,\"k9\":9,\"k10\":10,\"k11\":11,\"k12\":12,\"k13\":13}],\"b\":true}";
    struct json_doc *doc = NULL;
    struct mrc_err err = {0};
    int rc = json_read(&doc, str_of(text), &json_limits_file, NULL, &err);
    ck_assert(rc == MRC_OK || (doc == NULL && err.code == rc && err.msg[0] != '\0'));
    json_free(doc);
    return rc;
}

static int read_csv(void)
{
    static char text[600000];
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i + 5 < sizeof(text) / 2; i += 5) {
        memcpy(text + i, i % 50 == 45 ? "a\"b,\n" : "a,b,,", 5);
    }
    memcpy(text, "a,b,c\n", 6); /* then a record of half the text */
    struct csv *c = NULL;
    struct mrc_err err = {0};
    const struct str *names;
    const struct csv_cell *cells;
    uint32_t n;
    int rc = csv_open_mem(&c, (struct str){text, sizeof(text)}, &csv_limits_file, &err);
    if (rc == MRC_OK) {
        rc = csv_header(c, &names, &n, &err);
    }
    bool more = rc == MRC_OK;
    while (more) {
        rc = csv_next(c, &cells, &n, &err);
        more = rc > 0 || rc == MRC_EFORMAT; /* other widths than the header's */
    }
    csv_close(c);
    ck_assert(rc == MRC_OK || err.code == rc);
    return rc;
}

static int fill_buffers(void)
{
    struct arena a;
    struct buf heap, in_arena;
    struct mrc_err err = {0};
    arena_init(&a, 0);
    buf_init(&heap, NULL, 0);
    buf_init(&in_arena, &a, 0);
    for (int i = 0; i < 20000; i++) {
        buf_printf(&heap, "%d,", i);
        buf_printf(&in_arena, "%d,", i);
    }
    int rc = buf_ok(&heap, &err);
    rc = rc == MRC_OK ? buf_ok(&in_arena, &err) : rc;
    ck_assert(rc == MRC_OK ? str_eq(buf_text(&heap), buf_text(&in_arena)) : err.code == rc);
    buf_release(&heap);
    arena_release(&a);
    return rc;
}

static const struct {
    const char *name;
    int (*work)(void);
    long least; /* allocations the work is known to make at least */
} works[] = {{"read_json", read_json, 30}, {"read_csv", read_csv, 5}, {"fill_buffers", fill_buffers, 10}};

START_TEST(every_allocation_fails_once)
{
    cJSON_InitHooks(&(cJSON_Hooks){counted_malloc, free});
    long n = 0;
    for (int rc = MRC_ENOMEM; rc != MRC_OK; n++) {
        ck_assert_int_lt(n, 10000);
        allowed = n;
        rc = works[_i].work();
        allowed = -1;
        ck_assert_msg(rc == MRC_OK || rc == MRC_ENOMEM, "%s, allocation %ld: %s", works[_i].name, n, err_name(rc));
    }
    ck_assert_int_ge(n, works[_i].least);
    cJSON_InitHooks(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("memory");
    TCase *t = tcase_create("memory");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, every_allocation_fails_once, 0, sizeof(works) / sizeof(works[0]));
    suite_add_tcase(s, t);
    return check_main(s);
}

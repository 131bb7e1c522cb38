/* Running out of memory while training: every allocation from reading the texts to writing the model is made to fail
 * once. Each time the answer is a clean error, nothing is left behind (AddressSanitizer looks), and nothing failing, it
 * works. The linker sends the allocations of all our objects through the counter here (--wrap, see the Makefile). */
#include "tests/unit/check_main.h"

#include "train/boost.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

static long allowed = -1; /* allocations until the one that fails; negative: none does */

static bool granted(void)
{
    return allowed < 0 || allowed-- != 0;
}

void *__wrap_malloc(size_t n)
{
    return granted() ? __real_malloc(n) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return granted() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
    return granted() ? __real_realloc(p, n) : NULL;
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return granted() ? __real_aligned_alloc(align, n) : NULL;
}

static void *hook_malloc(size_t n)
{
    return __wrap_malloc(n);
}

/* ---- the work -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *params, *columns, *header;
    const char *target[2]; /* of even and odd rows */
} works[] = {
    {"{\"iterations\":2,\"depth\":3,\"max_ctr_complexity\":2,\"eval_metric\":\"R2\",\"od_type\":\"Iter\"}",
     "[{\"name\":\"t\",\"kind\":\"timestamp\"},{\"name\":\"a\",\"kind\":\"num\"},{\"name\":\"c\",\"kind\":\"cat\"},"
     "{\"name\":\"w\",\"kind\":\"weight\"},{\"name\":\"y\",\"kind\":\"target\"}]",
     "t,a,c,w,y",
     {"1.5", "2"}},
    {"{\"iterations\":2,\"depth\":2,\"loss_function\":\"MultiClass\",\"auto_class_weights\":\"Balanced\","
     "\"bootstrap_type\":\"Bayesian\"}",
     "0\tGroupId\n1\tNum\n2\tCateg\n3\tAuxiliary\n4\tLabel\n",
     "t,a,c,w,y",
     {"\"red, dark\"", "blue"}},
    {"{\"iterations\":2,\"depth\":2,\"loss_function\":\"Logloss\",\"leaf_estimation_iterations\":3,"
     "\"one_hot_max_size\":10,\"has_time\":true,\"eval_metric\":\"AUC\"}",
     "0\tTimestamp\n1\tNum\n2\tCateg\n3\tBaseline\n4\tLabel\n",
     "t,a,c,w,y",
     {"0", "1"}},
    {"{\"iterations\":2,\"depth\":2,\"loss_function\":\"MultiQuantile:alpha=0.2,0.8\",\"border_count\":300,"
     "\"feature_border_type\":\"MinEntropy\"}",
     "0\tAuxiliary\n1\tNum\n2\tNum\n3\tWeight\n4\tLabel\n",
     "t,a,b,w,y",
     {"3", "5"}},
};

static char table[16384];

static struct str make_table(int work)
{
    int n = snprintf(table, sizeof(table), "%s\n", works[work].header);
    bool words = works[work].header[4] == 'c';
    for (int i = 0; i < 60; i++) {
        n += snprintf(table + n, sizeof(table) - (size_t)n, "%d,%d,%s%d,%d,%s\n", 100 + i / 2, i * 37 % 53,
                      words ? "k" : "", i * 11 % 7, 1 + i % 3, works[work].target[i * 13 % 5 % 2]);
    }
    return (struct str){table, (size_t)n};
}

static int read_params(struct params *p, struct str text, struct mrc_err *err)
{
    struct json_doc *doc;
    params_init(p);
    MRC_TRY(json_read(&doc, text, &json_limits_file, NULL, err));
    int rc = params_set_json(p, json_root(doc), err);
    json_free(doc);
    p->thread_count = 1;
    return rc;
}

static int fit(int work, struct str text, struct mrc_err *err)
{
    struct params params;
    struct column_roles roles;
    struct dataset *learn = NULL, *eval = NULL;
    mrc_model *model = NULL;
    struct boost_report report = {0};
    struct str columns = str_of(works[work].columns);
    MRC_TRY(read_params(&params, str_of(works[work].params), err));
    MRC_TRY(columns.p[0] == '[' ? roles_parse_json(&roles, columns, err) : roles_parse_cd(&roles, columns, err));
    int rc = dataset_read_text(&learn, text, &roles, err);
    rc = rc == MRC_OK ? dataset_read_text(&eval, text, &roles, err) : rc;
    rc = rc == MRC_OK ? boost_fit(learn, eval, &params, NULL, &model, &report, err) : rc;
    for (int format = 0; rc == MRC_OK && format < 2; format++) {
        void *bytes = NULL;
        size_t n;
        rc = mrc_model_write(model, format ? MRC_FORMAT_JSON : MRC_FORMAT_CBM, &bytes, &n, err);
        free(bytes);
    }
    boost_report_release(&report);
    mrc_model_free(model);
    dataset_free(learn);
    dataset_free(eval);
    roles_release(&roles);
    return rc;
}

START_TEST(every_allocation_fails_once)
{
    enum { LEAST = 100, MOST = 20000 };
    cJSON_InitHooks(&(cJSON_Hooks){hook_malloc, free});
    long n = 0;
    struct str text = make_table(_i);
    for (int rc = MRC_ENOMEM; rc != MRC_OK; n++) {
        struct mrc_err err = {0};
        ck_assert_int_lt(n, MOST);
        allowed = n;
        rc = fit(_i, text, &err);
        allowed = -1;
        ck_assert_msg(rc == MRC_OK || (rc == MRC_ENOMEM && err.code == rc && strstr(err.msg, "memory")),
                      "allocation %ld: %s: %s", n, err_name(rc), err.msg);
    }
    ck_assert_int_ge(n, LEAST);
    cJSON_InitHooks(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fit_memory");
    TCase *t = tcase_create("fit_memory");
    tcase_set_timeout(t, 240);
    tcase_add_loop_test(t, every_allocation_fails_once, 0, sizeof(works) / sizeof(works[0]));
    suite_add_tcase(s, t);
    return check_main(s);
}

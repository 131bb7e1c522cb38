/* Building, opening and refusing bundles; damage anywhere is found; the current version. */
#include "tests/unit/demo_bundle.h"

#include <sys/stat.h>

static struct demo demo;
static struct mrc_err err;

static void setup(void)
{
    memset(&err, 0, sizeof err);
    demo_init(&demo);
}

static void teardown(void)
{
    demo_release(&demo);
}

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", demo.folder, name);
    return path;
}

static char *slurp(const char *name, size_t *n)
{
    char *text;
    ck_assert_ok(file_read(in_folder(name), 1 << 20, &text, n, &err), &err);
    return text;
}

static void spill(const char *name, struct str text)
{
    ck_assert_ok(file_replace(in_folder(name), text, 0644, &err), &err);
}

/* Replace the first `from` in a file by `to`. */
static void edit(const char *name, const char *from, const char *to)
{
    size_t n;
    char *text = slurp(name, &n), *at = strstr(text, from);
    struct buf b;
    ck_assert_msg(at != NULL, "%s lacks %s", name, from);
    buf_init(&b, NULL, 1 << 21);
    buf_add(&b, text, (size_t)(at - text));
    buf_puts(&b, to);
    buf_puts(&b, at + strlen(from));
    spill(name, buf_text(&b));
    buf_release(&b);
    free(text);
}

/* Make the manifest true again after a file was changed, so that what follows the digests is tested. */
static void resign(const char *name)
{
    size_t n, m;
    char *text = slurp(name, &n), *manifest = slurp("manifest.json", &m), fresh[SHA256_HEX], key[128];
    sha256_hex((struct str){text, n}, fresh);
    snprintf(key, sizeof key, "\"%s\": {", name);
    char *entry = strstr(manifest, key), *digest = strstr(entry, "\"sha256\": \"") + 11;
    memcpy(digest, fresh, 64);
    char *bytes = strstr(digest, "\"bytes\": ") + 9;
    struct buf b;
    buf_init(&b, NULL, 1 << 21);
    buf_add(&b, manifest, (size_t)(bytes - manifest));
    buf_printf(&b, "%zu", n);
    buf_puts(&b, bytes + strspn(bytes, "0123456789"));
    spill("manifest.json", buf_text(&b));
    buf_release(&b);
    free(text);
    free(manifest);
}

static void refused(const char *why)
{
    struct bundle *b = NULL;
    struct mrc_err e = {0};
    int rc = bundle_open(&b, demo.folder, &e);
    ck_assert_msg(rc < 0 && b == NULL, "opened, expected: %s", why);
    ck_assert_msg(strstr(e.msg, why) != NULL, "\"%s\" lacks \"%s\"", e.msg, why);
    ck_assert_int_eq(bundle_open(&b, demo.folder, NULL), rc);
}

START_TEST(builds_and_opens)
{
    struct bundle *b;
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    ck_assert_ok(bundle_open(&b, demo.folder, &err), &err);
    ck_assert_text(b->name, "demo");
    ck_assert_text(b->version, "0001");
    ck_assert_text(b->path, demo.folder);
    ck_assert_uint_eq(strlen(b->digest), 64);
    ck_assert_int_eq(b->histories_as_of, demo.parts.histories_as_of);
    ck_assert_uint_eq(b->n_models, 2);
    ck_assert_uint_eq(b->n_strangers, 0);
    const struct bundle_model *m = &b->models[0];
    ck_assert_text(m->name, "screens");
    ck_assert_uint_eq(m->n_needs, 1);
    ck_assert_int_eq(m->per, schema_find(b->schema, STR("screens")));
    ck_assert_uint_eq(m->n_levels, 3);
    ck_assert_double_eq(m->offsets[2], 0.2);
    ck_assert_double_eq(m->z[1], 0);
    ck_assert_int_eq(b->models[1].per, -1);
    ck_assert(!file_exists(in_folder("../0001.tmp")));
    bundle_close(b);
    bundle_close(NULL);

    static const char *const names[] = {
        "MLmodel",          "conda.yaml",   "forecast.json", "input_example.json", "interval.json",
        "manifest.json",    "metrics.json", "model.cbm",     "model_screens.cbm",  "python_env.yaml",
        "requirements.txt", "schema.json",  "selftest.json", "tables/houses.json", "features.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ck_assert_msg(file_exists(in_folder(names[i])), "%s", names[i]);
    }
    size_t n;
    char *text = slurp("MLmodel", &n);
    ck_assert_ptr_nonnull(strstr(text, "inputs: '[{\"type\":\"double\",\"name\":\"budget\",\"required\":true},"
                                       "{\"type\":\"string\",\"name\":\"house\",\"required\":true},"));
    ck_assert_ptr_nonnull(strstr(text, "utc_time_created: '2026-11-24 09:30:00.123'"));
    free(text);
    text = slurp("input_example.json", &n);
    ck_assert_ptr_nonnull(strstr(text, "[\"budget\",\"house\",\"minutes\"]"));
    ck_assert_ptr_nonnull(strstr(text, "\"pathe\",90"));
    free(text);
}
END_TEST

START_TEST(equal_parts_equal_bytes)
{
    char other[128];
    size_t n, m;
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    char *first = slurp("manifest.json", &n);
    snprintf(other, sizeof other, "%s/other/0001", demo.root);
    ck_assert_ok(bundle_build(other, &demo.parts, &err), &err);
    snprintf(demo.folder, sizeof demo.folder, "%.60s/other/0001", demo.root);
    char *second = slurp("manifest.json", &m);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(first, second, n);
    free(first);
    free(second);
}
END_TEST

START_TEST(never_overwrites)
{
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    ck_assert_fails(bundle_build(demo.folder, &demo.parts, &err), &err, MRC_ECONFLICT, "never changes");
    /* What a writer that died left behind does not matter. */
    char left[128];
    snprintf(left, sizeof left, "%s/0002.tmp/x", demo.root);
    ck_assert_ok(folder_create(left, 0755, &err), &err);
    snprintf(demo.folder, sizeof demo.folder, "%s/0002", demo.root);
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    ck_assert(!file_exists(in_folder("x")));
}
END_TEST

START_TEST(refuses_parts)
{
    static const char *const deep[] = {"house2"};
    static const double descending[] = {0, -1, 1}, levels[] = {0.5, 0.1, 0.9}, above[] = {0.6, 0.7, 0.9};
    static const double zeros[] = {0, 0, 0};
    struct demo d = demo;
    d.parts.models = d.models;
    ck_assert(bundle_build(demo.folder, &d.parts, &err) == MRC_OK);
    snprintf(demo.folder, sizeof demo.folder, "%s/0009", demo.root);

    d.parts.name = "../x";
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EINVAL, "name \"../x\"");
    d.parts.name = "demo";
    d.parts.created = "today";
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EINVAL, "created \"today\"");
    d.parts.created = demo.parts.created;
    d.parts.metrics = STR("[1]");
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EFORMAT, "metrics");
    d.parts.metrics = STR("");
    d.parts.n_models = 1;
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EINVAL, "the last model");
    d.parts.n_models = 2;
    d.models[0].needs = deep;
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EINVAL,
                    "model \"screens\": it needs \"house2\"");
    d.models[0] = demo.models[0];
    d.models[1].offsets = descending;
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EFORMAT, "level 2");
    d.models[1].levels = levels;
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EFORMAT, "level 2");
    d.models[1].levels = above;
    d.models[1].offsets = zeros;
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EFORMAT, "enclose 0.5");
    d.models[1] = demo.models[1];
    d.models[1].features =
        STR("{\"format\":1,\"features\":[{\"name\":\"minutes\",\"derive\":\"copy\",\"field\":\"minutes\"}]}");
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EFORMAT, "3 features, its feature list 1");
    d.models[1] = demo.models[1];
    d.parts.selftest_rows = STR("[{}]");
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EFORMAT,
                    "self-test row 0: title: Field required");
    d.parts.selftest_rows = STR("[{\"title\":\"a\"}]");
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EFORMAT, "no row tests model \"screens\"");
    d.parts.selftest_rows = STR("");
    struct bundle_file twice[] = {{"tables/houses.json", STR("[]")}, {"schema.json", STR("{}")}};
    d.parts.files = twice;
    d.parts.n_files = 2;
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EINVAL, "\"schema.json\" stands twice");
    twice[1].name = "a/../../b";
    ck_assert_fails(bundle_build(demo.folder, &d.parts, &err), &err, MRC_EINVAL, "\"a/../../b\"");
    ck_assert(!file_exists(demo.folder));
    char left[128];
    snprintf(left, sizeof left, "%s.tmp", demo.folder);
    ck_assert(!file_exists(left));
}
END_TEST

/* Flip one byte in the middle of every file: refused each time. */
START_TEST(any_damage_is_found)
{
    struct str *names;
    size_t count;
    struct arena a;
    struct bundle *b;
    arena_init(&a, 0);
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    ck_assert_ok(folder_list(demo.folder, &a, &names, &count, &err), &err);
    ck_assert_uint_eq(count, 15);
    for (size_t i = 0; i < count; i++) {
        const char *name = str_is(names[i], "tables") ? "tables/houses.json" : names[i].p;
        size_t n;
        char *text = slurp(name, &n);
        text[n / 2] ^= 1;
        spill(name, (struct str){text, n});
        ck_assert_msg(bundle_open(&b, demo.folder, &err) < 0, "%s", name);
        text[n / 2] ^= 1;
        spill(name, (struct str){text, n - 1});
        b = NULL; /* the manifest itself ends in a line end that nothing needs */
        ck_assert_msg(bundle_open(&b, demo.folder, &err) < 0 || strcmp(name, "manifest.json") == 0, "%s", name);
        bundle_close(b);
        ck_assert_int_eq(unlink(in_folder(name)), 0);
        ck_assert_msg(bundle_open(&b, demo.folder, &err) < 0, "%s", name);
        spill(name, (struct str){text, n});
        ck_assert_ok(bundle_open(&b, demo.folder, &err), &err);
        bundle_close(b);
        free(text);
    }
    arena_release(&a);
}
END_TEST

/* Each: an edit behind a true manifest, and the reason it is refused for. */
static const struct {
    const char *file, *from, *to, *why;
} edits[] = {
    {"manifest.json", "\"format\": 1", "\"format\": 9", "this version reads format 1"},
    {"manifest.json", "\"version\": \"0001\"", "\"version\": \"../1\"", "is not of"},
    {"manifest.json", "\"2022-12-28\"", "\"2022-12-32\"", "no date"},
    {"manifest.json", "\"metrics.json\": {", "\"../metrics.json\": {", "may leave the folder"},
    {"manifest.json", "\"metrics.json\": {", "\"/etc/passwd\": {", "may leave the folder"},
    {"manifest.json", "\"metrics.json\": {", "\"metrics2.json\": {", "metrics2.json"},
    {"manifest.json", "\"forecast.json\": {", "\"forecast2.json\": {", "forecast2.json"},
    {"manifest.json", "\"files\": {", "\"flies\": {", "files"},
    {"forecast.json", "\"needs\": []", "\"needs\": [\"budget\"]", "last model must need nothing"},
    {"forecast.json", "\"per\": \"screens\"", "\"per\": \"minutes\"", "must be a needed number"},
    {"forecast.json", "\"per\": \"screens\"", "\"per\": \"entries\"", "known before release"},
    {"forecast.json", "\"file\": \"model.cbm\"", "\"file\": \"model2.cbm\"", "names no model2.cbm"},
    {"forecast.json", "\"models\": [", "\"modles\": [", "models"},
    {"interval.json", "0.1", "0.95", "level 2"},
    {"interval.json", "-0.5", "null", "holds a null"},
    {"interval.json", "\"ahead\"", "\"later\"", "ahead"},
    {"tables/houses.json", "pathe", "gaumont", "category 0 is \"\" here"},
    {"features.json", "\"log10\"", "\"log1p\"", "number 0 is"},
    {"features.json", "\"name\":\"minutes\"", "\"name\":\"seconds\"", "is \"seconds\", in the model \"minutes\""},
    {"features.json", "\"table\":\"houses\"", "\"table\":\"../x\"", "no table"},
    {"schema.json", "\"max\":2500", "\"max\":5", "schema.json"},
    {"selftest.json", "\"score\":\"0x1.4p+2\"", "\"score\":\"0x1.4p+3\"", "the score is 0x1.4p+2 here"},
    {"selftest.json", "\"cats\":[\"pathe\"]", "\"cats\":[]", "must hold 1 texts"},
    {"selftest.json", "\"format\":1", "\"format\":2", "format"},
    {"model.cbm", "CBM1", "CBM2", "model.cbm"},
};

START_TEST(consistency)
{
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    if (strcmp(edits[_i].file, "model.cbm") == 0) {
        size_t n;
        char *text = slurp("model.cbm", &n);
        text[3] = '2';
        spill("model.cbm", (struct str){text, n});
        free(text);
    } else {
        edit(edits[_i].file, edits[_i].from, edits[_i].to);
    }
    if (strcmp(edits[_i].file, "manifest.json") != 0) {
        refused("manifest");
        resign(edits[_i].file);
    }
    refused(edits[_i].why);
}
END_TEST

START_TEST(links_and_strangers)
{
    struct bundle *b;
    char away[128];
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    spill("registered_model_meta", STR("x"));
    ck_assert_ok(bundle_open(&b, demo.folder, &err), &err);
    ck_assert_uint_eq(b->n_strangers, 1);
    ck_assert_text(b->strangers[0], "registered_model_meta");
    bundle_close(b);
    snprintf(away, sizeof away, "%s/metrics.json", demo.root);
    ck_assert_int_eq(rename(in_folder("metrics.json"), away), 0);
    ck_assert_int_eq(symlink("../metrics.json", in_folder("metrics.json")), 0);
    refused("not a plain file");
    ck_assert_int_eq(unlink(in_folder("metrics.json")), 0);
    ck_assert_int_eq(rename(away, in_folder("metrics.json")), 0);
    snprintf(away, sizeof away, "%s/tables", demo.root);
    ck_assert_int_eq(rename(in_folder("tables"), away), 0);
    ck_assert_int_eq(symlink("../tables", in_folder("tables")), 0);
    refused("not a plain file");
}
END_TEST

START_TEST(unchecked_skips_the_selftest)
{
    struct bundle *b;
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    edit("selftest.json", "\"score\":\"0x1.4p+2\"", "\"score\":\"0x1.4p+3\"");
    resign("selftest.json");
    refused("the score");
    ck_assert_ok(bundle_open_unchecked(&b, demo.folder, &err), &err);
    bundle_close(b);
    ck_assert_int_eq(bundle_open(&b, "/nonexistent/x", &err), MRC_ENOTFOUND);
}
END_TEST

START_TEST(current_version)
{
    struct arena a;
    struct str version;
    char path[128];
    arena_init(&a, 0);
    ck_assert_fails(bundle_current(demo.root, &a, &version, &err), &err, MRC_ENOTFOUND, "current");
    ck_assert_fails(bundle_set_current(demo.root, "0001", &err), &err, MRC_ENOTFOUND, "no version 0001");
    ck_assert_fails(bundle_set_current(demo.root, "../0001", &err), &err, MRC_EINVAL, "no version name");
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    ck_assert_ok(bundle_set_current(demo.root, "0001", &err), &err);
    ck_assert_fails(bundle_previous(demo.root, &a, &version, &err), &err, MRC_ENOTFOUND, "previous");
    ck_assert_ok(bundle_current(demo.root, &a, &version, &err), &err);
    ck_assert_text(version, "0001");
    snprintf(demo.folder, sizeof demo.folder, "%s/0002", demo.root);
    demo.parts.version = "0002";
    ck_assert_ok(bundle_build(demo.folder, &demo.parts, &err), &err);
    ck_assert_ok(bundle_set_current(demo.root, "0002", &err), &err);
    ck_assert_ok(bundle_current(demo.root, &a, &version, &err), &err);
    ck_assert_text(version, "0002");
    ck_assert_ok(bundle_previous(demo.root, &a, &version, &err), &err);
    ck_assert_text(version, "0001");
    ck_assert_ok(bundle_set_current(demo.root, "0002", &err), &err); /* again: a rollback still goes to 0001 */
    ck_assert_ok(bundle_previous(demo.root, &a, &version, &err), &err);
    ck_assert_text(version, "0001");
    ck_assert_fails(bundle_set_current(demo.root, "previous", &err), &err, MRC_EINVAL, "no version name");
    snprintf(path, sizeof path, "%s/current", demo.root);
    struct bundle *b;
    ck_assert_ok(bundle_open(&b, path, &err), &err);
    ck_assert_text(b->version, "0002");
    bundle_close(b);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("../../etc", path), 0);
    ck_assert_fails(bundle_current(demo.root, &a, &version, &err), &err, MRC_EFORMAT, "no version");
    arena_release(&a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bundle");
    TCase *c = tcase_create("bundle");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, builds_and_opens);
    tcase_add_test(c, equal_parts_equal_bytes);
    tcase_add_test(c, never_overwrites);
    tcase_add_test(c, refuses_parts);
    tcase_add_test(c, any_damage_is_found);
    tcase_add_loop_test(c, consistency, 0, (int)(sizeof edits / sizeof edits[0]));
    tcase_add_test(c, links_and_strangers);
    tcase_add_test(c, unchecked_skips_the_selftest);
    tcase_add_test(c, current_version);
    suite_add_tcase(suite, c);
    return check_main(suite);
}

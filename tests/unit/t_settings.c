/* Settings: types and ranges, precedence, every way a file, an environment or a command line can be wrong, and texts.
 */
#include "common/base/file.h"
#include "common/base/settings.h"

#include "tests/unit/check_main.h"

#include <unistd.h>

enum { NAME, COUNT, SHARE, WET, SIZE, WAIT, COLOUR, PLACE, KEY, PIN, FREE, DRY, ONLY, INPUT, SPEC__COUNT };
static const struct setting_spec specs[SPEC__COUNT] = {
    [NAME] = {.name = "name", .type = SETTING_TEXT, .value = "x", .min = 1, .max = 8, .letter = 'n', .help = "A name"},
    [COUNT] = {.name = "count", .type = SETTING_INT, .value = "5", .min = 1, .max = 100, .help = "How many"},
    [SHARE] = {.name = "big_share", .type = SETTING_NUMBER, .value = "0.5", .min = 0, .max = 1, .help = "A share"},
    [WET] = {.name = "wet", .type = SETTING_BOOL, .value = "no", .help = "Is it wet"},
    [SIZE] = {.name = "size", .type = SETTING_BYTES, .value = "1MiB", .min = 1024, .max = 1 << 26, .help = "Room"},
    [WAIT] = {.name = "wait", .type = SETTING_DURATION, .value = "2s", .min = 0, .max = 3.6e6, .help = "Patience"},
    [COLOUR] = {.name = "colour", .type = SETTING_CHOICE, .value = "red", .choices = "red|green|blue", .help = "Which"},
    [PLACE] = {.name = "place", .type = SETTING_PATH, .help = "Where"},
    [KEY] = {.name = "key", .type = SETTING_TEXT, .flags = SETTING_SECRET, .help = "A secret"},
    [PIN] = {.name = "pin", .type = SETTING_INT, .max = 9999, .flags = SETTING_SECRET, .help = "A secret number"},
    [FREE] = {.name = "free", .type = SETTING_INT, .help = "Any integer"},
    [DRY] = {.name = "dry", .type = SETTING_BOOL, .value = "on", .help = "Is it dry"},
    [ONLY] = {.name = "only", .type = SETTING_BOOL, .flags = SETTING_FLAG_ONLY, .help = "Not in a file"},
    [INPUT] = {.name = "input",
               .type = SETTING_PATH,
               .flags = SETTING_POSITIONAL | SETTING_REQUIRED,
               .help = "What to read"},
};

static struct settings s;
static struct mrc_err err;

static void start(void)
{
    ck_assert_ok(settings_init(&s, specs, SPEC__COUNT, &err), &err);
}

static void stop(void)
{
    settings_release(&s);
}

START_TEST(defaults)
{
    ck_assert_text(setting_text(&s, NAME), "x");
    ck_assert_int_eq(setting_int(&s, COUNT), 5);
    ck_assert(setting_number(&s, SHARE) == 0.5);
    ck_assert(!setting_bool(&s, WET));
    ck_assert_int_eq(setting_int(&s, SIZE), 1 << 20);
    ck_assert_int_eq(setting_int(&s, WAIT), 2000);
    ck_assert_int_eq(setting_int(&s, COLOUR), 0);
    ck_assert(!setting_is_set(&s, PLACE) && setting_cstr(&s, PLACE) == NULL);
    ck_assert_fails(settings_check(&s, &err), &err, MRC_EINVAL, "input is missing");
}
END_TEST

START_TEST(flags)
{
    char *argv[] = {"--count=7", "-n", "abc", "--big-share", "1", "--wet", "in.csv", "--size", "64KiB", "--wait=500ms"};
    ck_assert_ok(settings_arguments(&s, 10, argv, &err), &err);
    ck_assert_ok(settings_check(&s, &err), &err);
    ck_assert_int_eq(setting_int(&s, COUNT), 7);
    ck_assert_str_eq(setting_cstr(&s, NAME), "abc");
    ck_assert(setting_number(&s, SHARE) == 1.0);
    ck_assert(setting_bool(&s, WET));
    ck_assert_int_eq(setting_int(&s, SIZE), 65536);
    ck_assert_int_eq(setting_int(&s, WAIT), 500);
    ck_assert_str_eq(setting_cstr(&s, INPUT), "in.csv");
    char *again[] = {"--no-wet", "--count", "-3"};
    ck_assert_fails(settings_arguments(&s, 3, again, &err), &err, MRC_EINVAL, "count: -3 is outside 1 to 100");
    ck_assert(!setting_bool(&s, WET));
    char *dash[] = {"--", "--strange"};
    stop();
    start();
    ck_assert_ok(settings_arguments(&s, 2, dash, &err), &err);
    ck_assert_str_eq(setting_cstr(&s, INPUT), "--strange");
}
END_TEST

START_TEST(wrong_flags)
{
    static const struct {
        char *argv[2];
        int argc;
        const char *message;
    } cases[] = {
        {{"--colour", "pink"}, 2, "\"pink\" is none of red|green|blue"},
        {{"--count", "7.5"}, 2, "\"7.5\" is not an integer"},
        {{"--count", ""}, 2, "\"\" is not an integer"},
        {{"--big-share", "nan"}, 2, "is not a number"},
        {{"--big-share", "1.01"}, 2, "1.01 is outside 0 to 1"},
        {{"--size", "1023"}, 2, "1023 is outside 1KiB to 64MiB"},
        {{"--size", "1TiB"}, 2, "is not a size"},
        {{"--wait", "2weeks"}, 2, "is not a time"},
        {{"--wait", "2h"}, 2, "2h is outside 0s to 1h"},
        {{"--wet=maybe", NULL}, 1, "is not true or false"},
        {{"--name", "123456789"}, 2, "9 bytes, allowed are 1 to 8"},
        {{"--name", NULL}, 1, "--name needs a value"},
        {{"--nope", NULL}, 1, "unknown option --nope; --help lists them"},
        {{"--no-count", NULL}, 1, "unknown option --no-count"},
        {{"-z", NULL}, 1, "unknown option -z; --help lists them"},
        {{"--cuont", "3"}, 2, "unknown option --cuont; did you mean --count?"},
        {{"--bigshare=1", NULL}, 1, "unknown option --bigshare; did you mean --big-share?"},
        {{"--BIG_SHARE=1", NULL}, 1, "did you mean --big-share?"},
        {{"--we", NULL}, 1, "did you mean --wet?"},
        {{"--key", "a\nb"}, 2, "key: control character 0x0a"},
        {{"--key", "\xff"}, 2, "key: the text is not valid UTF-8"},
        {{"--pin", "98765"}, 2, "pin: ******** is outside 0 to 9999"},
        {{"--pin", "12x4"}, 2, "pin: \"********\" is not an integer"},
        {{"a", "b"}, 2, "unexpected argument \"b\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stop();
        start();
        ck_assert_fails(settings_arguments(&s, cases[i].argc, cases[i].argv, &err), &err, MRC_EINVAL, cases[i].message);
    }
}
END_TEST

static int read_text(const char *text)
{
    char folder[] = "settings-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/a.conf", folder);
    ck_assert_ok(file_create(path, str_of(text), 0600, &err), &err);
    int rc = settings_file(&s, path, &err);
    unlink(path);
    rmdir(folder);
    return rc;
}

START_TEST(file_and_precedence)
{
    ck_assert_ok(read_text("# a comment\n\ncount = 9 # nine\r\nname = \"a # b\"\nplace = sub/x\n  wet=on"), &err);
    ck_assert_int_eq(setting_int(&s, COUNT), 9);
    ck_assert_text(setting_text(&s, NAME), "a # b");
    ck_assert(setting_bool(&s, WET));
    ck_assert_int_eq(strncmp(setting_cstr(&s, PLACE), "settings-", 9), 0);
    ck_assert_ptr_nonnull(strstr(setting_cstr(&s, PLACE), "/sub/x"));
    char *environment[] = {"HOME=/x", "T_COUNT=10", "T_BIG_SHARE=0.25", "T_OTHER=1", NULL};
    const char *ignore[] = {"T_OTHER", NULL};
    ck_assert_ok(settings_environment(&s, "T_", environment, ignore, &err), &err);
    ck_assert_int_eq(setting_int(&s, COUNT), 10);
    ck_assert_fails(settings_environment(&s, "T_", environment, NULL, &err), &err, MRC_EINVAL,
                    "T_OTHER names no setting");
    char *bad[] = {"T_COUNT=many", NULL};
    ck_assert_fails(settings_environment(&s, "T_", bad, NULL, &err), &err, MRC_EINVAL,
                    "environment T_COUNT: count: \"many\"");
    char *argv[] = {"--count", "11"};
    ck_assert_ok(settings_arguments(&s, 2, argv, &err), &err);
    ck_assert_int_eq(setting_int(&s, COUNT), 11);
}
END_TEST

START_TEST(wrong_files)
{
    static const struct {
        const char *text;
        uint32_t line;
        int status;
        const char *message;
    } cases[] = {
        {"count = 9\nnope = 1\n", 2, MRC_EINVAL, "unknown setting \"nope\""},
        {"\ncount\n", 2, MRC_EFORMAT, "not of the form: name = value"},
        {"name = \"abc\n", 1, MRC_EFORMAT, "does not end with its line"},
        {"name = \"abc\" d\n", 1, MRC_EFORMAT, "\"d\" stands behind the quoted value"},
        {"name = \"abc\"\"\n", 1, MRC_EFORMAT, "does not end with its line"},
        {"wet = on\ncount = 2\n\nwet = off\n", 4, MRC_EINVAL, "wet is set twice, first on line 1"},
        {"\ncolor = red\n", 2, MRC_EINVAL, "unknown setting \"color\"; did you mean colour?"},
        {"count = 900\n", 1, MRC_EINVAL, "900 is outside"},
        {"only = yes\n", 1, MRC_EINVAL, "command-line flag only"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_fails(read_text(cases[i].text), &err, cases[i].status, cases[i].message);
        ck_assert_uint_eq(err.line, cases[i].line);
        ck_assert_ptr_nonnull(strstr(err.msg, "a.conf: "));
    }
    ck_assert_fails(settings_file(&s, "no-such-file.conf", &err), &err, MRC_ENOTFOUND, "no-such-file.conf");
}
END_TEST

START_TEST(texts)
{
    struct buf out;
    buf_init(&out, NULL, 1 << 16);
    char *argv[] = {"--key", "hush", "in"};
    ck_assert_ok(settings_arguments(&s, 3, argv, &err), &err);
    settings_print(&s, &out);
    ck_assert_ok(buf_ok(&out, &err), &err);
    ck_assert_ptr_nonnull(strstr(out.p, "key = ********  # flag\n"));
    ck_assert_ptr_null(strstr(out.p, "hush"));
    ck_assert_ptr_nonnull(strstr(out.p, "wait = 2s  # default\n"));
    ck_assert_ptr_nonnull(strstr(out.p, "# place is not set\n"));
    buf_reset(&out);
    settings_help(specs, SPEC__COUNT, &out);
    ck_assert_int_eq(strncmp(out.p, "  INPUT ", 8), 0);
    ck_assert_ptr_nonnull(strstr(out.p, "  -n, --name TEXT             A name (default x)\n"));
    ck_assert_ptr_nonnull(strstr(out.p, "  --big-share X               A share (default 0.5, 0 to 1)\n"));
    ck_assert_ptr_nonnull(strstr(out.p, "  --wait TIME                 Patience (default 2s, 0s to 1h)\n"));
    ck_assert_ptr_nonnull(strstr(out.p, "  --size BYTES                Room (default 1MiB, 1KiB to 64MiB)\n"));
    ck_assert_ptr_nonnull(strstr(out.p, "  --[no-]dry                  Is it dry (default on)\n"));
    ck_assert_ptr_nonnull(strstr(out.p, "  --free N                    Any integer\n"));
    buf_reset(&out);
    settings_example(specs, SPEC__COUNT, &out);
    ck_assert_ptr_nonnull(strstr(out.p, "# Which (default red, one of red|green|blue)\n# colour = red\n\n"));
    ck_assert_ptr_nonnull(strstr(out.p, "# place =\n"));
    ck_assert_ptr_null(strstr(out.p, "only"));
    buf_release(&out);
}
END_TEST

/* What print writes, a file reads: also quotes, comment signs and blanks at the ends. */
START_TEST(print_reads_back)
{
    static const char *const values[] = {"plain", "a#b", "\"", "a\"b", "\"a\"", " a ", "#", "=", "a=b", "caf\xc3\xa9"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct buf out;
        stop();
        start();
        ck_assert_ok(settings_set(&s, STR("name"), str_of(values[i]), ORIGIN_FLAG, 0, &err), &err);
        ck_assert_ok(settings_set(&s, STR("free"), STR("-9223372036854775808"), ORIGIN_FLAG, 0, &err), &err);
        buf_init(&out, NULL, 1 << 16);
        settings_print(&s, &out);
        stop();
        start();
        ck_assert_ok(read_text(out.p), &err);
        ck_assert_text(setting_text(&s, NAME), values[i]);
        ck_assert(setting_int(&s, FREE) == INT64_MIN);
        buf_release(&out);
    }
    ck_assert_fails(settings_set(&s, STR("free"), STR("9223372036854775808"), ORIGIN_FLAG, 0, &err), &err, MRC_EINVAL,
                    "not an integer");
    ck_assert_ok(read_text("\xef\xbb\xbfplace = -\n"), &err);
    ck_assert_str_eq(setting_cstr(&s, PLACE), "-");
}
END_TEST

START_TEST(bounds)
{
    static const struct {
        enum setting_type type;
        double v;
        const char *text;
    } cases[] = {{SETTING_INT, 100, "100"},
                 {SETTING_NUMBER, 0.5, "0.5"},
                 {SETTING_BYTES, 0, "0"},
                 {SETTING_BYTES, 1023, "1023"},
                 {SETTING_BYTES, 1536, "1536"},
                 {SETTING_BYTES, 1048576, "1MiB"},
                 {SETTING_BYTES, 5368709120, "5GiB"},
                 {SETTING_DURATION, 0, "0s"},
                 {SETTING_DURATION, 20, "20ms"},
                 {SETTING_DURATION, 90000, "90s"},
                 {SETTING_DURATION, 300000, "5min"},
                 {SETTING_DURATION, 30 * 86400000.0, "30d"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[NUMBER_TEXT_MAX + 4];
        settings_bound(cases[i].type, cases[i].v, text);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

START_TEST(help_fits_a_terminal)
{
    static const struct setting_spec wordy[] = {
        {.name = "a_name_that_is_longer_than_its_column",
         .type = SETTING_BYTES,
         .value = "1MiB",
         .min = 1024,
         .max = 1 << 30,
         .help = "A sentence in French, o\xc3\xb9 les lettres accentu\xc3\xa9"
                 "es comptent pour une seule colonne, and so long that it needs three lines in all"},
        {.name = "hidden", .type = SETTING_TEXT, .flags = SETTING_HIDDEN, .help = "Not shown"}};
    struct buf out;
    buf_init(&out, NULL, 1 << 16);
    settings_help(wordy, 2, &out);
    settings_example(wordy, 2, &out);
    ck_assert_ok(buf_ok(&out, &err), &err);
    ck_assert_ptr_null(strstr(out.p, "idden"));
    ck_assert_ptr_nonnull(strstr(out.p, "1KiB to 1GiB"));
    size_t lines = 0;
    for (const char *p = out.p; *p != '\0'; lines++) {
        size_t n = strcspn(p, "\n");
        ck_assert_uint_le(utf8_length((struct str){p, n}), 100);
        ck_assert(n == 0 || p[n - 1] != ' ');
        p += n + 1;
    }
    ck_assert_uint_ge(lines, 6);
    buf_release(&out);
}
END_TEST

START_TEST(a_missing_flag_is_named_as_it_is_written)
{
    static const struct setting_spec needed[] = {
        {.name = "token_file", .type = SETTING_PATH, .flags = SETTING_REQUIRED, .unit = "path", .help = "A token"}};
    struct settings b;
    struct buf out;
    ck_assert_ok(settings_init(&b, needed, 1, &err), &err);
    ck_assert_fails(settings_check(&b, &err), &err, MRC_EINVAL, "token_file is missing: give --token-file");
    buf_init(&out, NULL, 0);
    settings_help(needed, 1, &out);
    ck_assert_ptr_nonnull(strstr(out.p, "A token (required, path)"));
    buf_reset(&out);
    ck_assert_ok(settings_set(&b, STR("token-file"), STR("x"), ORIGIN_FILE, 12, &err), &err);
    settings_print(&b, &out);
    ck_assert_str_eq(out.p, "token_file = x  # file, line 12\n");
    buf_release(&out);
    settings_release(&b);
}
END_TEST

START_TEST(bad_default)
{
    static const struct setting_spec broken[] = {
        {.name = "n", .type = SETTING_INT, .value = "0", .min = 1, .max = 2, .help = ""}};
    struct settings b;
    ck_assert_fails(settings_init(&b, broken, 1, &err), &err, MRC_EBUG, "the default of n breaks its own rule: 0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings");
    TCase *tc = tcase_create("settings");
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, defaults);
    tcase_add_test(tc, flags);
    tcase_add_test(tc, wrong_flags);
    tcase_add_test(tc, file_and_precedence);
    tcase_add_test(tc, wrong_files);
    tcase_add_test(tc, texts);
    tcase_add_test(tc, print_reads_back);
    tcase_add_test(tc, bounds);
    tcase_add_test(tc, help_fits_a_terminal);
    tcase_add_test(tc, a_missing_flag_is_named_as_it_is_written);
    tcase_add_test(tc, bad_default);
    suite_add_tcase(suite, tc);
    return check_main(suite);
}

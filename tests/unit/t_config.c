/* The table of settings: defaults, precedence, cross-checks, derived defaults; and every row can be set and printed. */
#include "fcgi/config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Load with flags and environment; the message when it fails. */
static int load(struct settings *s, char *const *argv, char *const *environment, struct mrc_err *err)
{
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    *err = (struct mrc_err){0};
    return config_load(s, argc, argv, environment, err);
}

START_TEST(defaults)
{
    struct settings s;
    struct mrc_err err;
    char *none[] = {NULL};
    ck_assert_msg(load(&s, none, none, &err) == MRC_OK, "%s", err.msg);
    ck_assert_str_eq(setting_cstr(&s, CONFIG_DATABASE), "/var/lib/mercredi/mercredi.db");
    ck_assert_str_eq(setting_cstr(&s, CONFIG_LOG_DATABASE), "/var/lib/mercredi/predictions.db");
    ck_assert_str_eq(setting_cstr(&s, CONFIG_TOKEN_KEY_FILE), "/var/lib/mercredi/token.key");
    ck_assert_str_eq(setting_cstr(&s, CONFIG_MODELS_DIR), "/var/lib/mercredi/models");
    ck_assert_int_ge(setting_int(&s, CONFIG_WORKERS), 16);
    ck_assert_int_ge(setting_int(&s, CONFIG_PASSWORD_HASHES_MAX), 1);
    ck_assert_int_le(setting_int(&s, CONFIG_PASSWORD_HASHES_MAX), setting_int(&s, CONFIG_WORKERS) / 2);
    ck_assert_int_eq(setting_int(&s, CONFIG_WORKER_REQUESTS_MAX), 1000000);
    ck_assert(!setting_is_set(&s, CONFIG_SOCKET));
    ck_assert_int_eq(setting_int(&s, CONFIG_LOG), CONFIG_LOG_REQUIRED);
    ck_assert_int_eq(setting_int(&s, CONFIG_TOKEN_LIFETIME), 30 * 60 * 1000);
    ck_assert_int_eq(setting_int(&s, CONFIG_BODY_MAX), 1 << 20);
    ck_assert_int_eq(setting_int(&s, CONFIG_LOG_RETENTION), 0); /* nothing leaves the log unless it is said */
    settings_release(&s);
}
END_TEST

START_TEST(precedence_and_derivation)
{
    char path[] = "/tmp/mrc-config-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    const char text[] = "# a comment\nstate_dir = /srv/m\nworkers = 3\nmodel = \"from-file\"\nlog = off\n";
    ck_assert_int_eq(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    close(fd);
    char variable[128];
    snprintf(variable, sizeof(variable), "MERCREDI_CONFIG=%s", path);
    char *environment[] = {variable, (char[]){"MERCREDI_WORKERS=4"}, (char[]){"MERCREDI_MODEL=from-environment"},
                           (char[]){"HOME=/"}, NULL};
    char *argv[] = {(char[]){"--workers"}, (char[]){"5"}, NULL};
    struct settings s;
    struct mrc_err err;
    ck_assert_msg(load(&s, argv, environment, &err) == MRC_OK, "%s", err.msg);
    ck_assert_int_eq(setting_int(&s, CONFIG_WORKERS), 5);
    ck_assert_str_eq(setting_cstr(&s, CONFIG_MODEL), "from-environment");
    ck_assert_int_eq(setting_int(&s, CONFIG_LOG), CONFIG_LOG_OFF);
    ck_assert_str_eq(setting_cstr(&s, CONFIG_DATABASE), "/srv/m/mercredi.db");
    settings_release(&s);
    unlink(path);
    ck_assert_int_lt(load(&s, argv, environment, &err), 0); /* the file that was named must be there */
}
END_TEST

/* Settings that must be refused, and a word the message must have. */
static const struct {
    const char *flag, *value, *word;
} refused[] = {
    {"--no-such-setting", "1", "no-such-setting"},
    {"--workers", "513", "512"},
    {"--workers", "-1", "workers"},
    {"--workers", "many", "many"},
    {"--log", "maybe", "maybe"},
    {"--log-timeout", "9ms", "log"},
    {"--socket-mode", "0999", "0999"},
    {"--socket-mode", "1777", "0777"},
    {"--socket-mode", "77777", "socket"},
    {"--model", "../etc", "model"},
    {"--model", "a/b", "a/b"},
    {"--model", "", "model"},
    {"--body-max", "65MiB", "body"},
    {"--body-max", "1KiB", "token_body_max"},
    {"--header-max", "1KiB", "token_max"},
    {"--request-memory-max", "1MiB", "response_max"},
    {"--log-level", "loud", "loud"},
    {"--config", "/nonexistent/mercredi.conf", "/nonexistent/mercredi.conf"},
};

START_TEST(refusals)
{
    char *none[] = {NULL}, flag[64], value[64];
    snprintf(flag, sizeof(flag), "%s", refused[_i].flag);
    snprintf(value, sizeof(value), "%s", refused[_i].value);
    char *argv[] = {flag, value, NULL};
    struct settings s;
    struct mrc_err err;
    ck_assert_msg(load(&s, argv, none, &err) < 0, "%s %s was accepted", flag, value);
    ck_assert_msg(strstr(err.msg, refused[_i].word) != NULL, "%s %s: %s", flag, value, err.msg);
}
END_TEST

START_TEST(one_word_on_the_shadow)
{
    char *none[] = {NULL}, *both[] = {(char[]){"--shadow=0003"}, (char[]){"--mlflow-shadow-alias=challenger"}, NULL},
         *empty[] = {(char[]){"--shadow="}, (char[]){"--mlflow-shadow-alias=challenger"}, NULL};
    struct settings s;
    struct mrc_err err;
    ck_assert_int_lt(load(&s, both, none, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.msg, "mlflow_shadow_alias"));
    ck_assert_int_eq(load(&s, empty, none, &err), MRC_OK);
    settings_release(&s);
}
END_TEST

START_TEST(unknown_variable)
{
    char *environment[] = {(char[]){"MERCREDI_WROKERS=4"}, NULL}, *ignored[] = {(char[]){"MERCREDI_PASSWORD=x"}, NULL},
         *none[] = {NULL};
    struct settings s;
    struct mrc_err err;
    ck_assert_int_lt(load(&s, none, environment, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.msg, "MERCREDI_WROKERS"));
    ck_assert_int_eq(load(&s, none, ignored, &err), MRC_OK);
    settings_release(&s);
}
END_TEST

START_TEST(limits_at_both_ends)
{
    for (size_t i = 0; i < CONFIG__COUNT; i++) {
        const struct setting_spec *spec = &config_specs[i];
        ck_assert_ptr_nonnull(spec->name);
        ck_assert_ptr_nonnull(spec->help);
        if (spec->type != SETTING_INT) {
            continue;
        }
        const double inside[] = {spec->min, spec->max}, outside[] = {spec->min - 1, spec->max + 1};
        for (size_t k = 0; k < 2; k++) {
            struct settings s;
            struct mrc_err err = {0};
            char text[40];
            ck_assert_int_eq(settings_init(&s, config_specs, CONFIG__COUNT, &err), MRC_OK);
            snprintf(text, sizeof(text), "%.0f", inside[k]);
            ck_assert_msg(settings_set(&s, str_of(spec->name), str_of(text), ORIGIN_FILE, 1, &err) == MRC_OK, "%s",
                          err.msg);
            snprintf(text, sizeof(text), "%.0f", outside[k]);
            ck_assert_int_lt(settings_set(&s, str_of(spec->name), str_of(text), ORIGIN_FILE, 1, &err), 0);
            settings_release(&s);
        }
    }
}
END_TEST

/* What example-config prints is accepted as a file, and changes nothing. */
START_TEST(example_is_a_valid_file)
{
    char path[] = "/tmp/mrc-config-XXXXXX", *none[] = {NULL};
    int fd = mkstemp(path);
    struct buf b;
    buf_init(&b, NULL, 1 << 20);
    settings_example(config_specs, CONFIG__COUNT, &b);
    ck_assert_int_eq(buf_ok(&b, NULL), MRC_OK);
    ck_assert_int_eq(write(fd, b.p, b.n), (ssize_t)b.n);
    close(fd);
    for (size_t i = 0; i < CONFIG__COUNT; i++) {
        ck_assert_msg(i == CONFIG_CONFIG || strstr(b.p, config_specs[i].name) != NULL, "%s", config_specs[i].name);
    }
    buf_release(&b);
    char *argv[] = {(char[]){"--config"}, path, NULL};
    struct settings s, plain;
    struct mrc_err err;
    ck_assert_msg(load(&s, argv, none, &err) == MRC_OK, "%s", err.msg);
    ck_assert_int_eq(load(&plain, none, none, &err), MRC_OK);
    for (size_t i = 0; i < CONFIG__COUNT; i++) {
        ck_assert_msg(i == CONFIG_CONFIG || str_eq(setting_text(&s, i), setting_text(&plain, i)), "%s",
                      config_specs[i].name);
    }
    settings_release(&plain);
    settings_release(&s);
    unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *t = tcase_create("config");
    tcase_add_test(t, defaults);
    tcase_add_test(t, precedence_and_derivation);
    tcase_add_loop_test(t, refusals, 0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(t, one_word_on_the_shadow);
    tcase_add_test(t, unknown_variable);
    tcase_add_test(t, limits_at_both_ends);
    tcase_add_test(t, example_is_a_valid_file);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}

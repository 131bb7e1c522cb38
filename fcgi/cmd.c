/* What the commands share. */
#include "fcgi/cmd.h"

#include "common/base/log.h"
#include "fcgi/config.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

enum { TEXT_MAX = 16 << 20 };

int exit_of(int status)
{
    switch (status) {
    case MRC_OK:
        return EXIT_DONE;
    case MRC_EFORMAT:
    case MRC_EUNSUPPORTED:
    case MRC_ECONFLICT:
    case MRC_ENOTFOUND:
        return EXIT_DATA;
    case MRC_EINVAL:
        return EXIT_CONFIG;
    case MRC_EBUSY:
        return EXIT_UNAVAILABLE;
    case MRC_EBUG:
        return EXIT_BUG;
    default:
        return EXIT_IO;
    }
}

int cmd_fail(const struct mrc_err *e)
{
    char text[320];
    err_format(e, text, sizeof(text));
    fprintf(stderr, "mercredi-fcgi: %s\n", text);
    return exit_of(e->code);
}

/* One of the command's flags at argv[*i]: takes it, and its value. */
static bool take_flag(const struct cmd_flag *flags, size_t n, int argc, char **argv, int *i)
{
    for (size_t k = 0; k < n; k++) {
        size_t length = strlen(flags[k].flag);
        if (strncmp(argv[*i], flags[k].flag, length) != 0) {
            continue;
        }
        if (flags[k].value == NULL && argv[*i][length] == '\0') {
            *flags[k].given = true;
            return true;
        }
        if (flags[k].value != NULL && argv[*i][length] == '=') {
            *flags[k].value = argv[*i] + length + 1;
            return true;
        }
        if (flags[k].value != NULL && argv[*i][length] == '\0' && *i + 1 < argc) {
            *flags[k].value = argv[++*i];
            return true;
        }
    }
    return false;
}

bool cmd_arguments_read(struct cmd_arguments *a, int argc, char **argv, const struct cmd_flag *flags, size_t n)
{
    size_t words = 0;
    *a = (struct cmd_arguments){.settings = {argv[0]}, .n_settings = 1};
    for (int i = 1; i < argc; i++) {
        if (take_flag(flags, n, argc, argv, &i)) {
            continue;
        }
        if (a->n_settings >= CMD_ARGUMENTS_MAX) {
            return false;
        }
        if (argv[i][0] == '-') {
            bool whole = strchr(argv[i], '=') != NULL || i + 1 >= argc || argv[i + 1][0] == '-';
            a->settings[a->n_settings++] = argv[i];
            if (!whole) {
                a->settings[a->n_settings++] = argv[++i];
            }
        } else if (words < CMD_WORDS_MAX) {
            a->words[words++] = argv[i];
        } else {
            return false;
        }
    }
    return true;
}

int cmd_print(const struct buf *b)
{
    struct mrc_err err = {0};
    if (buf_ok(b, &err) < 0) {
        return cmd_fail(&err);
    }
    return fwrite(b->p, 1, b->n, stdout) == b->n && fflush(stdout) == 0 ? EXIT_DONE : EXIT_IO;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

int cmd_begin(struct settings *s, int argc, char **argv, int skip, const char *line)
{
    struct mrc_err err = {0};
    if (asks_for_help(argc, argv)) {
        struct buf b;
        buf_init(&b, NULL, TEXT_MAX);
        buf_printf(&b, "usage: mercredi-fcgi %s [options]\n%s\n\n", argv[0], line);
        settings_help(config_specs, CONFIG__COUNT, &b);
        int status = cmd_print(&b);
        buf_release(&b);
        return status;
    }
    if (config_load(s, argc - skip, argv + skip, environ, &err) < 0) {
        (void)cmd_fail(&err);
        return EXIT_CONFIG;
    }
    log_setup("mercredi-fcgi", (enum log_level)setting_int(s, CONFIG_LOG_LEVEL), 2);
    return -1;
}

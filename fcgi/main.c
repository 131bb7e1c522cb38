/* mercredi-fcgi: serves forecasts behind a web server. This file is the table of its commands. */
#include "common/base/digest.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/trees/mercredi.h"
#include "fcgi/agent.h"
#include "fcgi/cmd.h"
#include "fcgi/cmd_access.h"
#include "fcgi/cmd_user.h"
#include "fcgi/config.h"
#include "fcgi/listener.h"
#include "fcgi/master.h"
#include "fcgi/scribe.h"
#include "fcgi/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* Copies of the arguments: a process that shows its name writes over the originals. NULL-terminated. */
static char **copy_arguments(int argc, char **argv)
{
    char **copies = calloc((size_t)argc + 1, sizeof(*copies));
    for (int i = 0; copies != NULL && i < argc; i++) {
        size_t n = strlen(argv[i]) + 1;
        copies[i] = malloc(n);
        if (copies[i] == NULL) {
            abort();
        }
        memcpy(copies[i], argv[i], n);
    }
    return copies;
}

static void free_arguments(char **copies)
{
    for (char **p = copies; p != NULL && *p != NULL; p++) {
        free(*p);
    }
    free(copies);
}

/* ---- commands -------------------------------------------------------------------------------------------------- */

/* argv[-1] is the program's name: the arguments lie behind it in memory. */
static struct process_title title_of(int argc, char **argv)
{
    return process_title_of(argc + 1, argv - 1);
}

static int cmd_serve(int argc, char **argv)
{
    struct settings config;
    struct mrc_err err = {0};
    struct process_title title = title_of(argc, argv);
    char **copies = copy_arguments(argc, argv);
    if (copies == NULL) {
        return EXIT_IO;
    }
    int status = cmd_begin(&config, argc, copies, 1, "Master, workers, scribe and agent, in the foreground.");
    if (status < 0) {
        status = master_run(&config, argc - 1, copies + 1, environ, &title, &err);
        if (err.code != 0) {
            (void)cmd_fail(&err);
        }
    }
    free_arguments(copies);
    return status;
}

static int cmd_worker(int argc, char **argv)
{
    struct settings config;
    struct mrc_err err = {0};
    struct process_title title = title_of(argc, argv);
    int status = cmd_begin(&config, argc, argv, 1,
                           "One worker on file descriptor 0, under a process manager such as mod_fcgid.");
    if (status >= 0) {
        return status;
    }
    if (!is_listening(0)) {
        (void)mrc_fail(&err, MRC_EINVAL, "standard input is no listening socket: a web server starts this command");
        settings_release(&config);
        return cmd_fail(&err);
    }
    process_name(&title, "mrc-worker", "");
    const struct worker_parts parts = {.config = &config, .ready_fd = -1, .alone = true};
    status = worker_run(&parts, &err);
    settings_release(&config);
    return status == EXIT_DONE ? status : (cmd_fail(&err), status);
}

static int cmd_scribe(int argc, char **argv)
{
    struct settings config;
    struct mrc_err err = {0};
    struct listener l;
    char path[256];
    struct process_title title = title_of(argc, argv);
    int status = cmd_begin(&config, argc, argv, 1, "Writer of the prediction log as a service of its own.");
    if (status >= 0) {
        return status;
    }
    (void)snprintf(path, sizeof(path), "%s/scribe.sock", setting_cstr(&config, CONFIG_RUN_DIR));
    if (listener_open(&l, path, 0600, 1024, &err) < 0) {
        settings_release(&config);
        return cmd_fail(&err);
    }
    process_name(&title, "mrc-scribe", "");
    status = scribe_run(l.fd, setting_cstr(&config, CONFIG_LOG_DATABASE), -1, &err);
    listener_close(&l, true);
    settings_release(&config);
    return status == EXIT_DONE ? status : (cmd_fail(&err), status);
}

static int cmd_agent(int argc, char **argv)
{
    struct settings config;
    struct mrc_err err = {0};
    struct process_title title = title_of(argc, argv);
    int status = cmd_begin(&config, argc, argv, 1, "The host's housekeeper as a service of its own.");
    if (status < 0) {
        process_name(&title, "mrc-agent", "");
        status = agent_run(&config, &err);
        settings_release(&config);
    }
    return status;
}

static int cmd_check_config(int argc, char **argv)
{
    struct settings config;
    int status =
        cmd_begin(&config, argc, argv, 1, "Read the settings and say what is wrong with them; 78 when something is.");
    if (status < 0) {
        settings_release(&config);
        status = EXIT_DONE;
    }
    return status;
}

static int cmd_print_config(int argc, char **argv)
{
    struct settings config;
    struct buf b;
    int status = cmd_begin(&config, argc, argv, 1, "Print every setting, its value and where it came from.");
    if (status < 0) {
        buf_init(&b, NULL, 1 << 20);
        settings_print(&config, &b);
        status = cmd_print(&b);
        buf_release(&b);
        settings_release(&config);
    }
    return status;
}

static int cmd_example_config(int argc, char **argv)
{
    struct buf b;
    (void)argc;
    (void)argv;
    buf_init(&b, NULL, 1 << 20);
    settings_example(config_specs, CONFIG__COUNT, &b);
    int status = cmd_print(&b);
    buf_release(&b);
    return status;
}

/* One row a command: name, function, one line for the list. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *line;
} commands[] = {
    {"serve", cmd_serve, "master with workers, on a socket of its own or on file descriptor 0"},
    {"worker", cmd_worker, "one worker on file descriptor 0 (mod_fcgid)"},
    {"scribe", cmd_scribe, "writer of the prediction log as its own service"},
    {"agent", cmd_agent, "housekeeper as its own service"},
    {"user", cmd_user, "add, list, disable users; set passwords"},
    {"client", cmd_client, "add, list, disable programs that get tokens of their own"},
    {"key", cmd_key, "add, list, revoke API keys of users' scripts"},
    {"db", cmd_db, "migrate, check, back up, restore, export, prune the databases"},
    {"model", cmd_model, "list versions, choose the current one"},
    {"openapi", cmd_openapi, "print the OpenAPI document"},
    {"check-config", cmd_check_config, "read the settings, say what is wrong"},
    {"print-config", cmd_print_config, "print the settings and where they come from"},
    {"example-config", cmd_example_config, "print a commented file of all settings"},
};

static void print_usage(FILE *to)
{
    fputs("usage: mercredi-fcgi COMMAND [options]\n\ncommands:\n", to);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        fprintf(to, "  %-15s %s\n", commands[i].name, commands[i].line);
    }
    fputs("\nmercredi-fcgi COMMAND --help tells a command's options. --version prints the version.\n"
          "Exit status: 0 done, 64 wrong usage, 65 wrong data, 69 unavailable, 70 crash loop or our own bug,\n"
          "74 input or output error, 78 wrong settings.\n",
          to);
}

int main(int argc, char **argv)
{
    struct mrc_err err = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    log_setup("mercredi-fcgi", LOG_INFO, 2);
    json_use_arenas();
    if (digest_start(&err) < 0) {
        return cmd_fail(&err);
    }
    if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))) {
        print_usage(stdout);
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_IO;
    }
    if (argc >= 2 && !strcmp(argv[1], "--version")) {
        printf("mercredi-fcgi %s\n", mrc_version());
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_IO;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!strcmp(argv[1], commands[i].name)) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (argc >= 2) {
        fprintf(stderr, "mercredi-fcgi: no command \"%s\"\n\n", argv[1]);
    }
    print_usage(stderr);
    return EXIT_USAGE;
}

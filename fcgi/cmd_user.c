/* Accounts from the command line: add, list, disable, enable, passwd. */
#include "fcgi/cmd_user.h"

#include "common/base/date.h"
#include "common/base/digest.h"
#include "fcgi/audit.h"
#include "fcgi/auth.h"
#include "fcgi/cmd.h"
#include "fcgi/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

enum { EXIT_NO_INPUT = 66 };

static const char usage[] =
    "usage: mercredi-fcgi user add NAME --scopes \"predict outcome\" [--password-stdin] [settings]\n"
    "       mercredi-fcgi user list [settings]\n"
    "       mercredi-fcgi user disable NAME [settings]\n"
    "       mercredi-fcgi user enable NAME [settings]\n"
    "       mercredi-fcgi user passwd NAME [--password-stdin] [settings]\n"
    "Scopes: predict outcome monitor admin. Without --password-stdin the password is asked for on the terminal.\n"
    "Settings are the server's, for instance --config FILE, --state-dir FOLDER, --database FILE.\n";

struct command {
    const char *action, *name, *scopes;
    bool password_stdin;
    struct cmd_arguments arguments;
    struct store *store;
    struct arena arena;
    int64_t now_ms;
};

/* ---- arguments ------------------------------------------------------------------------------------------------- */

static bool read_arguments(struct command *c, int argc, char **argv)
{
    const struct cmd_flag flags[] = {{"--scopes", &c->scopes, NULL}, {"--password-stdin", NULL, &c->password_stdin}};
    bool read = cmd_arguments_read(&c->arguments, argc, argv, flags, sizeof flags / sizeof flags[0]);
    c->action = c->arguments.words[0];
    c->name = c->arguments.words[1];
    return read && c->action != NULL;
}

/* ---- passwords ------------------------------------------------------------------------------------------------- */

/* One line of standard input without its end. Returns its length, or -1 at the end of input or when it is too long. */
static long read_line(char *out, size_t cap)
{
    size_t n = 0;
    char ch;
    ssize_t got;
    while ((got = read(STDIN_FILENO, &ch, 1)) == 1 || (got < 0 && errno == EINTR)) {
        if (got < 0) {
            continue;
        }
        if (ch == '\n') {
            break;
        }
        if (n + 1 >= cap) {
            return -1;
        }
        out[n++] = ch;
    }
    if (got < 0 || (got == 0 && n == 0)) {
        return -1;
    }
    n -= n > 0 && out[n - 1] == '\r' ? 1 : 0;
    out[n] = '\0';
    return (long)n;
}

static long ask(const char *prompt, char *out, size_t cap)
{
    struct termios before, silent;
    sigset_t stops, mask;
    fputs(prompt, stderr);
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return -1;
    }
    /* Ctrl-C works, but only once the terminal echoes again. */
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, &mask);
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    long n = read_line(out, cap);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return n;
}

/* Read a password and hash it. 0, or an exit code with a message printed. */
static int read_hash(const struct command *c, char hash[PASSWORD_HASH_TEXT])
{
    char password[PASSWORD_MAX + 2] = {0}, again[PASSWORD_MAX + 2] = {0};
    struct mrc_err err = {0};
    int code = EXIT_DONE;
    long n;
    if (c->password_stdin) {
        n = read_line(password, sizeof password);
    } else if (isatty(STDIN_FILENO)) {
        n = ask("Password: ", password, sizeof password);
        if (n >= 0 && (ask("Again: ", again, sizeof again) != n || strcmp(password, again) != 0)) {
            fputs("mercredi-fcgi: the two passwords differ\n", stderr);
            n = -2;
        }
    } else {
        fputs("mercredi-fcgi: standard input is not a terminal; use --password-stdin\n", stderr);
        n = -2;
    }
    if (n == -1) {
        fprintf(stderr, "mercredi-fcgi: no password of at most %d bytes on standard input\n", PASSWORD_MAX);
    }
    if (n < 0) {
        code = EXIT_NO_INPUT;
    } else if (password_hash((struct str){password, (size_t)n}, hash, &err) < 0) {
        fprintf(stderr, "mercredi-fcgi: %s\n", err.msg);
        code = EXIT_DATA;
    }
    secret_wipe((struct str){password, sizeof password});
    secret_wipe((struct str){again, sizeof again});
    return code;
}

/* ---- actions --------------------------------------------------------------------------------------------------- */

static int complain(const struct mrc_err *err)
{
    fprintf(stderr, "mercredi-fcgi: %s\n", err->msg);
    return err->code == MRC_ENOTFOUND || err->code == MRC_ECONFLICT || err->code == MRC_EINVAL ? EXIT_DATA
                                                                                               : EXIT_UNAVAILABLE;
}

/* The act is done (rc) in a transaction that is open: with its record, or not at all. */
static int settle(struct command *c, int rc, const char *act, const char *detail, struct mrc_err *err)
{
    return audit_settle_command(c->store, c->now_ms, rc, act, str_of(c->name), str_of(detail), err);
}

static int add(struct command *c)
{
    char id[UUID_TEXT], hash[PASSWORD_HASH_TEXT];
    struct mrc_err err = {0};
    struct account account = {.username = str_of(c->name), .created_ms = c->now_ms, .tokens_valid_from_ms = c->now_ms};
    if (c->scopes == NULL || !scopes_parse(str_of(c->scopes), &account.scopes) || account.scopes == 0) {
        fputs("mercredi-fcgi: --scopes needs one or more of predict outcome monitor admin\n", stderr);
        return EXIT_USAGE;
    }
    if (!username_valid(account.username)) {
        fprintf(stderr, "mercredi-fcgi: a name has 1 to %d characters of A-Z a-z 0-9 . _ @ + -\n", USERNAME_MAX);
        return EXIT_DATA;
    }
    int code = read_hash(c, hash);
    if (code != EXIT_DONE) {
        return code;
    }
    uuid7(c->now_ms, id);
    account.id = str_of(id);
    account.password_hash = str_of(hash);
    int rc = store_begin(c->store, &err);
    if (rc == MRC_OK) {
        rc = settle(c, store_account_add(c->store, &account, &err), "user add", c->scopes, &err);
    }
    return rc < 0 ? complain(&err) : EXIT_DONE;
}

static int print_account(const struct account *a, void *arg)
{
    char stamp[STAMP_TEXT];
    struct buf scopes;
    (void)arg;
    buf_init(&scopes, NULL, 256);
    scopes_write(a->scopes, &scopes);
    stamp_format(a->created_ms, stamp);
    printf("%.*s\t%s\t%s\t%s\n", STR_ARG(a->username), a->disabled ? "disabled" : "active", stamp,
           scopes.n > 0 ? scopes.p : "-");
    buf_release(&scopes);
    return 0;
}

static int list(struct command *c)
{
    struct mrc_err err = {0};
    return store_account_each(c->store, print_account, NULL, &err) < 0 ? complain(&err) : EXIT_DONE;
}

static int find(struct command *c, struct account *account, struct mrc_err *err)
{
    MRC_TRY(store_account_by_name(c->store, str_of(c->name), &c->arena, account, err));
    return MRC_OK;
}

/* Tokens made before now end, too: a second chance to sign in is not enough for somebody locked out. */
static int put_disabled(struct command *c, bool disabled, struct mrc_err *err)
{
    struct account account;
    MRC_TRY(find(c, &account, err));
    MRC_TRY(store_account_set_disabled(c->store, account.id, disabled, err));
    return disabled ? store_account_set_tokens_valid_from(c->store, account.id, c->now_ms, err) : MRC_OK;
}

static int set_disabled(struct command *c, bool disabled)
{
    struct mrc_err err = {0};
    int rc = store_begin(c->store, &err);
    if (rc == MRC_OK) {
        rc = settle(c, put_disabled(c, disabled, &err), "user change", disabled ? "disabled; " : "enabled; ", &err);
    }
    return rc < 0 ? complain(&err) : EXIT_DONE;
}

static int disable(struct command *c)
{
    return set_disabled(c, true);
}

static int enable(struct command *c)
{
    return set_disabled(c, false);
}

static int put_password(struct command *c, const struct account *account, const char *hash, struct mrc_err *err)
{
    MRC_TRY(store_account_set_password(c->store, account->id, str_of(hash), err));
    return store_account_set_tokens_valid_from(c->store, account->id, c->now_ms, err);
}

static int passwd(struct command *c)
{
    char hash[PASSWORD_HASH_TEXT];
    struct account account;
    struct mrc_err err = {0};
    if (find(c, &account, &err) < 0) {
        return complain(&err);
    }
    int code = read_hash(c, hash);
    if (code != EXIT_DONE) {
        return code;
    }
    int rc = store_begin(c->store, &err);
    if (rc == MRC_OK) {
        rc = settle(c, put_password(c, &account, hash, &err), "user change", "password; ", &err);
    }
    return rc < 0 ? complain(&err) : EXIT_DONE;
}

static const struct {
    const char *name;
    int (*run)(struct command *c);
    bool takes_name;
} actions[] = {
    {"add", add, true},       {"list", list, false},    {"disable", disable, true},
    {"enable", enable, true}, {"passwd", passwd, true},
};

static int with_store(struct command *c, int (*run)(struct command *c), char *const *environment)
{
    struct settings config;
    struct mrc_err err = {0};
    if (config_load(&config, c->arguments.n_settings - 1, c->arguments.settings + 1, environment, &err) < 0) {
        char text[sizeof err.msg + 64];
        err_format(&err, text, sizeof text);
        fprintf(stderr, "mercredi-fcgi: %s\n", text);
        return EXIT_CONFIG;
    }
    int code;
    if (store_open(&c->store, STORE_STATE, setting_cstr(&config, CONFIG_DATABASE), &err) < 0) {
        code = complain(&err);
    } else {
        code = run(c);
        store_close(c->store);
    }
    settings_release(&config);
    return code;
}

int cmd_user(int argc, char **argv)
{
    struct command c = {.action = NULL};
    struct mrc_err err = {0};
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (!read_arguments(&c, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(c.action, actions[i].name) == 0 && (c.name != NULL) == actions[i].takes_name) {
            if (digest_start(&err) < 0) {
                return complain(&err);
            }
            c.now_ms = wall_ms();
            arena_init(&c.arena, 1 << 20);
            int code = with_store(&c, actions[i].run, environ);
            arena_release(&c.arena);
            return code;
        }
    }
    fputs(usage, stderr);
    return EXIT_USAGE;
}

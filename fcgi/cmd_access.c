/* Clients and API keys from the command line. */
#include "fcgi/cmd_access.h"

#include "common/base/date.h"
#include "common/base/digest.h"
#include "fcgi/audit.h"
#include "fcgi/auth.h"
#include "fcgi/cmd.h"
#include "fcgi/config.h"
#include "fcgi/process.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

enum { CLIENT_ID_MAX = 48, LABEL_MAX = 100 };

static const char usage[] =
    "usage: mercredi-fcgi client add ID --scopes \"predict\" [settings]     prints the client's secret, once\n"
    "       mercredi-fcgi client list [settings]\n"
    "       mercredi-fcgi client disable|enable ID [settings]\n"
    "       mercredi-fcgi key add USER --scopes \"predict\" [--label TEXT] [--days N] [settings]   prints the key, "
    "once\n"
    "       mercredi-fcgi key list [settings]\n"
    "       mercredi-fcgi key revoke ID [settings]\n"
    "Scopes: predict outcome monitor admin. A key can do what both it and its user may.\n"
    "Settings are the server's, for instance --config FILE, --state-dir FOLDER, --database FILE.\n";

struct command {
    const char *action, *name, *scopes, *label, *days;
    struct cmd_arguments arguments;
    struct store *store;
    struct arena arena;
    int64_t now_ms;
};

static bool read_arguments(struct command *c, int argc, char **argv)
{
    const struct cmd_flag flags[] = {
        {"--scopes", &c->scopes, NULL}, {"--label", &c->label, NULL}, {"--days", &c->days, NULL}};
    bool read = cmd_arguments_read(&c->arguments, argc, argv, flags, sizeof flags / sizeof flags[0]);
    c->action = c->arguments.words[0];
    c->name = c->arguments.words[1];
    return read && c->action != NULL;
}

/* ---- shared by the actions ------------------------------------------------------------------------------------- */

static int complain(const char *text)
{
    fprintf(stderr, "mercredi-fcgi: %s\n", text);
    return EXIT_DATA;
}

static int read_scopes(const struct command *c, unsigned *scopes)
{
    if (c->scopes == NULL || !scopes_parse(str_of(c->scopes), scopes) || *scopes == 0) {
        fputs("mercredi-fcgi: --scopes needs one or more of predict outcome monitor admin\n", stderr);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

/* The act is done (rc) inside a transaction: record it and commit, or undo both. */
static int settle(struct command *c, int rc, const char *act, struct str subject, struct str detail)
{
    struct mrc_err err = {.code = rc};
    return audit_settle_command(c->store, c->now_ms, rc, act, subject, detail, &err) < 0 ? cmd_fail(&err) : EXIT_DONE;
}

static void print_scopes_and_date(unsigned bits, int64_t created_ms)
{
    char stamp[STAMP_TEXT];
    struct buf scopes;
    buf_init(&scopes, NULL, 256);
    scopes_write(bits, &scopes);
    stamp_format(created_ms, stamp);
    printf("\t%.*s\t%s", STR_ARG(buf_text(&scopes)), stamp);
    buf_release(&scopes);
}

/* ---- clients --------------------------------------------------------------------------------------------------- */

static int client_add(struct command *c)
{
    char secret[SECRET_TEXT], hash[SHA256_HEX];
    struct mrc_err err = {0};
    struct client client = {.id = str_of(c->name), .created_ms = c->now_ms, .tokens_valid_from_ms = c->now_ms};
    int code = read_scopes(c, &client.scopes);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!username_valid(client.id) || client.id.n > CLIENT_ID_MAX) {
        return complain("a client's id has 1 to 48 characters of A-Z a-z 0-9 . _ @ + -");
    }
    secret_new(secret);
    sha256_hex(str_of(secret), hash);
    client.secret_hash = str_of(hash);
    if (store_begin(c->store, &err) < 0) {
        return cmd_fail(&err);
    }
    int rc = store_client_add(c->store, &client, &err);
    if (rc < 0) {
        store_rollback(c->store);
        return cmd_fail(&err);
    }
    code = settle(c, rc, "client add", client.id, str_of(c->scopes));
    if (code == EXIT_DONE) {
        printf("client_id=%s\nclient_secret=%s\n", c->name, secret);
    }
    secret_wipe((struct str){secret, sizeof secret});
    return code;
}

static int print_client(const struct client *client, void *arg)
{
    (void)arg;
    printf("%.*s", STR_ARG(client->id));
    print_scopes_and_date(client->scopes, client->created_ms);
    printf("%s\n", client->disabled ? "\tdisabled" : "");
    return 0;
}

static int client_list(struct command *c)
{
    struct mrc_err err = {0};
    return store_client_each(c->store, print_client, NULL, &err) < 0 ? cmd_fail(&err) : EXIT_DONE;
}

static int set_disabled(struct command *c, bool disabled)
{
    struct mrc_err err = {0};
    if (store_begin(c->store, &err) < 0) {
        return cmd_fail(&err);
    }
    if (store_client_set_disabled(c->store, str_of(c->name), disabled, c->now_ms, &err) < 0) {
        store_rollback(c->store);
        return cmd_fail(&err);
    }
    return settle(c, MRC_OK, disabled ? "client disable" : "client enable", str_of(c->name), STR(""));
}

static int client_disable(struct command *c)
{
    return set_disabled(c, true);
}

static int client_enable(struct command *c)
{
    return set_disabled(c, false);
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

static int read_key(struct command *c, struct api_key *key)
{
    uint64_t days = 0;
    if (c->days != NULL && (!parse_u64(str_of(c->days), &days) || days < 1 || days > 3650)) {
        return complain("--days is a whole number, 1 to 3650");
    }
    key->label = str_of(c->label);
    if (key->label.n > LABEL_MAX || utf8_valid(key->label) != key->label.n) {
        return complain("--label is UTF-8 text of at most 100 bytes");
    }
    key->created_ms = c->now_ms;
    key->expires_ms = days == 0 ? 0 : c->now_ms + (int64_t)days * 86400000;
    return read_scopes(c, &key->scopes);
}

static int key_add(struct command *c)
{
    static const char digits[] = "0123456789abcdef";
    char id[KEY_ID + 1] = {0}, secret[SECRET_TEXT], hash[SHA256_HEX];
    unsigned char bytes[KEY_ID / 2];
    struct mrc_err err = {0};
    struct account account;
    struct api_key key = {.id = {id, KEY_ID}};
    int code = read_key(c, &key);
    if (code != EXIT_DONE) {
        return code;
    }
    if (store_account_by_name(c->store, str_of(c->name), &c->arena, &account, &err) < 0) {
        return cmd_fail(&err);
    }
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        id[2 * i] = digits[bytes[i] >> 4];
        id[2 * i + 1] = digits[bytes[i] & 15];
    }
    secret_new(secret);
    sha256_hex(str_of(secret), hash);
    key.account_id = account.id;
    key.secret_hash = str_of(hash);
    if (store_begin(c->store, &err) < 0) {
        return cmd_fail(&err);
    }
    if (store_key_add(c->store, &key, &err) < 0) {
        store_rollback(c->store);
        return cmd_fail(&err);
    }
    code = settle(c, MRC_OK, "key add", key.id, account.username);
    if (code == EXIT_DONE) {
        printf("mrc_%s_%s\n", id, secret);
    }
    secret_wipe((struct str){secret, sizeof secret});
    return code;
}

static int print_key(const struct api_key *key, void *arg)
{
    char stamp[STAMP_TEXT];
    (void)arg;
    printf("%.*s\t%.*s", STR_ARG(key->id), STR_ARG(key->account_id));
    print_scopes_and_date(key->scopes, key->created_ms);
    if (key->expires_ms != 0) {
        stamp_format(key->expires_ms, stamp);
        printf("\tuntil %s", stamp);
    }
    printf("%s\t%.*s\n", key->revoked_ms != 0 ? "\trevoked" : "", STR_ARG(key->label));
    return 0;
}

static int key_list(struct command *c)
{
    struct mrc_err err = {0};
    return store_key_each(c->store, print_key, NULL, &err) < 0 ? cmd_fail(&err) : EXIT_DONE;
}

static int key_revoke(struct command *c)
{
    struct mrc_err err = {0};
    if (store_begin(c->store, &err) < 0) {
        return cmd_fail(&err);
    }
    if (store_key_revoke(c->store, str_of(c->name), c->now_ms, &err) < 0) {
        store_rollback(c->store);
        return cmd_fail(&err);
    }
    return settle(c, MRC_OK, "key revoke", str_of(c->name), STR(""));
}

/* ---- the commands ---------------------------------------------------------------------------------------------- */

struct action {
    const char *name;
    int (*run)(struct command *c);
    bool takes_name;
};
static const struct action client_actions[] = {{"add", client_add, true},
                                               {"list", client_list, false},
                                               {"disable", client_disable, true},
                                               {"enable", client_enable, true},
                                               {NULL, NULL, false}};
static const struct action key_actions[] = {
    {"add", key_add, true}, {"list", key_list, false}, {"revoke", key_revoke, true}, {NULL, NULL, false}};

static int with_store(struct command *c, int (*run)(struct command *c))
{
    struct settings config;
    struct mrc_err err = {0};
    if (config_load(&config, c->arguments.n_settings - 1, c->arguments.settings + 1, environ, &err) < 0) {
        (void)cmd_fail(&err);
        return EXIT_CONFIG;
    }
    c->now_ms = wall_ms();
    arena_init(&c->arena, 1 << 20);
    int code;
    if (store_open(&c->store, STORE_STATE, setting_cstr(&config, CONFIG_DATABASE), &err) < 0) {
        code = cmd_fail(&err);
    } else {
        code = run(c);
        store_close(c->store);
    }
    arena_release(&c->arena);
    settings_release(&config);
    return code != EXIT_DONE || fflush(stdout) == 0 ? code : EXIT_IO;
}

static int run_action(const struct action *actions, int argc, char **argv)
{
    struct command c = {.action = NULL};
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (read_arguments(&c, argc, argv)) {
        for (const struct action *a = actions; a->name != NULL; a++) {
            if (strcmp(c.action, a->name) == 0 && (c.name != NULL) == a->takes_name) {
                return with_store(&c, a->run);
            }
        }
    }
    fputs(usage, stderr);
    return EXIT_USAGE;
}

int cmd_client(int argc, char **argv)
{
    return run_action(client_actions, argc, argv);
}

int cmd_key(int argc, char **argv)
{
    return run_action(key_actions, argc, argv);
}

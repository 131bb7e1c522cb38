/* The OpenAPI document of the current version on standard output. */
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/forecast/bundle.h"
#include "fcgi/cmd.h"
#include "fcgi/openapi.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* The current version of the configured model. MRC_ENOTFOUND when there is none. */
static int open_current(struct bundle **out, const struct settings *config, struct arena *a, struct mrc_err *err)
{
    struct str version;
    const char *folder = path_join(a, setting_cstr(config, CONFIG_MODELS_DIR), setting_cstr(config, CONFIG_MODEL));
    if (folder == NULL) {
        return arena_fail(a, err);
    }
    MRC_TRY(bundle_current(folder, a, &version, err));
    const char *path = path_join(a, folder, version.p);
    return path == NULL ? arena_fail(a, err) : bundle_open_unchecked(out, path, err);
}

static int print(const struct settings *config)
{
    struct arena arena;
    struct bundle *bundle = NULL;
    struct mrc_err err = {0};
    struct buf text;
    struct json_out w;
    arena_init(&arena, 1 << 20);
    if (open_current(&bundle, config, &arena, &err) < 0) {
        fprintf(stderr, "mercredi-fcgi: no version, so a film is any object: %s\n", err.msg);
    }
    buf_init(&text, NULL, 16 << 20);
    json_out_init(&w, &text);
    w.pretty = true;
    openapi_write(&w, bundle, config);
    buf_char(&text, '\n');
    int code = EXIT_DONE;
    if (buf_ok(&text, &err) < 0 || fwrite(text.p, 1, text.n, stdout) != text.n || fflush(stdout) != 0) {
        fputs("mercredi-fcgi: the document cannot be written\n", stderr);
        code = EXIT_IO;
    }
    buf_release(&text);
    bundle_close(bundle);
    arena_release(&arena);
    return code;
}

int cmd_openapi(int argc, char **argv)
{
    struct settings config;
    struct mrc_err err = {0};
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        puts("usage: mercredi-fcgi openapi [settings]\nPrints the OpenAPI document of the current version.");
        return EXIT_DONE;
    }
    if (config_load(&config, argc - 1, argv + 1, environ, &err) < 0) {
        fprintf(stderr, "mercredi-fcgi: %s\n", err.msg);
        return EXIT_CONFIG;
    }
    int code = print(&config);
    settings_release(&config);
    return code;
}

/* The plumbing of the trainer's commands: options, help, errors, exit statuses, output files. */
#include "train/command.h"
#include "common/base/digest.h"
#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HELP_MAX = 1 << 20, FLUSH_BYTES = 256 * 1024, OUTPUT_TEXT_MAX = 1 << 30 };

int command_status(int rc)
{
    switch (rc) {
    case MRC_EINVAL:
        return EXIT_USAGE;
    case MRC_EFORMAT:
    case MRC_ELIMIT:
        return EXIT_DATA;
    case MRC_ENOTFOUND:
        return EXIT_NOINPUT;
    case MRC_EUNSUPPORTED:
    case MRC_EBUSY:
        return EXIT_CANNOT;
    case MRC_ENOMEM:
        return EXIT_MEMORY;
    case MRC_ECONFLICT:
    case MRC_EDENIED:
        return EXIT_CREATE;
    case MRC_EIO:
        return EXIT_IO;
    default:
        return rc >= 0 ? rc : EXIT_BUG;
    }
}

int command_where(struct mrc_err *e, const char *path)
{
    return err_place(e, path);
}

static int print_help(const struct command *c)
{
    struct buf b;
    buf_init(&b, NULL, HELP_MAX);
    buf_printf(&b, "usage: mercredi-train %s %s\n\n%s\n", c->name, c->usage, c->about);
    if (c->n_options > 0) {
        buf_puts(&b, "\noptions:\n");
        settings_help(c->options, c->n_options, &b);
    }
    struct mrc_err err = {0};
    int rc = buf_ok(&b, &err);
    if (rc == MRC_OK) {
        rc = file_write_fd(STDOUT_FILENO, buf_text(&b), &err);
    }
    buf_release(&b);
    if (rc < 0) {
        fprintf(stderr, "mercredi-train %s: %s\n", c->name, err.msg);
        return command_status(rc);
    }
    return EXIT_DONE;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--")) {
            return false;
        }
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            return true;
        }
    }
    return false;
}

int command_run(const struct command *c, int argc, char **argv)
{
    if (wants_help(argc, argv)) {
        return print_help(c);
    }
    struct mrc_err err = {0};
    struct settings s;
    int rc = settings_init(&s, c->options, c->n_options, &err);
    if (rc < 0) {
        fprintf(stderr, "mercredi-train %s: %s\n", c->name, err.msg);
        return command_status(rc);
    }
    bool usage = false;
    rc = settings_arguments(&s, argc - 1, argv + 1, &err);
    if (rc == MRC_OK) {
        rc = settings_check(&s, &err);
    }
    if (rc < 0) {
        usage = true;
    } else {
        rc = digest_start(&err);
        rc = rc < 0 ? rc : c->run(&s, &err);
    }
    if (rc < 0) {
        char text[sizeof(err.msg) + 64];
        err_format(&err, text, sizeof(text));
        fprintf(stderr, "mercredi-train %s: %s\n", c->name, text);
    }
    settings_release(&s);
    return usage ? EXIT_USAGE : command_status(rc);
}

/* Folder of the running program, without a slash at the end. */
static int program_folder(char *folder, size_t size, struct mrc_err *err)
{
    ssize_t n = readlink("/proc/self/exe", folder, size - 1);
    if (n <= 0) {
        return mrc_fail_errno(err, MRC_EIO, errno, "/proc/self/exe");
    }
    folder[n] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash) {
        *slash = '\0';
    }
    return MRC_OK;
}

int command_data_file(const char *name, struct arena *a, char **path, struct mrc_err *err)
{
    /* build/release/mercredi-train, bin/mercredi-train of an installation. */
    static const char *const places[] = {"../../data", "../share/mercredi/data", "../data"};
    char folder[PATH_MAX];
    MRC_TRY(program_folder(folder, sizeof(folder), err));
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char *dir = path_join(a, folder, places[i]);
        char *full = dir ? path_join(a, dir, name) : NULL;
        if (!full) {
            return arena_fail(a, err);
        }
        if (file_exists(full)) {
            *path = full;
            return MRC_OK;
        }
    }
    return mrc_fail(err, MRC_ENOTFOUND, "%s is neither in %s/../../data nor in %s/../share/mercredi/data", name, folder,
                    folder);
}

/* ---- output ---------------------------------------------------------------------------------------------------- */

/* What exists under this name and is no regular file (a pipe, /dev/stdout) is written to directly. */
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

int output_open(struct output *o, const char *path, struct mrc_err *err)
{
    *o = (struct output){.fd = -1};
    buf_init(&o->text, NULL, OUTPUT_TEXT_MAX);
    if (!strcmp(path, "-")) {
        o->fd = STDOUT_FILENO;
        return MRC_OK;
    }
    if (strlen(path) >= sizeof(o->path)) {
        return mrc_fail(err, MRC_EINVAL, "output path of %zu bytes, at most %zu", strlen(path), sizeof(o->path) - 1);
    }
    if (is_special(path)) {
        if (file_is_folder(path)) {
            return mrc_fail(err, MRC_EDENIED, "%s is a folder", path);
        }
        o->fd = open(path, O_WRONLY | O_CLOEXEC);
        return o->fd >= 0 ? MRC_OK : mrc_fail_errno(err, MRC_EDENIED, errno, "%s", path);
    }
    snprintf(o->path, sizeof(o->path), "%s", path);
    snprintf(o->temporary, sizeof(o->temporary), "%s.%ld.tmp", path, (long)getpid());
    o->fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (o->fd < 0) {
        int reason = errno;
        o->temporary[0] = '\0';
        return mrc_fail_errno(err, MRC_EDENIED, reason, "%s", path);
    }
    return MRC_OK;
}

static int output_write(struct output *o, struct mrc_err *err)
{
    MRC_TRY(buf_ok(&o->text, err));
    int rc = file_write_fd(o->fd, buf_text(&o->text), err);
    buf_reset(&o->text);
    return rc;
}

int output_flush(struct output *o, struct mrc_err *err)
{
    return o->text.n < FLUSH_BYTES && !o->text.failed ? MRC_OK : output_write(o, err);
}

int output_close(struct output *o, struct mrc_err *err)
{
    int rc = output_write(o, err);
    bool file = o->temporary[0] != '\0';
    if (rc == MRC_OK && file && fsync(o->fd) != 0) {
        rc = mrc_fail_errno(err, MRC_EIO, errno, "%s", o->path);
    }
    if (o->fd > STDERR_FILENO) {
        if (close(o->fd) != 0 && rc == MRC_OK) {
            rc = mrc_fail_errno(err, MRC_EIO, errno, "%s", o->path);
        }
    }
    o->fd = -1;
    if (rc == MRC_OK && file) {
        if (rename(o->temporary, o->path) != 0) {
            rc = mrc_fail_errno(err, MRC_EDENIED, errno, "%s", o->path);
        } else {
            o->temporary[0] = '\0';
        }
    }
    output_abandon(o);
    return rc;
}

void output_abandon(struct output *o)
{
    if (o->fd > STDERR_FILENO) {
        close(o->fd);
    }
    o->fd = -1;
    if (o->temporary[0]) {
        unlink(o->temporary);
        o->temporary[0] = '\0';
    }
    buf_release(&o->text);
}

int output_text(const char *path, struct str text, struct mrc_err *err)
{
    struct output o;
    int rc = output_open(&o, path, err);
    if (rc == MRC_OK) {
        buf_str(&o.text, text);
        return output_close(&o, err);
    }
    output_abandon(&o);
    return rc;
}

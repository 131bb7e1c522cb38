/* What every command of mercredi-train shares: its option table, --help, exit statuses, the one error line, output
 * files.
 *
 * A command is `int cmd_x(int argc, char **argv)`, argv[0] being its name, and one row of the table in main.c. It
 * describes itself in a struct command and ends with command_run(). */
#ifndef MRC_TRAIN_COMMAND_H
#define MRC_TRAIN_COMMAND_H

#include "common/base/settings.h"

/* Exit statuses: sysexits.h by number, so that scripts can tell a wrong flag from wrong data. */
enum exit_status {
    EXIT_DONE = 0,
    EXIT_USAGE = 64,   /* MRC_EINVAL: a flag or argument is wrong */
    EXIT_DATA = 65,    /* MRC_EFORMAT, MRC_ELIMIT: the input is wrong or too large */
    EXIT_NOINPUT = 66, /* MRC_ENOTFOUND */
    EXIT_CANNOT = 69,  /* MRC_EUNSUPPORTED, MRC_EBUSY */
    EXIT_BUG = 70,     /* MRC_EBUG */
    EXIT_MEMORY = 71,  /* MRC_ENOMEM */
    EXIT_CREATE = 73,  /* MRC_ECONFLICT, MRC_EDENIED: the output exists or cannot be made */
    EXIT_IO = 74       /* MRC_EIO */
};

struct command {
    const char *name;
    const char *usage; /* arguments and main flags, after the name */
    const char *about; /* paragraphs for --help, without trailing line end */
    const struct setting_spec *options;
    size_t n_options;
    /* The work. Negative: a status with *err filled. Zero or positive: the exit status. */
    int (*run)(const struct settings *s, struct mrc_err *err);
};

/* Read argv by the table (--help prints to stdout and ends with 0), run, print an error as one line on stderr. Returns
 * the exit status. */
int command_run(const struct command *c, int argc, char **argv);
/* Exit status of a negative mrc_status. */
int command_status(int rc);
/* "path:line:column: message": moves the position of an error into its text. Returns e's code. */
int command_where(struct mrc_err *e, const char *path);

/* A file that came with the program (data/schema.json, data/features.json, …): beside the build or installed, found
 * from the executable, never from the working directory. name is relative to data/. MRC_ENOTFOUND names the places
 * tried. */
int command_data_file(const char *name, struct arena *a, char **path, struct mrc_err *err) MRC_CHECKED;

/* ---- output ---------------------------------------------------------------------------------------------------- */

/* Text written in pieces to "-" (stdout) or a file. A regular file appears under its name only when output_close
 * succeeds; until then the text is in a temporary file beside it. */
struct output {
    struct buf text;                /* append here, then output_flush now and then */
    int fd;                         /* -1: not open */
    char path[512], temporary[544]; /* "" for stdout and for what is no regular file */
};
int output_open(struct output *o, const char *path, struct mrc_err *err) MRC_CHECKED;
/* Write what has gathered when it is more than 256 KiB. */
int output_flush(struct output *o, struct mrc_err *err) MRC_CHECKED;
int output_close(struct output *o, struct mrc_err *err) MRC_CHECKED;
/* Give up: nothing appears. Harmless after output_close. */
void output_abandon(struct output *o);
/* Whole text to "-" or a file in one go. */
int output_text(const char *path, struct str text, struct mrc_err *err) MRC_CHECKED;

/* ---- the commands, each in cmd_<name>.c -------------------------------------------------------------------------- */

int cmd_backtest(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_evaluate(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_features(int argc, char **argv);
int cmd_fit(int argc, char **argv);
int cmd_importance(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_leaves(int argc, char **argv);
int cmd_predict(int argc, char **argv);
int cmd_publish(int argc, char **argv);
int cmd_refresh(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_sample(int argc, char **argv);
int cmd_schema(int argc, char **argv);

#endif

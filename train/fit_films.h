/* fit --schema …: the film trainer, from a CSV of films to a calibrated, self-tested bundle. */
#ifndef MRC_TRAIN_FIT_FILMS_H
#define MRC_TRAIN_FIT_FILMS_H

#include "train/film_model.h"

/* The command; argv[0] is "fit". Returns the exit status. */
int fit_films(int argc, char **argv);

/* Recipe, schema and data as the commands share them. Zeroed before film_job_open; film_job_close always. */
struct film_job {
    struct arena arena;
    struct schema *schema;
    struct str schema_text;
    struct film_recipe recipe;
    struct film_data *data;
};
struct film_job_options {
    const char *schema, *features, *features_screens; /* files; NULL: those that came with the program */
    const char *params;                               /* params.json over the recipe's, or NULL */
    const char *data;
    struct film_data_options reading;
    uint64_t seed;
    int64_t threads;
    bool quiet; /* no progress line, even on a terminal */
};
int film_job_open(struct film_job *job, const struct film_job_options *options, struct mrc_err *err) MRC_CHECKED;
void film_job_close(struct film_job *job);

#endif

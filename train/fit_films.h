/* fit --schema …: the film trainer, from a CSV of films to a calibrated, self-tested bundle. */
#ifndef MRC_TRAIN_FIT_FILMS_H
#define MRC_TRAIN_FIT_FILMS_H

#include "train/film_filler.h"
#include "train/film_history.h"

/* The command; argv[0] is "fit". Returns the exit status. */
int fit_films(int argc, char **argv);

/* Recipe, schema and data as the commands share them. Zeroed before film_job_open; film_job_close always. */
struct film_job {
    struct arena arena;
    struct schema *schema;
    struct str schema_text, calendar_text;
    struct film_recipe recipe;
    struct film_data *data;
    unsigned needs; /* of both lists: enum features_need */
    struct history *history;
    struct calendar *calendar;
};
/* Lists of features that come with the program: what a film says of itself; the whole recipe, rivals too; what a bundle
 * with full histories can serve; what one with published histories can. */
enum film_list { LIST_PLAIN, LIST_PRIVATE, LIST_PUBLISHED, LIST_RECIPE };
#define FILM_KINDS "plain|private|published" /* what a bundle may be: names of the first three */
enum film_list film_kind(struct str name);
struct film_job_options {
    const char *schema, *features, *features_screens; /* files; NULL: those that came with the program */
    enum film_list list;                              /* which of them */
    const char *calendar;                             /* likewise; read when a list needs it */
    const char *params;                               /* params.json over the recipe's, or NULL */
    const char *data;
    struct film_data_options reading;
    bool fill;   /* estimate unknown budgets, which altered copies then keep */
    double mask; /* how likely each group of an altered copy is blanked; 0: films are learnt as they are only */
    uint64_t seed;
    int64_t threads;
    bool quiet; /* no progress line, even on a terminal */
};
int film_job_open(struct film_job *job, const struct film_job_options *options, struct mrc_err *err) MRC_CHECKED;
/* Histories of the first n films, for the lists that need them: into recipe.context, once. */
int film_job_learn(struct film_job *job, size_t n, struct mrc_err *err) MRC_CHECKED;
void film_job_close(struct film_job *job);

#endif

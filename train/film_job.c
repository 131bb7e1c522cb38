/* What fit and backtest have in common before the first tree: schema, feature lists, parameters, films, progress. */
#include "common/base/date.h"
#include "common/base/file.h"
#include "train/command.h"
#include "train/fit_films.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_MAX = 64 << 20 };

enum film_list film_kind(struct str name)
{
    return str_is(name, "private") ? LIST_PRIVATE : str_is(name, "published") ? LIST_PUBLISHED : LIST_PLAIN;
}

/* A file given, or the one that came with the program, into the job's arena. */
static int read_text(struct film_job *job, const char *given, const char *own, char **path, struct str *out,
                     struct mrc_err *err)
{
    if (given) {
        *path = arena_copy(&job->arena, given, str_of(given).n);
        if (!*path) {
            return arena_fail(&job->arena, err);
        }
    } else {
        MRC_TRY(command_data_file(own, &job->arena, path, err));
    }
    char *text;
    size_t n;
    MRC_TRY(file_read(*path, TEXT_MAX, &text, &n, err));
    bool copied = str_copy(&job->arena, (struct str){text, n}, out);
    free(text);
    return copied ? MRC_OK : arena_fail(&job->arena, err);
}

/* One line that is written over; at most ten times a second. */
static void show_progress(const char *what, const struct boost_step *step, void *arg)
{
    double *shown = arg;
    double now = step->seconds;
    bool last = step->iteration + 1 >= step->iterations;
    if (now >= *shown && now - *shown < 0.1 && !last) {
        return;
    }
    *shown = last ? 0 : now;
    fprintf(stderr, "\r\033[K%s: tree %u of %u", what, step->iteration + 1, step->iterations);
}

static int read_params(struct film_recipe *r, const struct film_job_options *o, struct mrc_err *err)
{
    for (int k = 0; k < FILM__SETTINGS; k++) {
        if (o->params) {
            MRC_TRY(params_read(&r->params[k], o->params, err));
        }
        if (r->params[k].loss.type != LOSS_RMSE) {
            return mrc_fail(err, MRC_EINVAL, "loss_function %s: the film recipe learns the mean of logs, RMSE",
                            loss_name(r->params[k].loss.type));
        }
        r->params[k].thread_count = o->threads;
    }
    return MRC_OK;
}

/* The lists are read here once for their mistakes; vocabularies come with the films. */
static int check_features(struct film_job *job, enum film_setting setting, const char *path, struct mrc_err *err)
{
    unsigned needs;
    if (features_needs_of(job->schema, job->recipe.features[setting], &needs, err) < 0) {
        return command_where(err, path);
    }
    job->needs |= needs;
    return MRC_OK;
}

/* What a bundle must not ask, told before hours of training. */
static int check_kind(const struct film_job *job, enum film_list list, struct mrc_err *err)
{
    if (list != LIST_RECIPE && job->needs & NEEDS_RIVALS) {
        return mrc_fail(err, MRC_EINVAL,
                        "a feature list asks for the week's other films: an answer must not depend on them");
    }
    if (list == LIST_PLAIN && job->needs & NEEDS_HISTORY) {
        return mrc_fail(err, MRC_EINVAL, "a feature list asks for past films: say --kind private or published");
    }
    if (list == LIST_PUBLISHED && job->needs & NEEDS_FULL_HISTORY) {
        return mrc_fail(err, MRC_EINVAL, "a feature list asks for more than a published bundle keeps of past films");
    }
    return MRC_OK;
}

static int read_calendar(struct film_job *job, const char *given, struct mrc_err *err)
{
    char *path;
    if (!(job->needs & NEEDS_CALENDAR)) {
        return MRC_OK;
    }
    MRC_TRY(read_text(job, given, "calendar.json", &path, &job->calendar_text, err));
    return calendar_read(&job->calendar, job->calendar_text, err) < 0 ? command_where(err, path) : MRC_OK;
}

int film_job_open(struct film_job *job, const struct film_job_options *o, struct mrc_err *err)
{
    *job = (struct film_job){0};
    arena_init(&job->arena, 0);
    char *path;
    MRC_TRY(read_text(job, o->schema, "schema.json", &path, &job->schema_text, err));
    if (schema_read(&job->schema, job->schema_text, err) < 0) {
        return command_where(err, path);
    }
    struct film_recipe *r = &job->recipe;
    MRC_TRY(film_recipe_init(r, job->schema, err));
    static const char *const own[][FILM__SETTINGS] = {
        [LIST_PLAIN] = {"features.json", "features_screens.json"},
        [LIST_RECIPE] = {"features_recipe.json", "features_recipe_screens.json"},
        [LIST_PRIVATE] = {"features_private.json", "features_private_screens.json"},
        [LIST_PUBLISHED] = {"features_published.json", "features_published_screens.json"},
    };
    const char *given[FILM__SETTINGS] = {o->features, o->features_screens};
    for (int k = 0; k < FILM__SETTINGS; k++) {
        MRC_TRY(read_text(job, given[k], own[o->list][k], &path, &r->features[k], err));
        MRC_TRY(check_features(job, (enum film_setting)k, path, err));
    }
    MRC_TRY(check_kind(job, o->list, err));
    MRC_TRY(read_calendar(job, o->calendar, err));
    r->context = (struct features_context){
        .calendar = job->calendar, .known_until = DATE_NONE, .as_published = o->list == LIST_PUBLISHED};
    if (job->needs & NEEDS_HISTORY) {
        r->stale_share = o->mask > 0 ? r->stale_share : 0;
    } else {
        r->stale_share = 0;
    }
    r->mask = o->mask;
    r->bare_share = o->mask > 0 ? r->bare_share : 0;
    r->fill = o->fill;
    r->spared = o->fill ? FILM_FILLER_FIELD : NULL;
    r->pool_rare = o->list != LIST_PRIVATE;
    MRC_TRY(read_params(r, o, err));
    r->seed = o->seed;
    if (!o->quiet && isatty(STDERR_FILENO)) {
        double *shown = ARENA_NEW(&job->arena, double);
        if (!shown) {
            return arena_fail(&job->arena, err);
        }
        r->progress = show_progress;
        r->progress_arg = shown;
    }
    return film_data_read(&job->data, job->schema, o->data, &o->reading, err);
}

int film_job_learn(struct film_job *job, size_t n, struct mrc_err *err)
{
    if (job->needs & NEEDS_HISTORY) {
        MRC_TRY(film_history_make(&job->history, job->schema, job->data->films, n, err));
        job->recipe.context.history = job->history;
    }
    return MRC_OK;
}

void film_job_close(struct film_job *job)
{
    if (job->recipe.progress) {
        fputs("\r\033[K", stderr);
    }
    film_data_free(job->data);
    history_free(job->history);
    calendar_free(job->calendar);
    schema_free(job->schema);
    arena_release(&job->arena);
    *job = (struct film_job){0};
}

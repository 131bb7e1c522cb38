/* Films as lessons, and one training from them: what models of the first week and fillers of fields have in common.
 *
 * Each film is a lesson as it is and a second one as an altered copy: optional fields blanked, because an empty cell is
 * a sign of a small film in any past file and of nothing in a manager's form; and sometimes histories that ended years
 * before, so that the model learns what their age means. */
#ifndef MRC_TRAIN_FILM_TABLE_H
#define MRC_TRAIN_FILM_TABLE_H

#include "train/film_model.h"

/* Optional raw fields that callers leave out or never knew; a currency goes with its budget. */
struct film_optional {
    const char *field;
    bool often; /* unknown: blanked from a bare copy too */
};
enum { FILM_OPTIONALS = 9 };
extern const struct film_optional film_optionals[FILM_OPTIONALS];

/* A row in a whose values can be changed, and a field's value taken from it; a required field stays. */
int film_row_copy(const struct row *row, struct arena *a, struct row *out, struct mrc_err *err) MRC_CHECKED;
void film_row_blank(struct row *copy, const char *field);

struct film_table {
    const struct film_recipe *recipe;
    const struct film *const *films; /* [n] those that teach, in time order */
    size_t n;
    const struct row *own; /* [n] as they are: where vocabularies are learnt */
    /* Of each film, in turn, `per` lessons, the first as it is. */
    size_t per;
    const struct film **lessons;       /* [per * n] */
    struct row *rows;                  /* [per * n] */
    struct features_context *contexts; /* [per * n] */
};

/* keep: which films teach. blanked: whether altered copies lack the field called `spared` too (NULL: all). */
typedef bool (*film_keep)(const struct film *f, const struct film_recipe *r, void *arg);
int film_table_make(struct film_table *t, const struct film_recipe *r, const struct film *films, size_t n,
                    film_keep keep, void *arg, struct arena *a, struct mrc_err *err) MRC_CHECKED;

/* What is learnt: target of a film. */
typedef double (*film_target_of)(const struct film *f, const struct film_recipe *r, void *arg);

struct film_fit {
    struct str features; /* list, vocabularies not yet learnt */
    const struct params *params;
    film_target_of target;
    void *arg;
    bool pool_rare; /* learn no statistic of a category of very few films */
    const char *what;
};
struct fitted {
    struct features *features;
    struct buf text; /* its complete list */
    mrc_model *model;
    double *learn_loss; /* [n_trees] root mean square error after each tree */
    size_t n_trees;
};
void fitted_release(struct fitted *f); /* a zeroed struct is fine */
/* Learn from the first n films of t. */
int film_fit(struct fitted *out, const struct film_table *t, size_t n, const struct film_fit *how,
             struct mrc_err *err) MRC_CHECKED;
/* The columns of films [begin, end)'s lessons as a data set without target; targets and weights are set by the caller.
 */
int film_lessons(struct dataset **out, const struct film_table *t, size_t begin, size_t end,
                 const struct features *features, bool pool_rare, struct mrc_err *err) MRC_CHECKED;
/* Raw scores of a model of such columns and, behind them, of points (NULL: none) for the lessons of films [begin, end):
 * points, scores [per * (end - begin)]. */
int film_score_lessons(const struct film_table *t, size_t begin, size_t end, const struct features *features,
                       const double *points, const mrc_model *model, double *scores, struct mrc_err *err) MRC_CHECKED;
/* Weight of a film among films up to `newest`: it halves with the years. */
double film_weight(const struct film *f, const struct film *newest, const struct film_recipe *r);

#endif

/* One trained model of a film's first week: the recipe from films to trees, error scale and interval offsets.
 *
 * Setting N (weeks ahead) learns log10 of the entries, setting S (screens known) log10 of entries per screen. Blocks of
 * later films are scored by models of the films before; from those errors a small model learns how far off such films
 * are (their scale), and the newest errors, in units of their scale and without their median, give the offsets. The
 * model that is kept learns from all films. Depends on films, recipe and seed only. */
#ifndef MRC_TRAIN_FILM_MODEL_H
#define MRC_TRAIN_FILM_MODEL_H

#include "common/forecast/calibrate.h"
#include "common/forecast/film_data.h"
#include "common/forecast/forecast.h"
#include "train/boost.h"

enum film_setting { FILM_AHEAD, FILM_SCREENS, FILM__SETTINGS };
extern const char *const film_setting_letters[FILM__SETTINGS]; /* "N", "S" */

struct film_recipe {
    const struct schema *schema;
    struct str features[FILM__SETTINGS]; /* feature lists, vocabularies not yet learnt */
    struct params params[FILM__SETTINGS];
    struct params scale_params[FILM__SETTINGS];
    double mask;                     /* how likely each group of an altered copy is blanked */
    double bare_share;               /* part of the altered copies with all often unknown groups blanked at once */
    double altered_weight;           /* of an altered copy beside the film as it is */
    double half_life;                /* years after which a film counts half */
    struct features_context context; /* tables the lists draw on; set by the caller */
    double stale_share;              /* part of the altered copies with histories of years before */
    bool pool_rare;                  /* learn no statistic of a category of very few films */
    bool describe;                   /* make references */
    bool points;                     /* no errors, scale and offsets: a tenth of the time, and no intervals */
    bool fill;                       /* estimate unknown budgets */
    const char *spared;              /* field never blanked, because it is filled; NULL: none */
    uint64_t seed;
    void (*progress)(const char *what, const struct boost_step *step, void *arg); /* may be NULL */
    void *progress_arg;
};
/* The recipe as measured on the real data; the texts are set by the caller. */
int film_recipe_init(struct film_recipe *r, const struct schema *schema, struct mrc_err *err) MRC_CHECKED;

struct film_model {
    enum film_setting setting;
    struct features *features;
    struct str features_text; /* complete features.json */
    mrc_model *model, *scale;
    struct str similar;   /* tables/similar.json of setting N, likewise */
    struct str report;    /* JSON object of film_report.h, likewise */
    struct str reference; /* JSON object of film_reference.h; "" when not asked for */
    struct scores scores; /* of the newest films, by models that had not seen them, in units of their scale: settled */
    double offsets[CALIBRATE_LEVELS];
    size_t n_films; /* learnt from */
    size_t n_trees;
    double *learn_loss; /* [n_trees] */
    int32_t newest;     /* latest release learnt from */
    /* Out-of-time judgement while calibrating: films that the scored models had not seen. */
    size_t n_residuals;
    double r2_log;    /* of log10 of the first week */
    double r2_target; /* of what the model learns: the same, or that per screen */
    double rmse_log, bias_log;
    double cover80, cover90; /* of the last block, with offsets from the one before */
    struct arena arena;      /* owns the texts, and a bundle_model's arrays */
};

enum { FILM_MODEL_FILMS_MIN = 100 };

/* Can this film teach or judge this setting? */
bool film_usable(const struct film *f, const struct schema *s, enum film_setting setting);

/* films: n in time order, usable or not; filler: of the same films. MRC_EFORMAT when fewer than FILM_MODEL_FILMS_MIN
 * are usable. */
struct film_filler;
int film_model_fit(struct film_model *out, const struct film_recipe *r, enum film_setting setting,
                   const struct film_filler *filler, const struct film *films, size_t n,
                   struct mrc_err *err) MRC_CHECKED;
/* log10 of what the setting is about: entries, or entries per screen. */
double film_target(const struct film *f, const struct schema *s, enum film_setting setting);
void film_model_release(struct film_model *m); /* a zeroed struct is fine */

/* A bundle in memory of one or both models (NULL = without), in order of preference, so that training judges with the
 * very code that serves. Borrows everything; needs no closing. models: room for FILM__SETTINGS. */
int film_bundle(struct bundle *b, struct bundle_model *models, const struct schema *schema, struct film_filler *filler,
                struct film_model *screens, struct film_model *ahead, struct mrc_err *err) MRC_CHECKED;

#endif

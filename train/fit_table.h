/* The two forms of `mercredi-train fit`; both return an exit status. */
#ifndef MRC_TRAIN_FIT_TABLE_H
#define MRC_TRAIN_FIT_TABLE_H

/* fit --data CSV (--columns F | --cd F) --params F --model-out F: any table. */
int fit_table(int argc, char **argv);
/* fit --schema F --data FILMS.csv --out BUNDLE: films. */
int fit_films(int argc, char **argv);

#endif

/* `mercredi-train fit` for any table. */
#ifndef MRC_TRAIN_FIT_TABLE_H
#define MRC_TRAIN_FIT_TABLE_H

/* fit --data CSV (--columns F | --cd F) --params F --model-out F; returns the exit status. */
int fit_table(int argc, char **argv);

#endif

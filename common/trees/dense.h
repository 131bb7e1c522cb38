/* CTR tables without hashing: categories become small numbers, and a table an array indexed by them.
 *
 * A model file holds hashes of projections only. The mix is invertible, so a key of a table of one category gives the
 * category's hash back (undo the tests, both ways each, then the category's own step: a value is a category hash
 * exactly when it is a sign-extended 32-bit number). The hashes found make a dictionary per feature; every combination
 * of known values and tests is then hashed once, when the model is opened. A table is replaced only when that reached
 * every key, so answers cannot differ; the others go on hashing. */
#ifndef MRC_TREES_DENSE_H
#define MRC_TREES_DENSE_H

#include "common/trees/evaluate.h"

/* Replace the tables of m->evaluator where it pays. Without memory they simply stay as they are. */
void dense_prepare(mrc_model *m);

/* Numbers of a block's categories, for the slots that have a dictionary: b->ids from b->hashes. */
void number_categories(const struct evaluator *ev, struct block *b);

#endif

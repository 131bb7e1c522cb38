/* Folding of names: the one normalisation of the project, so that "Étienne  CHATILIEZ" and "etienne chatiliez" meet.
 *
 * NFKD, combining marks dropped, lower case, œ→oe, æ→ae, every run outside [a-z0-9] one blank, trimmed. Pure functions,
 * thread-safe. A byte that is no UTF-8 counts as a character outside [a-z0-9]. */
#ifndef MRC_FORECAST_FOLD_H
#define MRC_FORECAST_FOLD_H

#include "common/base/text.h"

/* Folded text in the arena, NUL-terminated. False without memory (arena_fail says which). */
bool text_fold(struct arena *a, struct str s, struct str *out);

/* The same into cap bytes (no NUL). Returns the length, or SIZE_MAX when it does not fit. */
size_t text_fold_into(char *out, size_t cap, struct str s);

/* True when both fold to the same text, of any length; two texts that fold to nothing are equal only byte for byte. */
bool text_fold_equal(struct str a, struct str b);

#endif

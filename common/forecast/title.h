/* Franchise keys: what the titles of two films of one series have in common.
 *
 * The head of a title without its subtitle, number and sequel word ("h:mission impossible"), and its first two words
 * that are no article ("t:harry potter"). Pure, thread-safe. */
#ifndef MRC_FORECAST_TITLE_H
#define MRC_FORECAST_TITLE_H

#include "common/base/text.h"

enum { TITLE_KEYS_MAX = 2 };

/* Keys of a title in the arena, the most precise first; *n becomes 0 to TITLE_KEYS_MAX. prefix is put before each key,
 * so that original titles have a space of their own. False without memory. */
bool title_keys(struct str title, const char *prefix, struct arena *a, struct str keys[TITLE_KEYS_MAX], uint32_t *n);

#endif

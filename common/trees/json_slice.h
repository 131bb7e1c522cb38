/* Pieces of JSON text as they stand in the file, for values that must not pass through doubles.
 * Only for text that json_read has accepted: nothing is validated here. */
#ifndef MRC_TREES_JSON_SLICE_H
#define MRC_TREES_JSON_SLICE_H

#include "common/base/text.h"

/* Text of the value of a member of an object; empty when absent. The key is compared without decoding escapes. */
struct str json_slice_member(struct str object, const char *key);

/* Values of an object's members one after the other, in the order of the text. */
struct json_slices {
    struct str rest;
};
struct json_slices json_slices_of(struct str object);
struct str json_slices_next(struct json_slices *s); /* empty at the end */

/* A copy without blanks outside strings; NUL-terminated. false: arena_fail. */
bool json_slice_compact(struct arena *a, struct str value, struct str *out);

#endif

/* Rows of fold_table.c, which fold_table.py writes from Unicode data: what code points from U+0080 on fold to. */
#ifndef MRC_FORECAST_FOLD_TABLE_H
#define MRC_FORECAST_FOLD_TABLE_H

#include <stdint.h>

/* Code points first … first + count - 1, ascending and apart. text: letters, digits and blanks, "" for a combining mark;
 * step 1: the i-th code point of the run has text[0] + i. A code point in no run folds to one blank. */
struct fold_run {
    uint32_t first;
    uint16_t count;
    uint8_t step;
    char text[7];
};
extern const struct fold_run fold_runs[];
extern const unsigned fold_runs_count;

#endif

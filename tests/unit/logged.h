/* A row of the prediction log for tests of what reads it. */
#ifndef MRC_TESTS_LOGGED_H
#define MRC_TESTS_LOGGED_H

#include "tests/unit/check_main.h"

#include "common/base/digest.h"
#include "fcgi/store_access.h"

/* A prediction made at that moment, with an interval of admissions divided and multiplied by spread. Its id, good until
 * the next call. */
static const char *logged(struct store *log, int64_t ms, const char *version, const char *row, double admissions,
                          double spread)
{
    static char id[UUID_TEXT];
    struct mrc_err err = {0};
    uuid7(ms, id);
    const struct prediction p = {.id = str_of(id),
                                 .time_ms = ms,
                                 .user_id = STR("u-1"),
                                 .request_id = STR("r"),
                                 .trace_id = STR(""),
                                 .model_name = STR("first-week"),
                                 .model_version = str_of(version),
                                 .row_json = str_of(row),
                                 .score = 1,
                                 .admissions = admissions,
                                 .low80 = admissions / spread,
                                 .high80 = admissions * spread,
                                 .quantiles_json = STR("{}"),
                                 .latency_us = 2000};
    ck_assert_ok(store_predictions_add(log, &p, 1, &err), &err);
    return id;
}

#endif

/* Tables that several feature lists of a bundle share: calendar and histories. */
#include "common/forecast/bundle_files.h"

int bundle_read_tables(struct bundle *b, features_table table, void *arg, struct mrc_err *err)
{
    struct str calendar = table("calendar", arg), history = table("history", arg);
    int rc = calendar.p ? calendar_read(&b->calendar, calendar, err) : MRC_OK;
    if (rc < 0) {
        return err ? err_wrap(err, "tables/calendar.json") : rc;
    }
    rc = history.p ? history_read(&b->history, history, err) : MRC_OK;
    return rc < 0 && err ? err_wrap(err, "tables/history.json") : rc;
}

void bundle_free_tables(struct bundle *b)
{
    calendar_free(b->calendar);
    history_free(b->history);
    b->calendar = NULL;
    b->history = NULL;
}

int bundle_bind(const struct bundle *b, struct features *f, struct mrc_err *err)
{
    if (features_needs(f) & NEEDS_RIVALS) {
        return mrc_fail(err, MRC_EFORMAT,
                        "the list asks for the week's other films: an answer must not depend on them");
    }
    struct features_context context = {.history = b->history, .calendar = b->calendar, .known_until = DATE_NONE};
    return features_bind(f, &context, err);
}

/* Fuzz the tables of a bundle: calendars and histories. What is read answers every question, and a history is written
 * to a text that reads back to itself. */
#include "common/base/date.h"
#include "common/forecast/calendar.h"
#include "common/forecast/past.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void ask_calendar(const struct calendar *c)
{
    static const int32_t days[] = {-800000, -1, 0, 18262, 20454, 2000000};
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        for (unsigned zones = 1; zones < 256; zones *= 3) {
            double share = calendar_school(c, zones, days[i], 7);
            check(isnan(share) || (share >= 0 && share <= 1));
        }
        calendar_period(c, STR("covid"), days[i]);
        double sum = calendar_months_sum(c, STR("m"), days[i], days[i], 12);
        check(isnan(sum) || sum >= 0);
        calendar_months_change(c, STR("m"), days[i], days[i], 3);
    }
    calendar_school_end(c);
}

/* Every statistic of a film with all keys, on a few days. */
static void ask_history(const struct history *h, struct arena *a)
{
    static const char *const names[] = {"mean",           "weight",  "count",        "best_mean",  "mean_of_3",
                                        "first_mean",     "best",    "best_5_years", "last",       "last_over_level",
                                        "years_since",    "screens", "screens_over", "per_screen", "median",
                                        "high",           "spread",  "recent",       "level",      "sum_year",
                                        "change_8_weeks", "season",  "age"};
    struct film_keys keys = {.date = 0,
                             .screens = 10,
                             .genre = STR("drame"),
                             .country = STR("fr"),
                             .group = "fr",
                             .has_distributor = true,
                             .distributor = STR("d"),
                             .directors = {STR_INIT("a")},
                             .actors = {STR_INIT("a"), STR_INIT("b")},
                             .n_directors = 1,
                             .n_actors = 2,
                             .titles = {STR_INIT("h:t")},
                             .n_titles = 1,
                             .n_own_titles = 1};
    for (int32_t day = 15000; day < 21000; day += 1999) {
        struct past p;
        keys.date = day;
        past_open(&p, h, &keys, day, DATE_NONE, false, a);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            const struct past_stat *stat = past_stat_find(str_of(names[i]));
            check(stat != NULL);
            for (int kind = 0; kind < ENTITY__COUNT; kind++) {
                if (stat->kinds & 1U << kind && (stat->published || !history_is_published(h))) {
                    stat->ask(&p, (enum entity)kind);
                }
            }
        }
        check(!p.failed);
    }
}

static void write_again(const struct history *h, struct arena *a)
{
    struct buf first, second;
    struct history *back;
    buf_init(&first, a, 0);
    buf_init(&second, a, 0);
    check(history_write(h, &first, NULL) == MRC_OK);
    check(history_read(&back, buf_text(&first), NULL) == MRC_OK);
    check(history_write(back, &second, NULL) == MRC_OK);
    check(str_eq(buf_text(&first), buf_text(&second)));
    history_free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct calendar *c;
    struct history *h;
    struct arena a;
    arena_init(&a, 0);
    if (calendar_read(&c, text, NULL) == MRC_OK) {
        ask_calendar(c);
        calendar_free(c);
    }
    if (history_read(&h, text, NULL) == MRC_OK) {
        ask_history(h, &a);
        write_again(h, &a);
        history_free(h);
    }
    arena_release(&a);
    return 0;
}

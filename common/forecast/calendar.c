/* Calendar tables (calendar.h): days as bytes, periods and months as sorted lists. */
#include "common/forecast/calendar.h"

#include "common/base/date.h"
#include "common/base/json.h"

#include <math.h>
#include <stdlib.h>

enum {
    ZONES_MAX = 8,
    DAYS_MAX = 200 * 366, /* of school holidays */
    TABLES_MAX = 32,
    ENTRIES_MAX = 10000,
    STALE_MONTHS = 4 /* monthly figures older than this say nothing about the present */
};

struct span {
    int32_t from, to;
    double value;
};
struct period_table {
    struct str name;
    int32_t from, to; /* INT32_MAX: it still holds */
    const struct span *spans;
    uint32_t n;
};

struct month_value {
    int32_t month; /* year * 12 + month - 1 */
    int32_t published;
    double value;
};
struct month_table {
    struct str name;
    const struct month_value *values; /* ascending */
    uint32_t n;
};

struct calendar {
    struct arena arena;
    unsigned zones;   /* those that are known */
    int32_t from, to; /* of school holidays; from > to: no table */
    uint8_t *school;  /* [to - from + 1], a bit a zone */
    const struct period_table *periods;
    uint32_t n_periods;
    const struct month_table *months;
    uint32_t n_months;
};

/* ---- reading --------------------------------------------------------------------------------------------------- */

static int read_date(const struct json *v, int32_t *out, struct mrc_err *err)
{
    struct str text;
    *out = json_str(v, &text) ? date_parse(text, NULL) : DATE_NONE;
    return *out != DATE_NONE ? MRC_OK : mrc_fail(err, MRC_EFORMAT, "a date like \"2026-12-31\" is missing");
}

/* [from, to, value?] with from <= to. */
static int read_span(const struct json *item, bool valued, struct span *out, struct mrc_err *err)
{
    if (json_type(item) != JSON_ARRAY || json_count(item) != (valued ? 3 : 2)) {
        return mrc_fail(err, MRC_EFORMAT, "a period is [first day, last day%s]", valued ? ", value" : "");
    }
    MRC_TRY(read_date(json_at(item, 0), &out->from, err));
    MRC_TRY(read_date(json_at(item, 1), &out->to, err));
    if (out->from > out->to) {
        return mrc_fail(err, MRC_EFORMAT, "a period ends before it begins");
    }
    return !valued || json_double(json_at(item, 2), &out->value)
               ? MRC_OK
               : mrc_fail(err, MRC_EFORMAT, "the value of a period is no number");
}

static int read_zone(struct calendar *c, const struct json *list, struct mrc_err *err)
{
    unsigned zone = calendar_zones(json_key(list));
    if (json_key(list).n != 1 || zone == 0) {
        return mrc_fail(err, MRC_EFORMAT, "zone \"%.*s\" is not one of A to H", STR_ARG(json_key(list)));
    }
    if (json_type(list) != JSON_ARRAY) {
        return mrc_fail(err, MRC_EFORMAT, "zone %.*s is not a list of periods", STR_ARG(json_key(list)));
    }
    c->zones |= zone;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        struct span s;
        MRC_TRY(read_span(item, false, &s, err));
        if (s.from < c->from || s.to > c->to) {
            return mrc_fail(err, MRC_EFORMAT, "holidays of zone %.*s leave the days the table holds for",
                            STR_ARG(json_key(list)));
        }
        for (int32_t day = s.from; day <= s.to; day++) {
            c->school[day - c->from] |= (uint8_t)zone;
        }
    }
    return MRC_OK;
}

static int read_school(struct calendar *c, const struct json *table, struct mrc_err *err)
{
    const struct json *zones;
    MRC_TRY(read_date(json_find(table, "from"), &c->from, err));
    MRC_TRY(read_date(json_find(table, "to"), &c->to, err));
    if (c->from > c->to || c->to - c->from >= DAYS_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "\"from\" to \"to\" is not 1 to %d days", DAYS_MAX);
    }
    c->school = ARENA_ARRAY(&c->arena, (size_t)(c->to - c->from) + 1, uint8_t);
    if (!c->school) {
        return arena_fail(&c->arena, err);
    }
    MRC_TRY(json_get(table, "zones", JSON_OBJECT, &zones, err));
    for (const struct json *zone = json_first(zones); zone; zone = json_next(zone)) {
        MRC_TRY(read_zone(c, zone, err));
    }
    return MRC_OK;
}

static int read_period(struct calendar *c, const struct json *table, struct period_table *p, struct mrc_err *err)
{
    const struct json *spans, *to = json_find(table, "to");
    MRC_TRY(read_date(json_find(table, "from"), &p->from, err));
    p->to = INT32_MAX;
    if (to && json_type(to) != JSON_NULL) {
        MRC_TRY(read_date(to, &p->to, err));
    }
    MRC_TRY(json_get(table, "spans", JSON_ARRAY, &spans, err));
    size_t n = json_count(spans);
    struct span *list = n <= ENTRIES_MAX ? ARENA_ARRAY(&c->arena, n, struct span) : NULL;
    if (!list) {
        return n > ENTRIES_MAX ? mrc_fail(err, MRC_ELIMIT, "%zu periods, at most %d", n, ENTRIES_MAX)
                               : arena_fail(&c->arena, err);
    }
    for (const struct json *item = json_first(spans); item; item = json_next(item), p->n++) {
        MRC_TRY(read_span(item, true, &list[p->n], err));
        if (p->n > 0 && list[p->n].from <= list[p->n - 1].to) {
            return mrc_fail(err, MRC_EFORMAT, "periods must ascend and not meet");
        }
    }
    p->spans = list;
    return MRC_OK;
}

/* ["2026-03", 14.2, "2026-04-03"] */
static int read_month(const struct json *item, struct month_value *m, struct mrc_err *err)
{
    struct str text;
    char day[DATE_TEXT];
    if (json_type(item) != JSON_ARRAY || json_count(item) != 3 || !json_str(json_at(item, 0), &text) || text.n != 7) {
        return mrc_fail(err, MRC_EFORMAT, "a month is [\"2026-03\", value, day of publication]");
    }
    for (size_t i = 0; i < 7; i++) {
        day[i] = text.p[i];
    }
    day[7] = '-';
    day[8] = '0';
    day[9] = '1';
    struct civil first = date_to_civil(date_parse((struct str){day, 10}, NULL));
    m->month = first.year * 12 + first.month - 1;
    if (first.year == 0 || !json_double(json_at(item, 1), &m->value) || !(m->value >= 0)) {
        return mrc_fail(err, MRC_EFORMAT, "month \"%.*s\" is none, or has no value", STR_ARG(text));
    }
    return read_date(json_at(item, 2), &m->published, err);
}

static int read_month_table(struct calendar *c, const struct json *list, struct month_table *t, struct mrc_err *err)
{
    size_t n = json_count(list);
    if (json_type(list) != JSON_ARRAY || n > ENTRIES_MAX) {
        return mrc_fail(err, MRC_EFORMAT, "must be a list of at most %d months", ENTRIES_MAX);
    }
    struct month_value *values = ARENA_ARRAY(&c->arena, n, struct month_value);
    if (!values) {
        return arena_fail(&c->arena, err);
    }
    for (const struct json *item = json_first(list); item; item = json_next(item), t->n++) {
        MRC_TRY(read_month(item, &values[t->n], err));
        if (t->n > 0 && values[t->n].month <= values[t->n - 1].month) {
            return mrc_fail(err, MRC_EFORMAT, "months must ascend");
        }
    }
    t->values = values;
    return MRC_OK;
}

/* "periods" and "months": objects of named tables. NULL when absent. */
static int open_tables(const struct json *root, const char *key, const struct json **out, size_t *n,
                       struct mrc_err *err)
{
    *n = 0;
    *out = NULL;
    if (!json_find(root, key)) {
        return MRC_OK;
    }
    MRC_TRY(json_get(root, key, JSON_OBJECT, out, err));
    *n = json_count(*out);
    return *n <= TABLES_MAX ? MRC_OK : mrc_fail(err, MRC_ELIMIT, "\"%s\": more than %d tables", key, TABLES_MAX);
}

static int read_named(struct calendar *c, const struct json *root, struct mrc_err *err)
{
    const struct json *tables;
    size_t n;
    MRC_TRY(open_tables(root, "periods", &tables, &n, err));
    struct period_table *periods = ARENA_ARRAY(&c->arena, n, struct period_table);
    for (const struct json *t = json_first(tables); periods && t; t = json_next(t)) {
        struct period_table *p = &periods[c->n_periods++];
        int rc = read_period(c, t, p, err);
        if (rc < 0) {
            return err ? err_wrap(err, "period \"%.*s\"", STR_ARG(json_key(t))) : rc;
        }
        if (!str_copy(&c->arena, json_key(t), &p->name)) {
            return arena_fail(&c->arena, err);
        }
    }
    MRC_TRY(open_tables(root, "months", &tables, &n, err));
    struct month_table *months = ARENA_ARRAY(&c->arena, n, struct month_table);
    for (const struct json *t = json_first(tables); months && t; t = json_next(t)) {
        struct month_table *m = &months[c->n_months++];
        int rc = read_month_table(c, t, m, err);
        if (rc < 0) {
            return err ? err_wrap(err, "months \"%.*s\"", STR_ARG(json_key(t))) : rc;
        }
        if (!str_copy(&c->arena, json_key(t), &m->name)) {
            return arena_fail(&c->arena, err);
        }
    }
    c->periods = periods;
    c->months = months;
    return periods && months ? MRC_OK : arena_fail(&c->arena, err);
}

static int read_root(struct calendar *c, const struct json *root, struct mrc_err *err)
{
    int64_t format;
    MRC_TRY(json_get_i64(root, "format", 1, 1, &format, err));
    c->from = 0;
    c->to = -1;
    for (const struct json *m = json_first(root); m; m = json_next(m)) {
        struct str key = json_key(m);
        if (!str_is(key, "format") && !str_is(key, "school_holidays") && !str_is(key, "periods") &&
            !str_is(key, "months")) {
            return mrc_fail(err, MRC_EFORMAT, "a calendar has no \"%.*s\"", STR_ARG(key));
        }
    }
    const struct json *school = json_find(root, "school_holidays");
    if (school) {
        int rc = read_school(c, school, err);
        if (rc < 0) {
            return err ? err_wrap(err, "school holidays") : rc;
        }
    }
    return read_named(c, root, err);
}

int calendar_read(struct calendar **out, struct str json, struct mrc_err *err)
{
    struct json_doc *doc;
    MRC_TRY(json_read(&doc, json, &json_limits_file, NULL, err));
    struct calendar *c = calloc(1, sizeof *c);
    int rc = c ? MRC_OK : mrc_fail(err, MRC_ENOMEM, "no memory for a calendar");
    if (c) {
        arena_init(&c->arena, 0);
        rc = read_root(c, json_root(doc), err);
    }
    json_free(doc);
    if (rc < 0) {
        calendar_free(c);
        return rc;
    }
    *out = c;
    return MRC_OK;
}

void calendar_free(struct calendar *c)
{
    if (c) {
        arena_release(&c->arena);
        free(c);
    }
}

/* ---- days ------------------------------------------------------------------------------------------------------ */

unsigned calendar_zones(struct str letters)
{
    unsigned zones = 0;
    for (size_t i = 0; i < letters.n; i++) {
        unsigned k = (unsigned)(letters.p[i] - 'A');
        if (letters.p[i] < 'A' || k >= ZONES_MAX || zones & 1U << k) {
            return 0;
        }
        zones |= 1U << k;
    }
    return zones;
}

static unsigned bits(unsigned v)
{
    unsigned n = 0;
    for (; v; v &= v - 1) {
        n++;
    }
    return n;
}

double calendar_school(const struct calendar *c, unsigned zones, int32_t first, int32_t days)
{
    bool inside = (int64_t)first >= c->from && (int64_t)first + days - 1 <= c->to;
    if (!inside || days <= 0 || zones == 0 || (zones & c->zones) != zones) {
        return NAN;
    }
    unsigned n = 0;
    for (int32_t i = 0; i < days; i++) {
        n += bits(c->school[first - c->from + i] & zones);
    }
    return n / ((double)bits(zones) * days);
}

int32_t calendar_school_end(const struct calendar *c)
{
    return c->from <= c->to ? c->to : DATE_NONE;
}

static bool is_public_holiday(int32_t day)
{
    static const struct {
        int month, day;
    } fixed[] = {{1, 1}, {5, 1}, {5, 8}, {7, 14}, {8, 15}, {11, 1}, {11, 11}, {12, 25}};
    struct civil d = date_to_civil(day);
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (d.month == fixed[i].month && d.day == fixed[i].day) {
            return true;
        }
    }
    int32_t easter = date_easter(d.year); /* Easter Monday, Ascension, Whit Monday */
    return day == easter + 1 || day == easter + 39 || day == easter + 50;
}

double calendar_public(int32_t first, int32_t days)
{
    double n = 0;
    for (int32_t i = 0; i < days; i++) {
        n += is_public_holiday(first + i);
    }
    return n;
}

double calendar_period(const struct calendar *c, struct str name, int32_t day)
{
    for (uint32_t i = 0; i < c->n_periods; i++) {
        const struct period_table *p = &c->periods[i];
        if (!str_eq(p->name, name)) {
            continue;
        }
        if (day < p->from || day > p->to) {
            return NAN;
        }
        for (uint32_t k = 0; k < p->n; k++) {
            if (day >= p->spans[k].from && day <= p->spans[k].to) {
                return p->spans[k].value;
            }
        }
        return 0;
    }
    return NAN;
}

/* ---- months ---------------------------------------------------------------------------------------------------- */

static const struct month_value *find_month(const struct month_table *t, int32_t month)
{
    uint32_t low = 0, high = t->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (t->values[mid].month < month) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < t->n && t->values[low].month == month ? &t->values[low] : NULL;
}

/* The newest month of the table that was published by asof and is not too old on day; NULL: none. */
static const struct month_table *newest_month(const struct calendar *c, struct str name, int32_t day, int32_t asof,
                                              int32_t *month)
{
    struct civil d = date_to_civil(day);
    for (uint32_t i = 0; i < c->n_months; i++) {
        const struct month_table *t = &c->months[i];
        for (uint32_t k = str_eq(t->name, name) ? t->n : 0; k-- > 0;) {
            if (t->values[k].published <= asof) {
                *month = t->values[k].month;
                return d.year * 12 + d.month - 1 - *month <= STALE_MONTHS ? t : NULL;
            }
        }
    }
    return NULL;
}

/* Sum of n months back from `month`; how many of them are known. */
static double sum_months(const struct month_table *t, int32_t month, uint32_t n, uint32_t *known)
{
    double sum = 0;
    *known = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct month_value *m = find_month(t, month - (int32_t)i);
        if (m) {
            sum += m->value;
            *known += 1;
        }
    }
    return sum;
}

double calendar_months_change(const struct calendar *c, struct str name, int32_t day, int32_t asof, uint32_t months)
{
    int32_t month;
    uint32_t n_new, n_old;
    const struct month_table *t = newest_month(c, name, day, asof, &month);
    if (!t) {
        return NAN;
    }
    double now = sum_months(t, month, months, &n_new), before = sum_months(t, month - 12, months, &n_old);
    return n_new == months && n_old == months && now > 0 && before > 0 ? log10(now / before) : NAN;
}

double calendar_months_sum(const struct calendar *c, struct str name, int32_t day, int32_t asof, uint32_t months)
{
    int32_t month;
    uint32_t known;
    const struct month_table *t = newest_month(c, name, day, asof, &month);
    if (!t) {
        return NAN;
    }
    double sum = sum_months(t, month, months, &known);
    return 4 * known >= 3 * months ? sum / known * months : NAN;
}

/* The table of derivations and their functions. Each computes one number or category from one row. */
#include "common/forecast/derive.h"

#include "common/base/date.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FOLD_BUFFER = 2048 };

int str_order(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return str_cmp(*x, *y);
}

int64_t find_sorted(const struct str *sorted, uint32_t n, struct str text)
{
    const struct str *found = n ? bsearch(&text, sorted, n, sizeof text, str_order) : NULL;
    return found ? found - sorted : -1;
}

static const struct value *value_of(const struct plan *p, const struct row *row)
{
    return &row->values[p->field];
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

static double copy(const struct plan *p, const struct row *row)
{
    return value_of(p, row)->number;
}

static double natural_log1p(const struct plan *p, const struct row *row)
{
    double x = value_of(p, row)->number;
    return x > -1 ? log1p(x) : NAN;
}

static double positive_log10(double x)
{
    return x > 0 ? log10(x) : NAN;
}

static double decimal_log(const struct plan *p, const struct row *row)
{
    return positive_log10(value_of(p, row)->number);
}

/* Log10 of an amount in euros. Amounts of a few hundred are millions typed as such: unknown, not small. */
static double log10_euros(const struct plan *p, const struct row *row)
{
    double amount = value_of(p, row)->number;
    const struct value *currency = &row->values[p->second];
    if (currency->present && str_is(currency->text, "USD")) {
        amount *= p->usd;
    }
    return amount >= p->least ? positive_log10(amount) : NAN;
}

static double year(const struct plan *p, const struct row *row)
{
    int32_t date = value_of(p, row)->date;
    return date_to_civil(date).year + (date_day_of_year(date) - 1) / 365.25;
}

static double iso_week(const struct plan *p, const struct row *row)
{
    int iso_year, week;
    date_iso_week(value_of(p, row)->date, &iso_year, &week);
    return week;
}

static double month(const struct plan *p, const struct row *row)
{
    return date_to_civil(value_of(p, row)->date).month;
}

static double day_of_year(const struct plan *p, const struct row *row)
{
    return date_day_of_year(value_of(p, row)->date);
}

static double count(const struct plan *p, const struct row *row)
{
    return value_of(p, row)->n_items;
}

/* 1 when the list (or its item, or the category) is one of the values, else 0. */
static double contains(const struct plan *p, const struct row *row)
{
    const struct value *v = value_of(p, row);
    if (!v->items) {
        return find_sorted(p->any, p->n_any, v->text) >= 0;
    }
    for (uint32_t i = 0; i < v->n_items; i++) {
        if ((!p->has_item || i == p->item) && find_sorted(p->any, p->n_any, v->items[i]) >= 0) {
            return 1;
        }
    }
    return 0;
}

static double missing(const struct plan *p, const struct row *row)
{
    return !value_of(p, row)->present;
}

static double number_of(const struct plan *p, const struct row *row)
{
    const struct value *v = value_of(p, row);
    const struct number_pair *found =
        p->n_map ? bsearch(&v->text, p->map, p->n_map, sizeof p->map[0], str_order) : NULL;
    return found ? found->to : NAN;
}

/* ---- numbers in a text ----------------------------------------------------------------------------------------- */

static double length(const struct plan *p, const struct row *row)
{
    return (double)utf8_length(value_of(p, row)->text);
}

/* Calls visit for each word of the folded text with its position, until one returns true. */
static bool any_word(struct str text, bool (*visit)(struct str word, unsigned position, void *arg), void *arg)
{
    char folded[FOLD_BUFFER];
    size_t n = text_fold_into(folded, sizeof folded, text);
    if (n == SIZE_MAX) {
        n = 0; /* longer than any text a schema lets through */
    }
    unsigned position = 0;
    for (size_t i = 0; i < n; position++) {
        size_t end = i;
        while (end < n && folded[end] != ' ') {
            end++;
        }
        if (visit((struct str){folded + i, end - i}, position, arg)) {
            return true;
        }
        i = end + 1;
    }
    return false;
}

static bool count_word(struct str word, unsigned position, void *arg)
{
    (void)word;
    *(double *)arg = position + 1;
    return false;
}

static double words(const struct plan *p, const struct row *row)
{
    double n = 0;
    any_word(value_of(p, row)->text, count_word, &n);
    return n;
}

static bool all_digits(struct str word)
{
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] < '0' || word.p[i] > '9') {
            return false;
        }
    }
    return word.n > 0;
}

/* A number of one or two digits, or a Roman one that is no single letter, behind the first word: a sequel's. */
static bool is_numeral(struct str word, unsigned position, void *arg)
{
    static const char *const roman[] = {"ii", "iii", "iv", "vi", "vii", "viii", "ix"};
    (void)arg;
    bool found = all_digits(word) && word.n < 3;
    for (size_t i = 0; !found && i < sizeof roman / sizeof roman[0]; i++) {
        found = str_is(word, roman[i]);
    }
    return position > 0 && found;
}

static double has_numeral(const struct plan *p, const struct row *row)
{
    return any_word(value_of(p, row)->text, is_numeral, NULL);
}

static double has_digit(const struct plan *p, const struct row *row)
{
    struct str text = value_of(p, row)->text;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] >= '0' && text.p[i] <= '9') {
            return 1;
        }
    }
    return 0;
}

static double has_text(const struct plan *p, const struct row *row)
{
    struct str text = value_of(p, row)->text;
    for (size_t i = 0; i + p->text.n <= text.n; i++) {
        if (memcmp(text.p + i, p->text.p, p->text.n) == 0) {
            return 1;
        }
    }
    return 0;
}

/* 1 when two texts fold to the same; unknown unless both are given. */
static double same_text(const struct plan *p, const struct row *row)
{
    const struct value *other = &row->values[p->second];
    return other->present ? text_fold_equal(value_of(p, row)->text, other->text) : NAN;
}

/* ---- categories ------------------------------------------------------------------------------------------------ */

static bool category(const struct plan *p, const struct row *row, struct arena *a, struct str *out)
{
    const struct value *v = value_of(p, row);
    (void)a;
    *out = (struct str){"", 0};
    if (v->present && v->items) {
        *out = p->item < v->n_items ? v->items[p->item] : *out;
    } else if (v->present) {
        *out = v->text;
    }
    return true;
}

bool derive_category(const struct plan *p, const struct row *row, bool learn, struct arena *a, struct str *out,
                     bool *unseen)
{
    struct str text;
    *unseen = false;
    if (!p->how->category(p, row, a, &text)) {
        return false;
    }
    bool given = text.n > 0;
    const struct text_pair *renamed =
        p->n_names && given ? bsearch(&text, p->names, p->n_names, sizeof p->names[0], str_order) : NULL;
    if (renamed) {
        text = renamed->to;
    }
    if (p->fold && !text_fold(a, text, &text)) {
        return false;
    }
    if (given && p->has_values && !learn) {
        int64_t i = find_sorted(p->values, p->n_values, text);
        *unseen = i < 0;
        text = i < 0 ? p->unseen : p->values[i];
    }
    *out = text;
    return true;
}

double derive_number(const struct plan *p, const struct row *row, struct scene *s)
{
    const struct value *v = value_of(p, row);
    if (p->how->drawn) {
        return p->how->drawn(p, s);
    }
    if (!v->present && p->how->number != missing) {
        return p->absent;
    }
    return p->how->number(p, row);
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

#define T(type) (1U << FIELD_##type)
enum { ANY_TYPE = (1 << FIELD__COUNT) - 1 };

static const struct derivation derivations[] = {
    {"copy", T(NUMBER) | T(INTEGER), ARG_ABSENT, copy, NULL, NULL, 0},
    {"log1p", T(NUMBER) | T(INTEGER), ARG_ABSENT, natural_log1p, NULL, NULL, 0},
    {"log10", T(NUMBER) | T(INTEGER), ARG_ABSENT, decimal_log, NULL, NULL, 0},
    {"log10_euros", T(NUMBER), ARG_ABSENT | ARG_EUROS, log10_euros, NULL, NULL, 0},
    {"year", T(DATE), ARG_ABSENT, year, NULL, NULL, 0},
    {"iso_week", T(DATE), ARG_ABSENT, iso_week, NULL, NULL, 0},
    {"month", T(DATE), ARG_ABSENT, month, NULL, NULL, 0},
    {"day_of_year", T(DATE), ARG_ABSENT, day_of_year, NULL, NULL, 0},
    {"count", T(LIST), ARG_ABSENT, count, NULL, NULL, 0},
    {"contains", T(LIST) | T(CATEGORY), ARG_ABSENT | ARG_ANY | ARG_ITEM, contains, NULL, NULL, 0},
    {"missing", ANY_TYPE, 0, missing, NULL, NULL, 0},
    {"number_of", T(CATEGORY), ARG_ABSENT | ARG_MAP, number_of, NULL, NULL, 0},
    {"length", T(TEXT), ARG_ABSENT, length, NULL, NULL, 0},
    {"words", T(TEXT), ARG_ABSENT, words, NULL, NULL, 0},
    {"has_digit", T(TEXT), ARG_ABSENT, has_digit, NULL, NULL, 0},
    {"has_numeral", T(TEXT), ARG_ABSENT, has_numeral, NULL, NULL, 0},
    {"has_text", T(TEXT), ARG_ABSENT | ARG_TEXT, has_text, NULL, NULL, 0},
    {"same_text", T(TEXT), ARG_ABSENT | ARG_OTHER, same_text, NULL, NULL, 0},
    {"category", T(CATEGORY), ARG_FOLD | ARG_VOCABULARY, NULL, category, NULL, 0},
    {"item", T(LIST), ARG_FOLD | ARG_VOCABULARY | ARG_ITEM, NULL, category, NULL, 0},
    {"school_holidays", T(DATE), ARG_SPAN | ARG_ZONES, NULL, NULL, draw_school_holidays, NEEDS_CALENDAR},
    {"public_holidays", T(DATE), ARG_SPAN, NULL, NULL, draw_public_holidays, 0},
    {"period", T(DATE), ARG_TABLE, NULL, NULL, draw_period, NEEDS_CALENDAR},
    {"months_change", T(DATE), ARG_TABLE | ARG_MONTHS, NULL, NULL, draw_months_change, NEEDS_CALENDAR},
    {"months_sum", T(DATE), ARG_TABLE | ARG_MONTHS, NULL, NULL, draw_months_sum, NEEDS_CALENDAR},
    {"history", ANY_TYPE, ARG_HISTORY, NULL, NULL, draw_history, NEEDS_HISTORY},
    {"rivals", T(DATE), ARG_RIVALS, NULL, NULL, draw_rivals, NEEDS_HISTORY | NEEDS_FULL_HISTORY | NEEDS_RIVALS},
};

const struct derivation *derivation_find(struct str name)
{
    for (size_t i = 0; i < sizeof derivations / sizeof derivations[0]; i++) {
        if (str_is(name, derivations[i].name)) {
            return &derivations[i];
        }
    }
    return NULL;
}

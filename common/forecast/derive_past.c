/* Derivations that draw on tables and on the film's past. */
#include "common/forecast/derive.h"

#include "common/base/date.h"

#include <math.h>

enum { ASKED_DAYS_BEFORE = 7 /* a forecast is made a week before release */ };

void scene_open(struct scene *s, const struct features_context *context, const struct film_fields *fields,
                const struct row *row, struct arena *a)
{
    s->context = context;
    s->fields = fields;
    s->row = row;
    s->a = a;
    s->has_keys = s->has_past = s->failed = s->calendar_ended = false;
}

static int32_t day_of(const struct plan *p, const struct scene *s)
{
    const struct value *v = &s->row->values[p->field];
    return v->present ? v->date : DATE_NONE;
}

/* ---- the calendar ---------------------------------------------------------------------------------------------- */

double draw_school_holidays(const struct plan *p, struct scene *s)
{
    int32_t day = day_of(p, s);
    const struct calendar *c = s->context->calendar;
    if (day == DATE_NONE || !c) {
        return NAN;
    }
    double share = calendar_school(c, p->zones, day + p->from, p->days);
    s->calendar_ended = s->calendar_ended || (isnan(share) && day + p->from + p->days - 1 > calendar_school_end(c));
    return share;
}

double draw_public_holidays(const struct plan *p, struct scene *s)
{
    int32_t day = day_of(p, s);
    return day == DATE_NONE ? NAN : calendar_public(day + p->from, p->days);
}

double draw_period(const struct plan *p, struct scene *s)
{
    int32_t day = day_of(p, s);
    return day == DATE_NONE || !s->context->calendar ? NAN : calendar_period(s->context->calendar, p->text, day);
}

double draw_months_change(const struct plan *p, struct scene *s)
{
    int32_t day = day_of(p, s);
    const struct calendar *c = s->context->calendar;
    return day == DATE_NONE || !c ? NAN : calendar_months_change(c, p->text, day, day - ASKED_DAYS_BEFORE, p->months);
}

double draw_months_sum(const struct plan *p, struct scene *s)
{
    int32_t day = day_of(p, s);
    const struct calendar *c = s->context->calendar;
    return day == DATE_NONE || !c ? NAN : calendar_months_sum(c, p->text, day, day - ASKED_DAYS_BEFORE, p->months);
}

/* ---- the past -------------------------------------------------------------------------------------------------- */

static bool open_keys(struct scene *s)
{
    if (!s->has_keys && !s->failed) {
        s->has_keys = film_keys_read(&s->keys, s->fields, s->row, s->a);
        s->failed = !s->has_keys;
    }
    return s->has_keys && s->keys.date != DATE_NONE;
}

double draw_history(const struct plan *p, struct scene *s)
{
    const struct features_context *c = s->context;
    if (!c->history || !open_keys(s)) {
        return NAN;
    }
    if (!s->has_past) {
        past_open(&s->past, c->history, &s->keys, s->keys.date, c->known_until, c->as_published, s->a);
        s->has_past = true;
    }
    if (s->past.as_published && !p->ask->published) {
        return NAN; /* not kept */
    }
    double answer = p->ask->ask(&s->past, p->of);
    s->failed = s->failed || s->past.failed;
    return answer;
}

double draw_rivals(const struct plan *p, struct scene *s)
{
    const struct rivals *r = s->context->rivals;
    return r && open_keys(s) ? p->ask_rivals->ask(r, p->week, s->row, &s->keys) : NAN;
}

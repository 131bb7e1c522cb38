/* Four panels, drawn by whole points: nothing here depends on a locale or on how a machine rounds a printed number. */
#include "common/forecast/report_picture.h"

#include <math.h>

enum { WIDTH = 900, HEIGHT = 600, TOP = 50, PANEL_W = 430, PANEL_H = 265, BARS = 12, LABEL_MAX = 24 };
#define INK   "#26547c"
#define GUIDE "#c8553d"

/* Where a panel's drawing is, below its heading. */
struct panel {
    struct buf *out;
    int x, y, width, height;
};

/* ---- marks ----------------------------------------------------------------------------------------------------- */

static void put_text(struct buf *out, struct str s)
{
    s.n = utf8_valid(s);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '<' || c == '>' || c == '&' || c == '"') {
            buf_printf(out, "&#%d;", c);
        } else {
            buf_char(out, c < ' ' ? ' ' : (char)c);
        }
    }
}

static void put_label(const struct panel *p, int x, int y, const char *anchor, struct str text)
{
    bool cut = text.n > LABEL_MAX;
    text.n = cut ? utf8_valid((struct str){text.p, LABEL_MAX}) : text.n;
    buf_printf(p->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", x, y, anchor);
    put_text(p->out, text);
    buf_puts(p->out, cut ? "…</text>" : "</text>");
}

static void put_number(const struct panel *p, int x, int y, const char *anchor, double v)
{
    buf_printf(p->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", x, y, anchor);
    buf_double(p->out, v);
    buf_puts(p->out, "</text>");
}

static void put_bar(const struct panel *p, int x, int y, int width, int height)
{
    buf_printf(p->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"" INK "\"/>", x, y, width, height);
}

/* value on a scale of `top` → points, within the panel. */
static int points_of(double value, double top, int points)
{
    double at = top > 0 ? value / top : 0;
    return (int)lround(fmin(fmax(at, 0), 1) * points);
}

static struct panel begin_panel(struct buf *out, int column, int row, const char *heading)
{
    struct panel p = {out, 10 + column * (PANEL_W + 20), TOP + row * (PANEL_H + 10), PANEL_W, PANEL_H - 30};
    buf_printf(out, "<text x=\"%d\" y=\"%d\" font-size=\"13\">%s</text>", p.x, p.y, heading);
    p.y += 15;
    return p;
}

static void put_nothing(const struct panel *p)
{
    put_label(p, p->x, p->y + 20, "start", STR("not in the report"));
}

/* ---- panels ---------------------------------------------------------------------------------------------------- */

static bool point_of(const struct json *pair, double *x, double *y)
{
    return json_double(json_at(pair, 0), x) && json_double(json_at(pair, 1), y);
}

static void put_curve(struct buf *out, const struct json *curve)
{
    enum { LEFT = 50, BELOW = 20 };
    struct panel p = begin_panel(out, 0, 0, "Loss on the films learnt from, by number of trees");
    double last = 0, most = 0, least = INFINITY, x, y;
    for (const struct json *pair = json_first(curve); pair != NULL; pair = json_next(pair)) {
        if (point_of(pair, &x, &y)) {
            last = fmax(last, x);
            most = fmax(most, y);
            least = fmin(least, y);
        }
    }
    if (!(last > 0)) {
        put_nothing(&p);
        return;
    }
    int width = p.width - LEFT, height = p.height - BELOW;
    buf_puts(out, "<polyline fill=\"none\" stroke=\"" INK "\" stroke-width=\"2\" points=\"");
    for (const struct json *pair = json_first(curve); pair != NULL; pair = json_next(pair)) {
        if (point_of(pair, &x, &y)) {
            buf_printf(out, "%d,%d ", p.x + LEFT + points_of(x, last, width),
                       p.y + height - points_of(y - least, most - least, height - 10));
        }
    }
    buf_printf(out, "\"/><path d=\"M%d %dv%dh%d\" fill=\"none\" stroke=\"#999\"/>", p.x + LEFT, p.y, height, width);
    put_number(&p, p.x + LEFT - 4, p.y + 14, "end", most);
    put_number(&p, p.x + LEFT - 4, p.y + height, "end", least);
    put_number(&p, p.x + p.width, p.y + p.height - 4, "end", last);
}

static void put_importance(struct buf *out, const struct json *fields)
{
    enum { LEFT = 130, RIGHT = 60 };
    struct panel p = begin_panel(out, 1, 0, "What counts, per cent");
    double top = 0, v;
    int row = 0, step = p.height / BARS;
    struct str name;
    (void)json_double(json_find(json_first(fields), "percent"), &top); /* largest first */
    for (const struct json *f = json_first(fields); f != NULL && row < BARS; f = json_next(f)) {
        if (json_str(json_find(f, "field"), &name) && json_double(json_find(f, "percent"), &v)) {
            int y = p.y + row++ * step, length = points_of(v, top, p.width - LEFT - RIGHT);
            put_label(&p, p.x + LEFT - 6, y + 13, "end", name);
            put_bar(&p, p.x + LEFT, y + 2, length, step - 4);
            put_number(&p, p.x + LEFT + length + 4, y + 13, "start", round(10 * v) / 10);
        }
    }
    if (row == 0) {
        put_nothing(&p);
    }
}

/* A bar for what was held, a mark where it was promised. */
static void put_intervals(struct buf *out, const struct json *intervals)
{
    enum { LEFT = 60, RIGHT = 60, STEP = 40 };
    struct panel p = begin_panel(out, 0, 1, "Newest films inside each interval; the mark: as promised");
    double level, held;
    int row = 0, width = p.width - LEFT - RIGHT;
    for (const struct json *i = json_first(intervals); i != NULL && row < p.height / STEP; i = json_next(i)) {
        if (json_double(json_find(i, "level"), &level) && json_double(json_find(i, "held"), &held)) {
            int y = p.y + row++ * STEP, length = points_of(held, 1, width),
                at = p.x + LEFT + points_of(level, 1, width);
            put_number(&p, p.x + LEFT - 6, y + 19, "end", level);
            put_bar(&p, p.x + LEFT, y + 4, length, STEP - 16);
            buf_printf(out, "<path d=\"M%d %dv%d\" stroke=\"" GUIDE "\" stroke-width=\"3\"/>", at, y, STEP - 8);
            put_number(&p, p.x + LEFT + width + 8, y + 19, "start", held);
        }
    }
    if (row == 0) {
        put_nothing(&p);
    }
}

static void put_years(struct buf *out, const struct json *years)
{
    enum { BELOW = 20 };
    struct panel p = begin_panel(out, 1, 1, "RMSE (log10) of later films, not learnt from, by year");
    double top = 0, v;
    struct str name;
    size_t all = json_count(years), n = all < BARS ? all : BARS; /* the newest */
    int column = 0;
    for (const struct json *g = json_at(years, all - n); g != NULL; g = json_next(g)) {
        top = json_double(json_find(g, "rmse_log10"), &v) ? fmax(top, v) : top;
    }
    if (!(top > 0)) {
        put_nothing(&p);
        return;
    }
    int step = p.width / (int)n, height = p.height - BELOW - 16;
    for (const struct json *g = json_at(years, all - n); g != NULL; g = json_next(g), column++) {
        if (json_str(json_find(g, "group"), &name) && json_double(json_find(g, "rmse_log10"), &v)) {
            int x = p.x + column * step, length = points_of(v, top, height), base = p.y + p.height - BELOW;
            put_bar(&p, x, base - length, step - 4, length);
            put_label(&p, x + (step - 4) / 2, base + 14, "middle", name);
            put_number(&p, x + (step - 4) / 2, base - length - 4, "middle", round(1000 * v) / 1000);
        }
    }
}

void report_picture(const struct json *model, struct str title, struct buf *out)
{
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
               "font-family=\"sans-serif\" font-size=\"11\"><rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>"
               "<text x=\"10\" y=\"24\" font-size=\"16\">",
               WIDTH, HEIGHT, WIDTH, HEIGHT);
    put_text(out, title);
    buf_puts(out, "</text>");
    put_curve(out, json_find(model, "learning_curve"));
    put_importance(out, json_find(model, "importance"));
    put_intervals(out, json_find(model, "intervals"));
    put_years(out, json_find(model, "by_year"));
    buf_puts(out, "</svg>\n");
}

/* FlatBuffers reading and writing. Every offset is checked before it is followed; nothing recurses. */
#include "common/trees/flatbuf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

float le_f32(const uint8_t *p)
{
    uint32_t u = le_u32(p);
    float v;
    memcpy(&v, &u, sizeof v);
    return v;
}

double le_f64(const uint8_t *p)
{
    uint64_t u = le_u64(p);
    double v;
    memcpy(&v, &u, sizeof v);
    return v;
}

uint64_t le_bits_f32(float v)
{
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}

uint64_t le_bits_f64(double v)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}

/* ---- reader ---------------------------------------------------------------------------------------------------- */

void fb_init(struct fb *b, const uint8_t *p, size_t n, size_t file_offset, struct mrc_err *err)
{
    *b = (struct fb){.p = p, .n = n, .file_offset = file_offset, .err = err};
}

void fb_where(struct fb *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(b->where, sizeof b->where, fmt, ap);
    va_end(ap);
}

void fb_fail(struct fb *b, size_t pos, const char *fmt, ...)
{
    if (b->rc < 0) {
        return;
    }
    char what[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    b->rc = mrc_fail(b->err, MRC_EFORMAT, "%s%s%s (byte %zu)", b->where, b->where[0] ? ": " : "", what,
                     b->file_offset + pos);
}

/* Does [pos, pos + size) lie inside the buffer? */
static bool inside(const struct fb *b, uint64_t pos, uint64_t size)
{
    return pos <= b->n && size <= b->n - pos;
}

static struct fb_table table_at(struct fb *b, uint64_t pos, const char *name)
{
    struct fb_table none = {0};
    if (b->rc < 0) {
        return none;
    }
    if (!inside(b, pos, 4) || pos % 4 != 0) {
        fb_fail(b, 0, "table %s at offset %" PRIu64 " is outside the buffer of %zu bytes or not aligned", name, pos,
                b->n);
        return none;
    }
    int64_t back = (int32_t)le_u32(b->p + pos);
    int64_t vtable = (int64_t)pos - back;
    if (vtable < 0 || vtable % 2 != 0 || !inside(b, (uint64_t)vtable, 4)) {
        fb_fail(b, pos, "vtable of %s lies outside the buffer or is not aligned", name);
        return none;
    }
    struct fb_table t = {.pos = pos, .vtable = (size_t)vtable};
    t.vtable_size = le_u16(b->p + vtable);
    t.size = le_u16(b->p + vtable + 2);
    if (t.vtable_size < 4 || t.vtable_size % 2 != 0 || !inside(b, t.vtable, t.vtable_size)) {
        fb_fail(b, t.vtable, "vtable of %s has %u bytes", name, t.vtable_size);
        return none;
    }
    if (t.size < 4 || !inside(b, pos, t.size)) {
        fb_fail(b, t.vtable + 2, "table %s has %u bytes", name, t.size);
        return none;
    }
    return t;
}

struct fb_table fb_root(struct fb *b)
{
    if (!inside(b, 0, 4)) {
        fb_fail(b, 0, "buffer of %zu bytes is too short for a root table", b->n);
        return (struct fb_table){0};
    }
    return table_at(b, le_u32(b->p), "root");
}

static uint32_t vtable_entry(const uint8_t *p, const struct fb_table *t, unsigned id)
{
    size_t at = 4 + 2 * (size_t)id;
    if (t->pos == 0 || at + 2 > t->vtable_size) {
        return 0;
    }
    return le_u16(p + t->vtable + at);
}

bool fb_has(const struct fb_table *t, unsigned id)
{
    return t->pos != 0 && 4 + 2 * (size_t)id + 2 <= t->vtable_size;
}

/* Position of a field's bytes, 0 when absent. */
static size_t field_at(struct fb *b, const struct fb_table *t, unsigned id, const char *name, unsigned size)
{
    if (b->rc < 0) {
        return 0;
    }
    uint32_t entry = vtable_entry(b->p, t, id);
    if (entry == 0) {
        return 0;
    }
    if (entry < 4 || entry + size > t->size || (t->pos + entry) % size != 0) {
        fb_fail(b, t->vtable, "field %s at offset %u does not fit its table of %u bytes or is not aligned", name, entry,
                t->size);
        return 0;
    }
    return t->pos + entry;
}

uint32_t fb_u8(struct fb *b, const struct fb_table *t, unsigned id, const char *name, uint32_t absent)
{
    size_t at = field_at(b, t, id, name, 1);
    return at ? b->p[at] : absent;
}

int32_t fb_i32(struct fb *b, const struct fb_table *t, unsigned id, const char *name, int32_t absent)
{
    size_t at = field_at(b, t, id, name, 4);
    return at ? (int32_t)le_u32(b->p + at) : absent;
}

float fb_f32(struct fb *b, const struct fb_table *t, unsigned id, const char *name, float absent)
{
    size_t at = field_at(b, t, id, name, 4);
    return at ? le_f32(b->p + at) : absent;
}

double fb_f64(struct fb *b, const struct fb_table *t, unsigned id, const char *name, double absent)
{
    size_t at = field_at(b, t, id, name, 8);
    return at ? le_f64(b->p + at) : absent;
}

struct fb_table fb_sub(struct fb *b, const struct fb_table *t, unsigned id, const char *name)
{
    size_t at = field_at(b, t, id, name, 4);
    if (at == 0) {
        return (struct fb_table){0};
    }
    return table_at(b, (uint64_t)at + le_u32(b->p + at), name);
}

static struct fb_vector vector_at(struct fb *b, uint64_t pos, const char *name, unsigned size, unsigned align)
{
    struct fb_vector none = {0};
    if (!inside(b, pos, 4) || (pos + 4) % align != 0 || pos % 4 != 0) {
        fb_fail(b, 0, "%s at offset %" PRIu64 " is outside the buffer of %zu bytes or not aligned", name, pos, b->n);
        return none;
    }
    uint32_t n = le_u32(b->p + pos);
    if (!inside(b, pos + 4, (uint64_t)n * size)) {
        fb_fail(b, pos, "%s has %u elements of %u bytes, more than the buffer holds", name, n, size);
        return none;
    }
    return (struct fb_vector){.p = n ? b->p + pos + 4 : NULL, .pos = pos + 4, .n = n};
}

struct fb_vector fb_vec(struct fb *b, const struct fb_table *t, unsigned id, const char *name, unsigned size,
                        unsigned align)
{
    size_t at = field_at(b, t, id, name, 4);
    if (at == 0) {
        return (struct fb_vector){0};
    }
    return vector_at(b, (uint64_t)at + le_u32(b->p + at), name, size, align);
}

static struct str string_at(struct fb *b, uint64_t pos, const char *name)
{
    struct fb_vector v = vector_at(b, pos, name, 1, 1);
    if (b->rc < 0) {
        return (struct str){0};
    }
    if (!inside(b, (uint64_t)v.pos + v.n, 1) || b->p[v.pos + v.n] != 0) {
        fb_fail(b, v.pos, "string %s has no NUL at its end", name);
        return (struct str){0};
    }
    return (struct str){(const char *)b->p + v.pos, v.n};
}

struct str fb_str(struct fb *b, const struct fb_table *t, unsigned id, const char *name)
{
    size_t at = field_at(b, t, id, name, 4);
    if (at == 0) {
        return (struct str){0};
    }
    return string_at(b, (uint64_t)at + le_u32(b->p + at), name);
}

struct fb_table fb_vec_table(struct fb *b, const struct fb_vector *v, uint32_t i)
{
    size_t at = v->pos + 4 * (size_t)i;
    return b->rc < 0 ? (struct fb_table){0} : table_at(b, (uint64_t)at + le_u32(b->p + at), "item");
}

struct str fb_vec_str(struct fb *b, const struct fb_vector *v, uint32_t i)
{
    size_t at = v->pos + 4 * (size_t)i;
    return b->rc < 0 ? (struct str){0} : string_at(b, (uint64_t)at + le_u32(b->p + at), "item");
}

/* ---- writer ---------------------------------------------------------------------------------------------------- */

static void pad_to(struct fbw *w, size_t align, size_t ahead)
{
    while (w->b->failed == MRC_OK && (w->b->n - w->start + ahead) % align != 0) {
        buf_char(w->b, 0);
    }
}

static void put(struct fbw *w, uint64_t v, unsigned bytes)
{
    uint8_t raw[8];
    le_put(raw, v, bytes);
    buf_add(w->b, raw, bytes);
}

static void store(struct fbw *w, size_t pos, uint64_t v, unsigned bytes)
{
    if (w->b->failed == MRC_OK) {
        le_put((uint8_t *)w->b->p + w->start + pos, v, bytes);
    }
}

void fbw_init(struct fbw *w, struct buf *b)
{
    *w = (struct fbw){.b = b, .start = b->n};
    put(w, 0, 4);
}

void fbw_table(struct fbw *w, size_t ref, struct fbw_field *fields, unsigned n)
{
    unsigned align = 4;
    for (unsigned i = 0; i < n; i++) {
        align = fields[i].size > align ? fields[i].size : align;
    }
    /* Place the fields behind the vtable distance, widest first so that nothing but the end needs padding. */
    size_t vtable_size = 4 + 2 * (size_t)n;
    uint32_t entry[32] = {0};
    uint32_t used = 4;
    for (unsigned width = 8; width >= 1; width /= 2) {
        for (unsigned i = 0; i < n; i++) {
            if (fields[i].size == width) {
                used = (used + width - 1) / width * width;
                entry[i] = used;
                used += width;
            }
        }
    }
    pad_to(w, 2, 0);
    pad_to(w, align, vtable_size);
    size_t vtable = w->b->n - w->start;
    size_t table = vtable + vtable_size;
    put(w, vtable_size, 2);
    put(w, used, 2);
    for (unsigned i = 0; i < n; i++) {
        put(w, entry[i], 2);
    }
    store(w, ref, table - ref, 4);
    put(w, table - vtable, 4);
    for (uint32_t k = 4; k < used; k++) {
        buf_char(w->b, 0);
    }
    for (unsigned i = 0; i < n; i++) {
        if (fields[i].size) {
            fields[i].at = table + entry[i];
            store(w, fields[i].at, fields[i].bits, fields[i].size);
        }
    }
}

size_t fbw_vec(struct fbw *w, size_t ref, const void *data, size_t n, unsigned size, unsigned align)
{
    pad_to(w, align > 4 ? align : 4, 4);
    size_t pos = w->b->n - w->start;
    if (n > UINT32_MAX || pos > UINT32_MAX) {
        w->b->failed = MRC_ELIMIT; /* offsets and counts of the format have 32 bits */
        return 0;
    }
    store(w, ref, pos - ref, 4);
    put(w, n, 4);
    if (data) {
        buf_add(w->b, data, n * size);
    } else {
        for (size_t k = 0; k < n * size; k++) {
            buf_char(w->b, 0);
        }
    }
    return pos + 4;
}

void fbw_str(struct fbw *w, size_t ref, struct str s)
{
    fbw_vec(w, ref, s.p ? s.p : "", s.n, 1, 1);
    buf_char(w->b, 0);
}

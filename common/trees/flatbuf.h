/* FlatBuffers, as much as CatBoost's files need: a reader that trusts nothing, and a writer.
 *
 * A buffer holds tables, vectors and strings that refer to each other by unsigned 32-bit forward offsets. A table
 * begins with a signed 32-bit distance back to its vtable: u16 vtable bytes, u16 table bytes, one u16 per field (0 =
 * absent). Scalars are little-endian, aligned to their size relative to the start of the buffer.
 *
 * Both sides remember their first failure: reads after it give defaults, so a caller checks once per table. */
#ifndef MRC_TREES_FLATBUF_H
#define MRC_TREES_FLATBUF_H

#include "common/base/err.h"
#include "common/base/text.h"

#include <stdbool.h>

/* ---- little-endian loads and stores, any alignment ------------------------------------------------------------- */

static inline uint32_t le_u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static inline uint32_t le_u32(const uint8_t *p)
{
    return le_u16(p) | le_u16(p + 2) << 16;
}
static inline uint64_t le_u64(const uint8_t *p)
{
    return (uint64_t)le_u32(p) | (uint64_t)le_u32(p + 4) << 32;
}
float le_f32(const uint8_t *p);
double le_f64(const uint8_t *p);
static inline void le_put(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(v >> 8 * i);
    }
}
uint64_t le_bits_f32(float v);
uint64_t le_bits_f64(double v);

/* ---- reader ---------------------------------------------------------------------------------------------------- */

struct fb {
    const uint8_t *p;
    size_t n;
    size_t file_offset; /* of p[0], for messages */
    char where[64];     /* what is being read, for messages: "FloatFeatures[3]" */
    struct mrc_err *err;
    int rc; /* MRC_OK, or the first failure, already described in err */
};
struct fb_table {
    size_t pos, vtable; /* pos 0: absent; every read of it gives the default */
    uint32_t vtable_size, size;
};
struct fb_vector {
    const uint8_t *p; /* first element; NULL when absent or empty */
    size_t pos;       /* of the first element in the buffer */
    uint32_t n;
};

void fb_init(struct fb *b, const uint8_t *p, size_t n, size_t file_offset, struct mrc_err *err);
void fb_where(struct fb *b, const char *fmt, ...) MRC_PRINTF(2, 3);
/* Record a failure at a position of the buffer, unless there is one already. */
void fb_fail(struct fb *b, size_t pos, const char *fmt, ...) MRC_PRINTF(3, 4);

struct fb_table fb_root(struct fb *b);
bool fb_has(const struct fb_table *t, unsigned id);
uint32_t fb_u8(struct fb *b, const struct fb_table *t, unsigned id, const char *name, uint32_t absent);
int32_t fb_i32(struct fb *b, const struct fb_table *t, unsigned id, const char *name, int32_t absent);
float fb_f32(struct fb *b, const struct fb_table *t, unsigned id, const char *name, float absent);
double fb_f64(struct fb *b, const struct fb_table *t, unsigned id, const char *name, double absent);
struct fb_table fb_sub(struct fb *b, const struct fb_table *t, unsigned id, const char *name);
/* Elements of size bytes, aligned to align. */
struct fb_vector fb_vec(struct fb *b, const struct fb_table *t, unsigned id, const char *name, unsigned size,
                        unsigned align);
struct str fb_str(struct fb *b, const struct fb_table *t, unsigned id, const char *name);
/* Items of a vector of tables or strings (fb_vec with size 4); i < v->n. */
struct fb_table fb_vec_table(struct fb *b, const struct fb_vector *v, uint32_t i);
struct str fb_vec_str(struct fb *b, const struct fb_vector *v, uint32_t i);

/* ---- writer ---------------------------------------------------------------------------------------------------- */

/* Appends to a buf; positions are relative to `start`. Parents are written before their children, whose place is filled
 * into the parent's reference when they come. Failures stay in the buf. */
struct fbw {
    struct buf *b;
    size_t start;
};
struct fbw_field {
    unsigned size; /* 0: absent; 1, 4, 8 for scalars; 4 with ref for a reference to fill later */
    uint64_t bits;
    size_t at; /* out: position of the field's bytes, what fbw_* below take as `ref` */
};
void fbw_init(struct fbw *w, struct buf *b); /* reserves the root reference, at position 0 */
/* vtable and table of n fields; fills the reference at `ref` and each field's `at`. */
void fbw_table(struct fbw *w, size_t ref, struct fbw_field *fields, unsigned n);
/* count, then n elements of size bytes, the first aligned to align. data NULL: zeros. Returns the position of the
 * first. */
size_t fbw_vec(struct fbw *w, size_t ref, const void *data, size_t n, unsigned size, unsigned align);
void fbw_str(struct fbw *w, size_t ref, struct str s);

#endif

/* CityHash64 1.0 (Geoff Pike, Jyrki Alakuijala, 2011), written from its description; CTR values and key look-up. */
#include "common/trees/categorical.h"

#include <string.h>

static const uint64_t k0 = 0xc3a5c85c97cb3127u, k1 = 0xb492b66fbe98f273u;
static const uint64_t k2 = 0x9ae16a3b2f90404fu, k3 = 0xc949d7c7509e6557u;

static uint64_t load64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) {
        v = v << 8 | p[i];
    }
    return v;
}

static uint64_t load32(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static uint64_t rotate(uint64_t v, unsigned r)
{
    return r == 0 ? v : v >> r | v << (64 - r);
}

static uint64_t shift_mix(uint64_t v)
{
    return v ^ v >> 47;
}

static uint64_t hash16(uint64_t u, uint64_t v)
{
    const uint64_t m = 0x9ddfea08eb382d69u;
    uint64_t a = (u ^ v) * m;
    a ^= a >> 47;
    uint64_t b = (v ^ a) * m;
    b ^= b >> 47;
    return b * m;
}

static uint64_t hash_to_16(const uint8_t *s, size_t n)
{
    if (n > 8) {
        uint64_t b = load64(s + n - 8);
        return hash16(load64(s), rotate(b + n, (unsigned)n)) ^ b;
    }
    if (n >= 4) {
        return hash16(n + (load32(s) << 3), load32(s + n - 4));
    }
    if (n > 0) {
        uint32_t y = (uint32_t)s[0] + ((uint32_t)s[n / 2] << 8);
        uint32_t z = (uint32_t)n + ((uint32_t)s[n - 1] << 2);
        return shift_mix(y * k2 ^ z * k3) * k2;
    }
    return k2;
}

static uint64_t hash_to_32(const uint8_t *s, size_t n)
{
    uint64_t a = load64(s) * k1, b = load64(s + 8), c = load64(s + n - 8) * k2, d = load64(s + n - 16) * k0;
    return hash16(rotate(a - b, 43) + rotate(c, 30) + d, a + rotate(b ^ k3, 20) - c + n);
}

static uint64_t hash_to_64(const uint8_t *s, size_t n)
{
    uint64_t z = load64(s + 24);
    uint64_t a = load64(s) + (n + load64(s + n - 16)) * k0;
    uint64_t b = rotate(a + z, 52), c = rotate(a, 37);
    a += load64(s + 8);
    c += rotate(a, 7);
    a += load64(s + 16);
    uint64_t vf = a + z, vs = b + rotate(a, 31) + c;
    a = load64(s + 16) + load64(s + n - 32);
    z = load64(s + n - 8);
    b = rotate(a + z, 52);
    c = rotate(a, 37);
    a += load64(s + n - 24);
    c += rotate(a, 7);
    a += load64(s + n - 16);
    uint64_t wf = a + z, ws = b + rotate(a, 31) + c;
    uint64_t r = shift_mix((vf + ws) * k2 + (wf + vs) * k0);
    return shift_mix(r * k0 + vs) * k2;
}

struct pair {
    uint64_t first, second;
};

static struct pair weak_hash(const uint8_t *s, uint64_t a, uint64_t b)
{
    uint64_t w = load64(s), x = load64(s + 8), y = load64(s + 16), z = load64(s + 24);
    a += w;
    b = rotate(b + a + z, 21);
    uint64_t c = a;
    a += x;
    a += y;
    b += rotate(a, 44);
    return (struct pair){a + z, b + c};
}

uint64_t city_hash64(const void *bytes, size_t n)
{
    const uint8_t *s = bytes;
    if (n <= 16) {
        return hash_to_16(s, n);
    }
    if (n <= 64) {
        return n <= 32 ? hash_to_32(s, n) : hash_to_64(s, n);
    }
    uint64_t x = load64(s), y = load64(s + n - 16) ^ k1, z = load64(s + n - 56) ^ k0;
    struct pair v = weak_hash(s + n - 64, n, y), w = weak_hash(s + n - 32, n * k1, k0);
    z += shift_mix(v.second) * k1;
    x = rotate(z + x, 39) * k1;
    y = rotate(y, 33) * k1;
    for (size_t left = (n - 1) & ~(size_t)63; left > 0; left -= 64, s += 64) {
        x = rotate(x + y + v.first + load64(s + 16), 37) * k1;
        y = rotate(y + v.second + load64(s + 48), 42) * k1;
        x ^= w.second;
        y ^= v.first;
        z = rotate(z ^ w.first, 33);
        v = weak_hash(s, v.second * k1, x + w.first);
        w = weak_hash(s + 32, z + w.second, y);
        uint64_t swap = z;
        z = x;
        x = swap;
    }
    return hash16(hash16(v.first, w.first) + shift_mix(y) * k1 + z, hash16(v.second, w.second) + x);
}

uint32_t mrc_cat_hash(const char *bytes, size_t n)
{
    return (uint32_t)city_hash64(bytes, n);
}

/* ---- CTR values ------------------------------------------------------------------------------------------------- */

float ctr_value(const struct ctr_feature *f, const struct ctr_table *t, uint32_t key)
{
    float num = 0, total = 0;
    bool seen = key < t->n_keys;
    switch (t->type) {
    case CTR_BORDERS:
    case CTR_BUCKETS:
        if (seen) {
            const int32_t *row = t->counts + (size_t)key * (uint32_t)t->target_classes;
            int64_t good = 0, all = 0;
            for (int32_t c = 0; c < t->target_classes; c++) {
                all += row[c];
                if (t->type == CTR_BORDERS ? c > f->target_border : c == f->target_border) {
                    good += row[c];
                }
            }
            num = (float)good;
            total = (float)all;
        }
        break;
    case CTR_BINARIZED_TARGET_MEAN:
    case CTR_FLOAT_TARGET_MEAN:
        if (seen) {
            num = t->sums[key];
            total = (float)t->counts[key];
        }
        break;
    case CTR_COUNTER:
    case CTR_FEATURE_FREQ:
    default:
        num = seen ? (float)t->counts[key] : 0;
        total = (float)t->counter_denominator;
        break;
    }
    float ratio = (num + f->prior_num) / (total + f->prior_denom);
    return (ratio + f->shift) * f->scale;
}

int ctr_index_build(struct ctr_index *ix, const uint64_t *keys, uint32_t n, uint32_t table, struct arena *a,
                    struct mrc_err *err)
{
    size_t n_buckets = 2;
    while (n_buckets < (size_t)n * 2) {
        n_buckets *= 2;
    }
    ix->mask = n_buckets - 1;
    ix->buckets = ARENA_ARRAY(a, n_buckets, struct ctr_bucket);
    if (!ix->buckets) {
        return arena_fail(a, err);
    }
    for (size_t i = 0; i < n_buckets; i++) {
        ix->buckets[i].row = CTR_EMPTY;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint64_t i = keys[k] & ix->mask;
        while (ix->buckets[i].row != CTR_EMPTY) {
            if (ix->buckets[i].hash == keys[k]) {
                return mrc_fail(err, MRC_EFORMAT, "CtrTables[%u] has the key %llu twice", table,
                                (unsigned long long)keys[k]);
            }
            i = (i + 1) & ix->mask;
        }
        ix->buckets[i].hash = keys[k];
        ix->buckets[i].row = k;
    }
    return MRC_OK;
}

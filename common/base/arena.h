/* Arena: memory that is given back all at once.
 *
 * Chunks of growing size, aligned allocations, a ceiling, marks for loops. Nothing is freed singly. Under
 * AddressSanitizer allocations are separated by red zones and poisoned after reset, so use after reset is reported.
 * Not thread-safe: one arena, one thread. */
#ifndef MRC_BASE_ARENA_H
#define MRC_BASE_ARENA_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *first, *current; /* chunks in allocation order; the first ones survive arena_reset */
    size_t used;                         /* bytes handed out since init or reset, with padding */
    size_t max;                          /* ceiling for used; SIZE_MAX = none */
    bool out_of_memory;                  /* the system, not the ceiling, refused: for arena_fail */
};

struct arena_mark {
    struct arena_chunk *chunk;
    size_t chunk_used, used;
};

/* Prepare an empty arena; no memory is taken before the first allocation. max: ceiling in bytes, 0 = none. */
void arena_init(struct arena *a, size_t max);
/* Free every chunk; the arena is then as after arena_init. */
void arena_release(struct arena *a);
/* Forget all allocations but keep the first chunks for reuse: one of 64 KiB, more while they are at most 1 MiB together. */
void arena_reset(struct arena *a);

/* size zeroed bytes, aligned to align (a power of two, at most 64). NULL at the ceiling or without memory.
 * size 0 gives a valid, unique pointer. */
void *arena_alloc(struct arena *a, size_t size, size_t align);
/* n elements of size bytes each, zeroed; NULL also when n * size overflows. */
void *arena_array(struct arena *a, size_t n, size_t size, size_t align);
/* An allocation of old_size bytes made larger: in place when it is the latest one and its chunk has room, else a new one
 * with the bytes copied. Added bytes are zero. NULL as arena_alloc, and then p is still valid. p NULL: arena_alloc. */
void *arena_grow(struct arena *a, void *p, size_t old_size, size_t size, size_t align);
/* A NUL-terminated copy of n bytes. NULL as above. */
char *arena_copy(struct arena *a, const void *p, size_t n);

/* Typed forms: ARENA_NEW(a, struct foo), ARENA_ARRAY(a, n, double). */
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type), _Alignof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type), _Alignof(type)))

/* Remember this moment; arena_rewind gives back everything allocated since. Marks nest. */
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);

/* MRC_ELIMIT or MRC_ENOMEM with a message, for when arena_alloc returned NULL. */
int arena_fail(const struct arena *a, struct mrc_err *err);

#endif

/* Arena: a list of chunks, a position in the current one, and red zones under AddressSanitizer. */
#include "common/base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
enum { RED_ZONE = 16 }; /* not counted in arena.used: a ceiling means the same in every build */
#define POISON(p, n)   __asan_poison_memory_region((p), (n))
#define UNPOISON(p, n) __asan_unpoison_memory_region((p), (n))
#else
enum { RED_ZONE = 0 };
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { CHUNK_FIRST = 64 << 10, CHUNK_LARGEST = 8 << 20, KEPT_MAX = 1 << 20, ALIGN_MAX = 64 };

struct arena_chunk {
    struct arena_chunk *next;
    unsigned char *data; /* aligned to ALIGN_MAX */
    size_t size, used;
    size_t dirty; /* bytes from the start that may not be zero any more: calloc gave zeroed pages, so that large fresh
                   * arrays are not touched twice */
};

static struct arena_chunk *chunk_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_chunk) - ALIGN_MAX) {
        return NULL;
    }
    unsigned char *block = calloc(1, sizeof(struct arena_chunk) + ALIGN_MAX + size);
    if (block == NULL) {
        return NULL;
    }
    struct arena_chunk *c = (struct arena_chunk *)(void *)block;
    unsigned char *data = block + sizeof(*c);
    data += (ALIGN_MAX - (uintptr_t)data % ALIGN_MAX) % ALIGN_MAX;
    *c = (struct arena_chunk){.data = data, .size = size};
    POISON(data, size);
    return c;
}

static void free_chain(struct arena_chunk *c)
{
    while (c != NULL) {
        struct arena_chunk *next = c->next;
        UNPOISON(c->data, c->size);
        free(c);
        c = next;
    }
}

static void chunk_truncate(struct arena_chunk *c, size_t used)
{
    c->used = used;
    POISON(c->data + used, c->size - used);
}

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max == 0 ? SIZE_MAX : max};
}

void arena_release(struct arena *a)
{
    free_chain(a->first);
    arena_init(a, a->max);
}

void arena_reset(struct arena *a)
{
    size_t kept = 0;
    for (struct arena_chunk **c = &a->first; *c != NULL; c = &(*c)->next) {
        kept += (*c)->size;
        if (c != &a->first && kept > KEPT_MAX) {
            free_chain(*c);
            *c = NULL;
            break;
        }
        chunk_truncate(*c, 0);
    }
    a->current = a->first;
    a->used = 0;
    a->out_of_memory = false;
}

/* Make a chunk current that has room for need bytes at any alignment. */
static bool add_chunk(struct arena *a, size_t need)
{
    if (a->current == NULL) {
        a->first = a->current = chunk_new(CHUNK_FIRST);
        if (a->first == NULL) {
            a->out_of_memory = true;
            return false;
        }
        if (need <= CHUNK_FIRST) {
            return true;
        }
    }
    struct arena_chunk *spare = a->current->next; /* left by arena_rewind or arena_reset */
    if (spare != NULL && spare->size < need) {
        free_chain(spare);
        a->current->next = spare = NULL;
    }
    if (spare == NULL) {
        size_t size = a->current->size < CHUNK_LARGEST / 2 ? a->current->size * 2 : CHUNK_LARGEST;
        spare = chunk_new(size > need ? size : need);
        if (spare == NULL) {
            a->out_of_memory = true;
            return false;
        }
        a->current->next = spare;
    }
    a->current = spare;
    return true;
}

/* Where the next allocation may begin. A red zone ends on 8 bytes: AddressSanitizer cannot poison the head of a word
 * whose tail is in use. */
static size_t with_red_zone(size_t end, size_t size)
{
    size_t next = RED_ZONE == 0 ? end : (end + RED_ZONE + 7) / 8 * 8;
    return next < size ? next : size;
}

void *arena_alloc(struct arena *a, size_t size, size_t align)
{
    if (align == 0 || align > ALIGN_MAX || (align & (align - 1)) != 0) {
        return NULL;
    }
    if (size == 0) {
        size = 1;
    }
    if (size > a->max || size > SIZE_MAX / 2) {
        return NULL;
    }
    struct arena_chunk *c = a->current;
    size_t pad = c == NULL ? 0 : (0 - c->used) & (align - 1);
    if (c == NULL || c->size - c->used < pad || c->size - c->used - pad < size) {
        if (size > a->max - a->used || !add_chunk(a, size)) {
            return NULL;
        }
        c = a->current;
        pad = 0;
    }
    if (size + pad > a->max - a->used) {
        return NULL;
    }
    unsigned char *p = c->data + c->used + pad;
    size_t begin = c->used + pad, end = begin + size;
    UNPOISON(p, size);
    if (begin < c->dirty) {
        memset(p, 0, (end < c->dirty ? end : c->dirty) - begin);
    }
    c->used = with_red_zone(end, c->size);
    if (c->dirty < end) {
        c->dirty = end;
    }
    a->used += size + pad;
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size, size_t align)
{
    if (size != 0 && n > SIZE_MAX / size) {
        return NULL;
    }
    return arena_alloc(a, n * size, align);
}

char *arena_copy(struct arena *a, const void *p, size_t n)
{
    char *copy = n == SIZE_MAX ? NULL : arena_alloc(a, n + 1, 1);
    if (copy != NULL && n > 0) {
        memcpy(copy, p, n);
    }
    return copy;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->current, a->current == NULL ? 0 : a->current->used, a->used};
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
    if (m.chunk == NULL) { /* the arena was empty */
        arena_reset(a);
        return;
    }
    chunk_truncate(m.chunk, m.chunk_used);
    /* One following chunk stays as a spare, so that a loop around a chunk's end does not allocate in every turn. */
    struct arena_chunk *spare = m.chunk->next;
    if (spare != NULL) {
        free_chain(spare->next);
        spare->next = NULL;
        chunk_truncate(spare, 0);
        if (spare->size > CHUNK_LARGEST) {
            free_chain(spare);
            m.chunk->next = NULL;
        }
    }
    a->current = m.chunk;
    a->used = m.used;
}

void *arena_grow(struct arena *a, void *p, size_t old_size, size_t size, size_t align)
{
    struct arena_chunk *c = a->current;
    if (p == NULL || old_size == 0) {
        return arena_alloc(a, size, align);
    }
    if (size <= old_size) {
        return p;
    }
    unsigned char *bytes = p;
    bool is_last = bytes >= c->data && bytes < c->data + c->size &&
                   with_red_zone((size_t)(bytes - c->data) + old_size, c->size) == c->used;
    if (is_last && size <= c->size - (size_t)(bytes - c->data)) {
        size_t begin = (size_t)(bytes - c->data), end = begin + size;
        if (size - old_size > a->max - a->used) {
            return NULL;
        }
        UNPOISON(bytes, size);
        if (begin + old_size < c->dirty) {
            memset(bytes + old_size, 0, (end < c->dirty ? end : c->dirty) - begin - old_size);
        }
        c->used = with_red_zone(end, c->size);
        if (c->dirty < end) {
            c->dirty = end;
        }
        a->used += size - old_size;
        return p;
    }
    void *moved = arena_alloc(a, size, align);
    if (moved != NULL) {
        memcpy(moved, p, old_size);
    }
    return moved;
}

int arena_fail(const struct arena *a, struct mrc_err *err)
{
    if (a->out_of_memory || a->max == SIZE_MAX) {
        return mrc_fail(err, MRC_ENOMEM, "out of memory (%zu bytes in use here)", a->used);
    }
    return mrc_fail(err, MRC_ELIMIT, "needs more than the %zu bytes allowed here", a->max);
}

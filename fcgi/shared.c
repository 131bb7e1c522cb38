/* Counters, rate limits and gates common to the processes of a host. */
#define _GNU_SOURCE /* open file description locks */
#include "fcgi/shared.h"
#include "fcgi/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LAYOUT = 2,      /* part of the file's name: programs with another layout use another file */
    BUCKETS = 4096,  /* of rate limits; a power of two */
    BUCKET_WAYS = 4, /* places a key can be in */
    PATH_SIZE = 4096,
    BUSY_CELL = SHARED_CELLS - 1
};

struct bucket {
    _Atomic uint64_t key;
    _Atomic int64_t full_us; /* time at which the bucket is full again: "theoretical arrival time" of GCRA */
};

/* free → being written → named, and never back */
enum { NAME_FREE, NAME_WRITING, NAME_READY };
struct name {
    _Atomic uint32_t state;
    char text[SHARED_NAME_MAX];
};

struct layout {
    _Atomic int64_t since_ms;
    _Atomic uint64_t generation;
    _Atomic uint32_t n_rows; /* rows ever used */
    struct bucket buckets[BUCKETS];
    struct name names[SHARED_NAMES];
    _Atomic uint64_t cells[SHARED_ROWS][SHARED_CELLS + SHARED_NAMES];
};

struct shared {
    int fd;
    unsigned row;
    struct layout *map;
};

/* A lock of one byte of the file, held by this opening of it. 0, or errno. */
static int lock_byte(int fd, off_t at)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

static void unlock_byte(int fd, off_t at)
{
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    (void)fcntl(fd, F_OFD_SETLK, &lock);
}

static int open_file(const char *path, int *fd, struct mrc_err *err)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    return *fd >= 0 ? MRC_OK : mrc_fail_errno(err, MRC_EIO, errno, "%s", path);
}

/* ---- counters -------------------------------------------------------------------------------------------------- */

static int take_row(struct shared *s, struct mrc_err *err)
{
    for (unsigned row = 0; row < SHARED_ROWS; row++) {
        int e = lock_byte(s->fd, (off_t)row);
        if (e == 0) {
            s->row = row;
            atomic_store(&s->map->cells[row][BUSY_CELL], 0); /* the row's former owner's */
            uint32_t used = atomic_load(&s->map->n_rows);
            while (used < row + 1 && !atomic_compare_exchange_weak(&s->map->n_rows, &used, row + 1)) {
            }
            return MRC_OK;
        }
        if (e != EAGAIN && e != EACCES) {
            return mrc_fail_errno(err, MRC_EIO, e, "lock of the shared file");
        }
    }
    return mrc_fail(err, MRC_EBUSY, "all %d rows of the shared file are taken", SHARED_ROWS);
}

/* The file is only ever extended with zeroes, which is what an empty layout is: no initialisation to race for. */
static int map_file(struct shared *s, struct mrc_err *err)
{
    struct stat st;
    if (fstat(s->fd, &st) != 0 ||
        ((size_t)st.st_size < sizeof(struct layout) && ftruncate(s->fd, (off_t)sizeof(struct layout)) != 0)) {
        return mrc_fail_errno(err, MRC_EIO, errno, "shared file");
    }
    void *map = mmap(NULL, sizeof(struct layout), PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    if (map == MAP_FAILED) {
        return mrc_fail_errno(err, MRC_EIO, errno, "shared file");
    }
    s->map = map;
    int64_t unset = 0;
    (void)atomic_compare_exchange_strong(&s->map->since_ms, &unset, wall_ms());
    return MRC_OK;
}

int shared_open(struct shared **out, const char *run_dir, struct mrc_err *err)
{
    char path[PATH_SIZE];
    if (snprintf(path, sizeof(path), "%s/shared.%d", run_dir, LAYOUT) >= (int)sizeof(path)) {
        return mrc_fail(err, MRC_EINVAL, "run_dir is longer than %d bytes", PATH_SIZE - 16);
    }
    struct shared *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for the shared file");
    }
    int rc = open_file(path, &s->fd, err);
    if (rc == MRC_OK) {
        rc = map_file(s, err);
    }
    if (rc == MRC_OK) {
        rc = take_row(s, err);
    }
    if (rc < 0) {
        shared_close(s);
        return rc;
    }
    *out = s;
    return MRC_OK;
}

struct shared *shared_open_or_none(const char *run_dir)
{
    struct shared *s;
    return shared_open(&s, run_dir, NULL) < 0 ? NULL : s;
}

void shared_close(struct shared *s)
{
    if (s == NULL) {
        return;
    }
    if (s->map != NULL) {
        munmap(s->map, sizeof(*s->map));
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s);
}

void shared_add(struct shared *s, unsigned cell, uint64_t n)
{
    if (s != NULL && cell < BUSY_CELL) {
        atomic_fetch_add_explicit(&s->map->cells[s->row][cell], n, memory_order_relaxed);
    }
}

enum { WORKER_IDLE = 1, WORKER_BUSY }; /* 0: another kind of process */

void shared_busy(struct shared *s, bool busy)
{
    if (s != NULL) {
        atomic_store_explicit(&s->map->cells[s->row][BUSY_CELL], busy ? WORKER_BUSY : WORKER_IDLE,
                              memory_order_relaxed);
    }
}

void shared_workers(const struct shared *s, unsigned *all, unsigned *busy)
{
    *all = *busy = 0;
    uint32_t n = s == NULL ? 0 : atomic_load(&s->map->n_rows);
    for (uint32_t row = 0; row < n && row < SHARED_ROWS; row++) {
        uint64_t state = atomic_load_explicit(&s->map->cells[row][BUSY_CELL], memory_order_relaxed);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)row, .l_len = 1};
        if (state != 0 && (row == s->row || (fcntl(s->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK))) {
            (*all)++;
            *busy += state == WORKER_BUSY;
        }
    }
}

static uint64_t sum_of(const struct shared *s, unsigned cell)
{
    uint64_t sum = 0;
    uint32_t n = atomic_load(&s->map->n_rows);
    for (uint32_t row = 0; row < n && row < SHARED_ROWS; row++) {
        sum += atomic_load_explicit(&s->map->cells[row][cell], memory_order_relaxed);
    }
    return sum;
}

uint64_t shared_sum(const struct shared *s, unsigned cell)
{
    return s == NULL || cell >= BUSY_CELL ? 0 : sum_of(s, cell);
}

/* The place of a name, made when it is new; -1: none. A process that dies while it writes a name leaves a place that is
 * never ready: names that would lie there are then not counted, rather than counted in two places. */
static int name_place(struct shared *s, const char *text, size_t n)
{
    enum { PROBES = 64, PATIENCE = 10000 };
    uint64_t hash = 14695981039346656037U; /* FNV-1a */
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211U;
    }
    for (unsigned probe = 0; probe < PROBES; probe++) {
        unsigned at = (unsigned)((hash + probe) % SHARED_NAMES);
        struct name *name = &s->map->names[at];
        uint32_t state = NAME_FREE;
        if (atomic_compare_exchange_strong(&name->state, &state, NAME_WRITING)) {
            memcpy(name->text, text, n + 1);
            atomic_store(&name->state, NAME_READY);
            return (int)at;
        }
        for (int i = 0; i < PATIENCE && state == NAME_WRITING; i++) {
            state = atomic_load(&name->state);
        }
        if (state != NAME_READY) {
            return -1;
        }
        if (strcmp(name->text, text) == 0) {
            return (int)at;
        }
    }
    return -1;
}

void shared_count(struct shared *s, const char *name, uint64_t n)
{
    size_t length = strlen(name);
    if (s == NULL || length >= SHARED_NAME_MAX) {
        return;
    }
    int at = name_place(s, name, length);
    if (at >= 0) {
        atomic_fetch_add_explicit(&s->map->cells[s->row][SHARED_CELLS + at], n, memory_order_relaxed);
    }
}

const char *shared_counted(const struct shared *s, unsigned i, uint64_t *sum)
{
    if (s == NULL || i >= SHARED_NAMES || atomic_load(&s->map->names[i].state) != NAME_READY) {
        return NULL;
    }
    *sum = sum_of(s, SHARED_CELLS + i);
    return s->map->names[i].text;
}

int64_t shared_since_ms(const struct shared *s)
{
    return s == NULL ? 0 : atomic_load(&s->map->since_ms);
}

uint64_t shared_generation(const struct shared *s)
{
    return s == NULL ? 0 : atomic_load(&s->map->generation);
}

void shared_generation_next(struct shared *s)
{
    if (s != NULL) {
        atomic_fetch_add(&s->map->generation, 1);
    }
}

/* ---- rate limits ----------------------------------------------------------------------------------------------- */

/* The key's bucket; without one, the place among its BUCKET_WAYS that has been full for longest is taken over. */
static struct bucket *find_bucket(struct shared *s, uint64_t key)
{
    size_t first = (size_t)(key * 0x9E3779B97F4A7C15U >> 32) & (BUCKETS - 1) & ~(size_t)(BUCKET_WAYS - 1);
    struct bucket *oldest = &s->map->buckets[first];
    for (size_t i = 0; i < BUCKET_WAYS; i++) {
        struct bucket *b = &s->map->buckets[first + i];
        if (atomic_load(&b->key) == key) {
            return b;
        }
        if (atomic_load(&b->full_us) < atomic_load(&oldest->full_us)) {
            oldest = b;
        }
    }
    /* Empty it first: another process that sees the key must not see the former owner's debts. */
    atomic_store(&oldest->full_us, 0);
    atomic_store(&oldest->key, key);
    return oldest;
}

int64_t shared_rate(struct shared *s, uint64_t key, int64_t now_ms, int64_t interval_ms, int64_t burst)
{
    if (s == NULL || interval_ms <= 0) {
        return 0;
    }
    struct bucket *b = find_bucket(s, key);
    int64_t now = now_ms * 1000, interval = interval_ms * 1000;
    int64_t full = atomic_load(&b->full_us);
    for (;;) {
        /* A clock that was set back must not lock anybody out for longer than an empty bucket takes to fill. */
        int64_t base = full < now ? now : full;
        if (base > now + burst * interval) {
            base = now + burst * interval;
        }
        int64_t wait = base - (now + (burst - 1) * interval);
        if (wait > 0) {
            return (wait + 999) / 1000;
        }
        if (atomic_compare_exchange_weak(&b->full_us, &full, base + interval)) {
            return 0;
        }
    }
}

struct charge shared_charge(struct shared *s, uint64_t key, int64_t now_ms, int64_t quota, int64_t cost)
{
    static const int64_t window = 60000000;
    struct charge out = {.remaining = quota};
    if (s == NULL || quota <= 0) {
        return out;
    }
    cost = cost > quota ? quota : cost;
    int64_t now = now_ms * 1000, price = (cost * window + quota - 1) / quota;
    struct bucket *b = find_bucket(s, key);
    int64_t full = atomic_load(&b->full_us);
    for (;;) {
        int64_t debt = full - now; /* how much of the window is spent; a clock that was set back costs one at most */
        debt = debt < 0 ? 0 : debt > window ? window : debt;
        bool allowed = debt + price <= window || debt == 0;
        if (!allowed || atomic_compare_exchange_weak(&b->full_us, &full, now + debt + price)) {
            int64_t after = debt + (allowed ? price : 0);
            out.wait_ms = allowed ? 0 : (debt + price - window + 999) / 1000;
            out.remaining = after >= window ? 0 : (window - after) * quota / window;
            out.reset_ms = (after + 999) / 1000;
            return out;
        }
    }
}

/* ---- back-off -------------------------------------------------------------------------------------------------- */

/* A bucket of a key that only back-off uses: the time of the next try in microseconds, whose low byte is the number of
 * failures instead (a quarter of a millisecond is no loss). */
enum { FAILURES_MASK = 0xff, FAILURES_MAX = 0xfe };

int64_t shared_backoff_wait(struct shared *s, uint64_t key, int64_t now_ms)
{
    if (s == NULL) {
        return 0;
    }
    int64_t until = (atomic_load(&find_bucket(s, key)->full_us) & ~(int64_t)FAILURES_MASK) / 1000;
    return until > now_ms ? until - now_ms : 0;
}

void shared_backoff_fail(struct shared *s, uint64_t key, int64_t now_ms, unsigned free, int64_t longest_ms)
{
    if (s == NULL) {
        return;
    }
    struct bucket *b = find_bucket(s, key);
    int64_t old = atomic_load(&b->full_us), fresh;
    do {
        int64_t until = (old & ~(int64_t)FAILURES_MASK) / 1000, failures = old & FAILURES_MASK;
        /* Long quiet, or a clock that was set back by more than any wait. */
        if (now_ms > until + longest_ms || until > now_ms + longest_ms) {
            failures = 0;
        }
        failures = failures < FAILURES_MAX ? failures + 1 : failures;
        int64_t doublings = failures - (int64_t)free - 1, wait = 0;
        if (doublings >= 0) {
            wait = doublings < 30 ? (int64_t)1000 << doublings : longest_ms;
        }
        wait = wait < longest_ms ? wait : longest_ms;
        fresh = (((now_ms + wait) * 1000) & ~(int64_t)FAILURES_MASK) | failures;
    } while (!atomic_compare_exchange_weak(&b->full_us, &old, fresh));
}

void shared_backoff_clear(struct shared *s, uint64_t key)
{
    if (s != NULL) {
        atomic_store(&find_bucket(s, key)->full_us, 0);
    }
}

/* ---- gates ----------------------------------------------------------------------------------------------------- */

struct gate {
    int fd;
    unsigned slots;
    int slot; /* -1: outside */
};

int gate_open(struct gate **out, const char *path, unsigned slots, struct mrc_err *err)
{
    if (slots < 1 || slots > 256) {
        return mrc_fail(err, MRC_EINVAL, "a gate of %u slots, 1-256 are possible", slots);
    }
    struct gate *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return mrc_fail(err, MRC_ENOMEM, "no memory for a gate");
    }
    int rc = open_file(path, &g->fd, err);
    if (rc < 0) {
        free(g);
        return rc;
    }
    g->slots = slots;
    g->slot = -1;
    *out = g;
    return MRC_OK;
}

void gate_close(struct gate *g)
{
    if (g != NULL) {
        close(g->fd); /* the kernel unlocks */
        free(g);
    }
}

int gate_enter(struct gate *g)
{
    if (g == NULL) {
        return MRC_OK;
    }
    if (g->slot >= 0) {
        return MRC_EBUG;
    }
    for (unsigned i = 0; i < g->slots; i++) {
        int e = lock_byte(g->fd, (off_t)i);
        if (e == 0) {
            g->slot = (int)i;
            return MRC_OK;
        }
        if (e != EAGAIN && e != EACCES) {
            return MRC_EIO;
        }
    }
    return MRC_EBUSY;
}

void gate_leave(struct gate *g)
{
    if (g != NULL && g->slot >= 0) {
        unlock_byte(g->fd, (off_t)g->slot);
        g->slot = -1;
    }
}

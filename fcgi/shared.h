/* What the processes of one host share without a server: counters and gates in files of run_dir.
 *
 * The counters are a mapped file with one row of cells per process; each process adds to its own row only, readers sum
 * all rows, so nothing is lost when a process dies and nothing is locked when it counts. What a cell means is its
 * user's business (a table there). Slots of gates and rows are locks that the kernel gives back when their holder ends,
 * also by kill -9: nothing can leak. Open after fork: locks belong to an opening. */
#ifndef MRC_FCGI_SHARED_H
#define MRC_FCGI_SHARED_H

#include "common/base/text.h"

struct shared;

enum {
    SHARED_CELLS = 512 /* the last is shared_busy's */,
    SHARED_ROWS = 1024,
    SHARED_NAMES = 1024,
    SHARED_NAME_MAX = 124 /* with NUL */
};

/* Map <run_dir>/shared.N (N: version of its layout; made when absent) and take a free row. MRC_EBUSY: all rows taken.
 */
int shared_open(struct shared **out, const char *run_dir, struct mrc_err *err) MRC_CHECKED;
/* The same; NULL where it cannot be: for those to whom counting is worth no failure. */
struct shared *shared_open_or_none(const char *run_dir);
void shared_close(struct shared *s); /* NULL is fine; the row's counts stay */

/* Add to this process's cell, 0 <= cell < SHARED_CELLS; sum it over all processes, living and dead. s may be NULL:
 * nothing is counted, every sum is 0. */
void shared_add(struct shared *s, unsigned cell, uint64_t n);
uint64_t shared_sum(const struct shared *s, unsigned cell);

/* This process is a worker, and is at work or waits. shared_workers: how many there are, and how many are at work; the
 * dead do not count. */
void shared_busy(struct shared *s, bool busy);
void shared_workers(const struct shared *s, unsigned *all, unsigned *busy);

/* As shared_add, in a cell that is found by name and made at its first count. Names are of a bounded set (metrics.c),
 * at most SHARED_NAMES; what finds no place, or is longer, is not counted. */
void shared_count(struct shared *s, const char *name, uint64_t n);
/* The i-th place for a name, 0 <= i < SHARED_NAMES: its name and sum, or NULL when it is free. */
const char *shared_counted(const struct shared *s, unsigned i, uint64_t *sum);
/* Unix time at which the file was made and counting began. */
int64_t shared_since_ms(const struct shared *s);

/* A number all processes see, which only grows: whoever changes what others cached (a new version, a new schedule) adds
 * one; the others compare. */
uint64_t shared_generation(const struct shared *s);
void shared_generation_next(struct shared *s);

/* Token bucket common to all processes, for limits by account or address. key: any 64-bit digest, not 0. Allows `burst`
 * (>= 1) events at once and one more every interval_ms. Returns 0 when this event is allowed, else milliseconds until
 * the next one would be. Of two keys that share a place in the table the longer idle one is forgotten: a limit can be
 * too lenient, never too strict. s may be NULL: everything is allowed. */
int64_t shared_rate(struct shared *s, uint64_t key, int64_t now_ms, int64_t interval_ms, int64_t burst);

/* As shared_rate, for a quota of `quota` (1-1,000,000) in a minute that is earned back evenly, and a request that costs
 * `cost` of it (at least 1; one that costs more than the quota costs the quota). The quota is not cut for a refusal. */
struct charge {
    int64_t wait_ms;   /* 0: allowed; else until this request would be */
    int64_t remaining; /* of the quota, now */
    int64_t reset_ms;  /* until all of it is there again */
};
struct charge shared_charge(struct shared *s, uint64_t key, int64_t now_ms, int64_t quota, int64_t cost);

/* Back-off common to all processes: after `free` failures (at most 100) under a key each further one doubles the time
 * until the next try, from one second up to longest_ms. shared_backoff_wait: milliseconds until a try is allowed, 0:
 * now. What has been quiet for longest_ms after its wait is forgotten. Keys as above, but never the same ones. */
int64_t shared_backoff_wait(struct shared *s, uint64_t key, int64_t now_ms);
void shared_backoff_fail(struct shared *s, uint64_t key, int64_t now_ms, unsigned free, int64_t longest_ms);
void shared_backoff_clear(struct shared *s, uint64_t key);

/* At most `slots` processes at once inside; the rest are told so immediately. */
struct gate;
/* slots 1-256. path: lock file, made when absent. */
int gate_open(struct gate **out, const char *path, unsigned slots, struct mrc_err *err) MRC_CHECKED;
void gate_close(struct gate *g); /* NULL is fine; leaves first */
/* MRC_OK, MRC_EBUSY when all slots are taken, MRC_EIO. A process enters once before it leaves; g NULL: always MRC_OK.
 */
int gate_enter(struct gate *g) MRC_CHECKED;
void gate_leave(struct gate *g);

#endif

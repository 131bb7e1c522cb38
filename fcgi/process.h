/* What a process of the server needs from the kernel: a name in ps, an end when its parent ends, signals as something
 * to poll for, clocks, and a lock that dies with its holder. Linux. */
#ifndef MRC_FCGI_PROCESS_H
#define MRC_FCGI_PROCESS_H

#include "common/base/text.h"

#include <sys/types.h>

/* Where main's arguments lie, for process_name. */
struct process_title {
    char *start;
    size_t size;
};
/* Remember argv's memory. Copy what is still needed of argv before process_name overwrites it. */
struct process_title process_title_of(int argc, char **argv);
/* Call this process name (at most 15 bytes: ps, pgrep, top), and in the list of arguments "name detail". detail "" for
 * none; t NULL leaves the arguments alone. */
void process_name(const struct process_title *t, const char *name, const char *detail);

/* Fork a child that gets TERM when this process ends, whatever ends it, and all signals unblocked and at their default.
 * Returns 0 in the child, its pid in the parent, negative status (MRC_EIO). */
pid_t process_fork(struct mrc_err *err);

/* Become the parent of workers whose template died, so that they are reaped when they have finished, also in a
 * container whose first process reaps nobody. */
void process_adopt_orphans(void);

/* The children a process without threads has now, adopted ones included; at most max. Where the kernel does not tell:
 * none. */
size_t process_children(pid_t of, pid_t *pids, size_t max);

/* Block these signals (0-terminated list) and give a descriptor that becomes readable when one arrives. */
int process_signals(const int *signals, int *fd, struct mrc_err *err) MRC_CHECKED;
/* Next signal that arrived at such a descriptor, 0 when none waits. */
int process_signal_next(int fd);

int64_t monotonic_ms(void);
int64_t monotonic_us(void);
int64_t wall_ms(void); /* Unix time; it may jump */
/* Milliseconds from now until deadline for poll: 0 when past, -1 when deadline is INT64_MAX (no deadline). */
int poll_timeout(int64_t deadline_ms);

/* This host's name, and "host:pid", by which leases of the store name their holder. */
enum { HOST_MAX = 80, HOLDER_MAX = 128 };
void process_host(char out[HOST_MAX]);
void process_holder(char out[HOLDER_MAX]);

/* Hold the file path (made when absent) as the only process. The kernel gives it back when this process ends, also by
 * kill -9; children do not inherit it. *fd must stay open meanwhile. MRC_EBUSY: another process has it, named in err.
 */
int process_lock(const char *path, int *fd, struct mrc_err *err) MRC_CHECKED;

#endif

/* What a service takes of its host: the figures that Prometheus's clients report of a process, for all processes of a
 * master together, read from /proc. Linux. */
#ifndef MRC_FCGI_USAGE_H
#define MRC_FCGI_USAGE_H

#include <stdbool.h>
#include <stdint.h>

struct usage {
    double cpu_s;            /* user and system time, of the processes that have ended too: it never falls */
    double start_s;          /* Unix time at which the master began */
    uint64_t resident_bytes; /* pages that several share are counted once */
    uint64_t open_fds;
};

/* Of the master above the calling process and all below it. false: there is none (mod_fcgid's workers have no master), or
 * /proc does not tell. */
bool usage_read(struct usage *out);

#endif

/* The template: a process that loads and tests one version once, then forks the workers that serve it, so that they
 * share its pages and none pays for a load. It keeps as many as the master asks for. */
#ifndef MRC_FCGI_TEMPLATE_H
#define MRC_FCGI_TEMPLATE_H

#include "fcgi/config.h"
#include "fcgi/current.h"
#include "fcgi/process.h"

/* Messages between master and template, whole ones, over a SOCK_SEQPACKET pair. */
struct template_message {
    enum {
        TEMPLATE_TARGET, /* master: keep count workers */
        TEMPLATE_READY,  /* template: version loaded and tested */
        TEMPLATE_UP      /* template: count workers accept requests now */
    } kind;
    uint32_t count;
};

struct template_parts {
    const struct settings *config;
    const struct process_title *title;
    struct current version; /* path "": serve without a version, answering 503 */
    int listen_fd;
    int control_fd;
};

/* Exit statuses beside EXIT_DONE, EXIT_BUG (crash loop of the workers) and EXIT_IO. */
enum { TEMPLATE_REFUSED = 65 /* the version cannot be loaded or fails its test */ };

/* Run until TERM, or until the master is gone; then let the workers finish. Returns an exit status. */
int template_run(const struct template_parts *parts);

/* More than CRASHES_MAX processes that ended before their first work within CRASHES_WINDOW_MS are a crash loop. */
enum { CRASHES_MAX = 5, CRASHES_WINDOW_MS = 10000 };
struct crashes {
    int64_t times_ms[CRASHES_MAX + 1]; /* ring */
    unsigned n;                        /* ever */
};
/* Note one; true: this is a loop. */
bool crashes_note(struct crashes *c, int64_t now_ms);
/* How long to wait before the next attempt after n early ends in a row: 0, 100 ms, doubling, at most 2 s. */
int64_t crashes_delay_ms(unsigned in_a_row);

#endif

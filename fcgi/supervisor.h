/* The service manager above the master (systemd), without its library: a socket handed over, and one datagram for each
 * thing it wants to know. Without one, all of this does nothing. */
#ifndef MRC_FCGI_SUPERVISOR_H
#define MRC_FCGI_SUPERVISOR_H

#include "common/base/text.h"

/* The listening socket that was handed over (LISTEN_FDS), close-on-exec, or -1: none. MRC_EINVAL: several, or something
 * else than a listening stream socket. */
int supervisor_socket(int *fd, struct mrc_err *err) MRC_CHECKED;

/* Lines for sd_notify's protocol: "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…". */
void supervisor_notify(const char *text);
/* "RELOADING=1" with the time the manager asks for; "READY=1" ends it. */
void supervisor_reloading(void);
/* How often it wants to hear "WATCHDOG=1" at least, in milliseconds, halved for safety; 0: never. */
int64_t supervisor_watchdog_ms(void);

#endif

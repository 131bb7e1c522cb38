/* Listening sockets: a UNIX path with its permissions and its lock, host:port, or one that the parent left on fd 0. */
#ifndef MRC_FCGI_LISTENER_H
#define MRC_FCGI_LISTENER_H

#include "common/base/text.h"

struct listener {
    int fd;         /* listening socket; close-on-exec where it was opened here; -1: none */
    int lock_fd;    /* -1: none */
    char path[108]; /* of the socket to remove in the end; "": none */
};

/* Take over an inherited socket, which must be listening: MRC_EINVAL when it is not. */
int listener_take(struct listener *out, int fd, struct mrc_err *err) MRC_CHECKED;
/* Bind and listen. address: a text with '/' = UNIX path (made with mode; a lock file path.lock keeps a second server
 * away, a socket left by a dead one is replaced); else host:port, [v6]:port or :port. MRC_EBUSY: served by another
 * process. MRC_EINVAL: no such address, path too long. */
int listener_open(struct listener *out, const char *address, unsigned mode, int backlog,
                  struct mrc_err *err) MRC_CHECKED;
/* Close; remove: also remove the socket's file. Children close without removing. */
void listener_close(struct listener *l, bool remove);
/* Is fd a listening stream socket? */
bool is_listening(int fd);

#endif

/* Which version of the model is current: the link models_dir/<name>/current, looked at often and cheaply. */
#ifndef MRC_FCGI_CURRENT_H
#define MRC_FCGI_CURRENT_H

#include "common/base/settings.h"

#include <sys/types.h>

struct current {
    char version[128]; /* what the link names, its last part; "" when there is none */
    char path[4600];   /* folder to open; "" when there is none */
    dev_t device;      /* of the link: a link that was made anew is looked at anew, whatever it names */
    ino_t inode;
    int64_t changed_ns;
};

/* Look. Never fails: what cannot be read is none. */
void current_read(struct current *out, const struct settings *config);
/* Do both looks see the same link, or both none? */
bool current_same(const struct current *a, const struct current *b);

#endif

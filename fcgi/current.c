/* Which version of the model is current. */
#include "fcgi/current.h"

#include "fcgi/config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fits(int length, size_t size)
{
    return length >= 0 && (size_t)length < size;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

void current_read(struct current *out, const struct settings *config)
{
    char link[4400], target[sizeof(link)];
    struct current c = {.version = ""};
    *out = c;
    const char *models = setting_cstr(config, CONFIG_MODELS_DIR), *name = setting_cstr(config, CONFIG_MODEL);
    struct stat st;
    if (!fits(snprintf(link, sizeof(link), "%s/%s/current", models, name), sizeof(link)) || lstat(link, &st) != 0) {
        return;
    }
    c.device = st.st_dev;
    c.inode = st.st_ino;
    c.changed_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
    int length;
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(link, target, sizeof(target) - 1);
        if (n <= 0) {
            return;
        }
        target[n] = '\0';
        /* The named folder is opened, not the link: it may be switched in between. */
        length = target[0] == '/' ? snprintf(c.path, sizeof(c.path), "%s", target)
                                  : snprintf(c.path, sizeof(c.path), "%s/%s/%s", models, name, target);
    } else {
        length = snprintf(c.path, sizeof(c.path), "%s", link);
    }
    if (fits(length, sizeof(c.path)) &&
        fits(snprintf(c.version, sizeof(c.version), "%s", last_part(c.path)), sizeof(c.version))) {
        *out = c;
    }
}

bool current_same(const struct current *a, const struct current *b)
{
    return strcmp(a->path, b->path) == 0 && a->device == b->device && a->inode == b->inode &&
           a->changed_ns == b->changed_ns;
}

/* The agent watches the folder of versions: it says when another version became current, and warns of a link that leads
 * nowhere before anybody needs it. It changes nothing. */
#include "fcgi/agent.h"

#include "common/base/file.h"
#include "common/base/log.h"
#include "fcgi/cmd.h"
#include "fcgi/current.h"
#include "fcgi/process.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { LOOK_MS = 2000 };

static void look(const struct settings *config, struct current *seen)
{
    struct current c;
    current_read(&c, config);
    if (current_same(&c, seen)) {
        return;
    }
    *seen = c;
    if (c.path[0] == '\0') {
        log_event(LOG_WARN, "there is no current version", LOG_CSTR("models", setting_cstr(config, CONFIG_MODELS_DIR)));
    } else if (!file_is_folder(c.path)) {
        log_event(LOG_WARN, "the current version is missing", LOG_CSTR("folder", c.path));
    } else {
        log_event(LOG_INFO, "current version", LOG_CSTR("version", c.version));
    }
}

int agent_run(const struct settings *config, struct mrc_err *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
    int fd = -1;
    if (process_signals(signals, &fd, err) < 0) {
        return EXIT_IO;
    }
    struct current seen = {.path = "?"};
    bool stop = false;
    while (!stop) {
        look(config, &seen);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        (void)poll(&p, 1, LOOK_MS);
        for (int sig; (sig = process_signal_next(fd)) != 0;) {
            stop = stop || sig == SIGTERM || sig == SIGINT;
        }
    }
    close(fd);
    return EXIT_DONE;
}

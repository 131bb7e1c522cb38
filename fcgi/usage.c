/* A master's processes are found by going up to it and down again. A process that ends in the meantime is left out;
 * what it used is its parent's as soon as that has reaped it. */
#include "fcgi/usage.h"

#include "fcgi/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESSES_MAX = 2048, LEVELS_MAX = 4 /* from a worker to its master */ };

struct process {
    char name[16];
    pid_t parent;
    double cpu_s, start_s; /* start_s: since the host's boot */
};

static FILE *open_of(pid_t pid, const char *file)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
    return fopen(path, "re");
}

/* proc(5), /proc/PID/stat: the name may hold anything, also a bracket, so the other fields begin behind the last one.
 */
static bool read_process(pid_t pid, struct process *p)
{
    char text[1024];
    FILE *f = open_of(pid, "stat");
    size_t n = f == NULL ? 0 : fread(text, 1, sizeof(text) - 1, f);
    if (f != NULL) {
        (void)fclose(f);
    }
    text[n] = '\0';
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (open == NULL || close == NULL || (size_t)(close - open) > sizeof(p->name)) {
        return false;
    }
    memcpy(p->name, open + 1, (size_t)(close - open) - 1);
    p->name[close - open - 1] = '\0';
    long parent;
    unsigned long long user, system, children_user, children_system, start;
    if (sscanf(close + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu %*d %*d %*d %*d %llu",
               &parent, &user, &system, &children_user, &children_system, &start) != 6) {
        return false;
    }
    double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    p->parent = (pid_t)parent;
    p->cpu_s = (double)(user + system + children_user + children_system) * tick;
    p->start_s = (double)start * tick;
    return true;
}

/* The number behind a word at the beginning of a line, 0 when there is none. */
static uint64_t number_after(FILE *f, const char *word)
{
    char *line = NULL;
    size_t size = 0, n = strlen(word);
    uint64_t v = 0;
    while (f != NULL && v == 0 && getline(&line, &size, f) > 0) {
        v = strncmp(line, word, n) == 0 ? strtoull(line + n, NULL, 10) : 0;
    }
    free(line);
    if (f != NULL) {
        (void)fclose(f);
    }
    return v;
}

static uint64_t count_fds(pid_t pid)
{
    char path[64];
    uint64_t n = 0;
    (void)snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    DIR *d = opendir(path);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        n += e->d_name[0] != '.';
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    return n;
}

static pid_t find_master(struct process *p)
{
    pid_t pid = getpid();
    for (int level = 0; level < LEVELS_MAX && pid > 0 && read_process(pid, p); level++) {
        if (strcmp(p->name, "mrc-master") == 0) {
            return pid;
        }
        pid = p->parent;
    }
    return 0;
}

bool usage_read(struct usage *out)
{
    pid_t pids[PROCESSES_MAX];
    struct process p;
    size_t n = 1;
    *out = (struct usage){0};
    pids[0] = find_master(&p);
    uint64_t boot_s = number_after(fopen("/proc/stat", "re"), "btime ");
    if (pids[0] == 0 || boot_s == 0) {
        return false;
    }
    out->start_s = (double)boot_s + p.start_s;
    for (size_t i = 0; i < n; i++) {
        n += process_children(pids[i], pids + n, PROCESSES_MAX - n);
        if (read_process(pids[i], &p)) {
            out->cpu_s += p.cpu_s;
            out->resident_bytes += 1024 * number_after(open_of(pids[i], "smaps_rollup"), "Pss:");
            out->open_fds += count_fds(pids[i]);
        }
    }
    return true;
}

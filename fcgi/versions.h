/* The versions of the model in models_dir/<model>: what there is, which one is current, and the switch. */
#ifndef MRC_FCGI_VERSIONS_H
#define MRC_FCGI_VERSIONS_H

#include "common/base/json.h"
#include "common/base/settings.h"

struct bundle;

enum { VERSIONS_MAX = 1000 }; /* listed at once, the newest by name */

struct version {
    struct str name;
    const char *folder;
    bool current, previous; /* named by the links of these names */
    struct str manifest;    /* JSON text; empty when it cannot be read or is none */
    char digest[65];        /* sha256 of the manifest's bytes; "" without one */
    struct str created;     /* of the manifest; may be empty */
    struct str histories_as_of;
    int64_t schema_version; /* 0: unknown */
};

/* models_dir/<model>. NULL: arena_fail. */
const char *versions_folder(const struct settings *config, struct arena *a);
/* All of them, newest name first, in the arena; at most VERSIONS_MAX. A folder that is none is an empty list. */
int versions_list(const struct settings *config, struct arena *a, struct version **out, size_t *n,
                  struct mrc_err *err) MRC_CHECKED;
/* One, by name. MRC_ENOTFOUND: no such version, or no name of one. */
int versions_get(const struct settings *config, struct str name, struct arena *a, struct version *out,
                 struct mrc_err *err) MRC_CHECKED;
/* Name of the one whose manifest has that sha256; false: there is none, or its name has no place. */
bool versions_find(const struct settings *config, const char *digest, char *name, size_t size);
/* Another file of a version (metrics.json, report.json) as JSON text; empty when it is absent or none. */
struct str versions_file(const struct version *v, const char *name, struct arena *a);

/* Load the version and run its self-test. The reason of a refusal names files of the version, never a folder of this
 * host. MRC_ENOTFOUND, and what bundle_open says. */
int versions_open(const struct settings *config, struct str name, struct arena *a, struct bundle **out,
                  struct mrc_err *err) MRC_CHECKED;
/* Only look whether it would. */
int versions_check(const struct settings *config, struct str name, struct arena *a, struct mrc_err *err) MRC_CHECKED;
/* The version that was current before this one. MRC_ENOTFOUND: there is none. */
int versions_previous(const struct settings *config, struct arena *a, struct str *name,
                      struct mrc_err *err) MRC_CHECKED;
/* Make it current; check it first. */
int versions_switch(const struct settings *config, struct str name, struct arena *a, struct mrc_err *err) MRC_CHECKED;

#endif

/* The files the server may hand out: a fixed table made when the app opens. A request's path is looked up in it and is
 * never joined to a folder. */
#ifndef MRC_FCGI_ASSETS_H
#define MRC_FCGI_ASSETS_H

#include "fcgi/app.h"

struct assets;
struct asset;

enum { ASSETS_MAX = 4096, ASSETS_DEPTH_MAX = 8, ASSET_BYTES_MAX = 16 << 20 };

/* List *.html of the folder itself, and all files below assets/ and vendor/ whose type is known; names that begin with
 * a dot are left out. www_dir NULL or empty: an empty table. MRC_EIO, MRC_ELIMIT, MRC_ENOMEM. */
int assets_open(struct assets **out, const char *www_dir, struct mrc_err *err) MRC_CHECKED;
void assets_close(struct assets *a);

/* The file of a path as it stands in URLs ("/assets/app.css", "/index.html"), or NULL. */
struct asset *assets_find(const struct assets *a, struct str path);
/* Is there a file whose path begins so? */
bool assets_has_prefix(const struct assets *a, const char *prefix);

/* Answer with the file: type, ETag, 304, a precompressed variant (.br, .gz beside it) when the client takes it. Without
 * the file any more: 404. cache: value of Cache-Control. */
void assets_serve(struct context *c, struct asset *asset, const char *cache);

#endif

/* Files: bounded reading, atomic replacement, folders. Every call handles EINTR and short reads and writes. */
#ifndef MRC_BASE_FILE_H
#define MRC_BASE_FILE_H

#include "common/base/text.h"

/* Whole file into malloc'd memory (NUL after the last byte), at most max bytes. "-" is standard input.
 * MRC_ENOTFOUND, MRC_ELIMIT (larger than max), MRC_EIO. *out is the caller's to free(). */
int file_read(const char *path, size_t max, char **out, size_t *n, struct mrc_err *err) MRC_CHECKED;

/* Replace path by these bytes: temporary file in the same folder, write, fsync, rename, fsync of the folder. Nothing
 * is left behind on failure (also when the disk is full), and a reader sees the old or the new file, never a part.
 * mode: permissions, less the umask. MRC_ENOTFOUND when the folder is absent, MRC_EIO. */
int file_replace(const char *path, struct str text, unsigned mode, struct mrc_err *err) MRC_CHECKED;
/* Plain write for a new file inside a folder that is not yet visible (no rename): create, write, fsync, close.
 * MRC_ECONFLICT when it exists. */
int file_create(const char *path, struct str text, unsigned mode, struct mrc_err *err) MRC_CHECKED;
/* All of text to a descriptor. */
int file_write_fd(int fd, struct str text, struct mrc_err *err) MRC_CHECKED;

bool file_exists(const char *path);
bool file_is_folder(const char *path);
int folder_create(const char *path, unsigned mode,
                  struct mrc_err *err) MRC_CHECKED; /* with parents; existing is fine */
int folder_remove(const char *path,
                  struct mrc_err *err) MRC_CHECKED; /* with all in it; follows no link; absent is fine */
int folder_sync(const char *path, struct mrc_err *err) MRC_CHECKED; /* fsync the folder */
/* Names in a folder without "." and "..", sorted, copied to the arena. */
int folder_list(const char *path, struct arena *a, struct str **names, size_t *n, struct mrc_err *err) MRC_CHECKED;
/* a "/" b in the arena; b absolute gives b. NULL: arena_fail. */
char *path_join(struct arena *a, const char *folder, const char *name);

#endif

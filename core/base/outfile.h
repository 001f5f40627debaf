/* A file under construction: written beside its target as TARGET.XXXXXX.part, then synced and renamed over it, so that
 * it appears whole or not at all.
 *
 * The unfinished file is locked (flock) by who writes it. One that nobody holds was left by a process that was killed:
 * who writes TARGET next removes it. On a file system without locks it stays.
 *
 * A device or a pipe (/dev/null, /dev/stdout, >(gzip)) is written through: the output is kept in an unnamed file and
 * copied there by the commit.
 */
#ifndef FREEZETUNE_OUTFILE_H
#define FREEZETUNE_OUTFILE_H

#include <stdbool.h>
#include <stdio.h>

#include "core/base/error.h"

struct outfile {
    FILE *stream; /* write here */
    char *path, *temporary;
    bool through; /* see above; then there is no temporary name */
};

/* Removes what killed processes left of TARGET, and begins it. ERR_CANTCREATE when the file cannot be made, or when the
 * target is a folder, a socket or a disk. */
MUST_CHECK enum status outfile_open(struct outfile *out, const char *path, struct error *err);
/* Flush, fsync, rename, fsync of the folder. On failure (ERR_IO) the temporary file is gone and a former target is as
 * it was, unless the folder alone could not be synced: the new file is then there and whole, but might be gone after a
 * crash of the machine. A file system that cannot sync folders is no failure. *out is dead after either call;
 * outfile_discard of a dead one does nothing. */
MUST_CHECK enum status outfile_commit(struct outfile *out, struct error *err);
void outfile_discard(struct outfile *out);

/* Can a file be made there? For before the work whose result it takes. ERR_CANTCREATE. */
MUST_CHECK enum status outfile_probe(const char *path, struct error *err);

/* outfile_open of folder/name. */
MUST_CHECK enum status outfile_open_in(struct outfile *out, const char *folder, const char *name, struct error *err);
/* Commits when all went well so far (`status`), else discards. Returns what became of it. */
MUST_CHECK enum status outfile_end(struct outfile *out, enum status status, struct error *err);

/* fsync of the folder that holds `path`, so that a rename in it stays. ERR_IO;
 * a file system that cannot is no failure. */
MUST_CHECK enum status outfile_sync_folder(const char *path, struct error *err);

/* Removes what killed processes left of folder/name under construction, as far as that goes. */
void outfile_remove_stale(const char *folder, const char *name);

#endif

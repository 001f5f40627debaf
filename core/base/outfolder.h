/* A folder under construction: it lies beside its target under a temporary name ("OUT.part.XXXXXX") and appears there
 * with all its files, or not at all.
 *
 *   outfolder_open; files written into folder.temporary (outfile_open_in); outfolder_end
 *
 * The folder is flat: outfolder_end removes files, not folders in it. The unfinished folder is locked (flock) by who
 * writes it; one that nobody holds was left by a process that was killed, and who makes OUT next removes it.
 */
#ifndef FREEZETUNE_OUTFOLDER_H
#define FREEZETUNE_OUTFOLDER_H

#include "core/base/error.h"

struct outfolder {
    char *path, *temporary;
    int lock; /* the open folder */
};

/* Removes what killed processes left of OUT, and begins it. ERR_CANTCREATE when the folder cannot be made; when `path`
 * exists and is anything but an empty folder, which is then replaced; and when it is the working folder, which would be
 * lost to the shell. */
MUST_CHECK enum status outfolder_open(struct outfolder *out, const char *path, struct error *err);

/* Puts the folder in its place when all went well so far (`status`), else removes it; returns what became of it. On
 * failure (ERR_IO; ERR_CANTCREATE when somebody else made `path` in the meantime) nothing is left, unless the folder
 * above alone could not be synced: *path is then whole. In *err, which may be NULL, the temporary name becomes the
 * final one. *out is dead; a zeroed one is left alone. */
MUST_CHECK enum status outfolder_end(struct outfolder *out, enum status status, struct error *err);

#endif

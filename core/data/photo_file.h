/* Is a file in a folder meant as a photo? Content decides; the name is asked where the content says nothing.
 *
 * A photo is what begins like a picture, in a format that is read or not, and what is named like one (".jpg"): an empty
 * or overwritten photo is a bad photo, to be listed, and not a file of another kind. Everything else that can be read
 * (Thumbs.db, desktop.ini, annotations, notes, videos) is no photo: it is counted and left alone. What cannot be looked
 * at is taken for a photo, so that reading it says why.
 *
 * Folders that systems make for themselves (thumbnails, metadata, deleted files) are treated as hidden ones are.
 */
#ifndef FREEZETUNE_PHOTO_FILE_H
#define FREEZETUNE_PHOTO_FILE_H

#include <stdbool.h>

/* Does the name end like a picture's? Case does not matter. */
bool photo_file_named(const char *name);

/* Opens the file only if its name does not settle it. FIFOs and devices are not waited for. */
bool photo_file_is(const char *path);

/* @eaDir, __MACOSX, lost+found and the like. */
bool system_folder_named(const char *name);

#endif

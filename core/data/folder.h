/* Folders of photos: which files there are, which class each belongs to. dataset.h says which of them train.
 *
 *   DIR/train/ants/1.jpg     either train/ and val/, each with one folder per class,
 *   DIR/val/ants/2.jpg
 *   DIR/ants/1.jpg           or one folder per class, split by --val-split
 *
 * Classes are the names of the folders, sorted by bytes, and are matched by name everywhere. Every file below a class
 * folder is a photo of that class, at any depth, whatever its suffix: what is no photo is found by its content later,
 * and listed. Order: a folder's files by name, then its folders by name. Names that begin with a dot are ignored and
 * counted, as are files that lie beside the class folders. Links are followed; a link to a folder above itself is not.
 */
#ifndef FREEZETUNE_FOLDER_H
#define FREEZETUNE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"

#define PHOTO_NO_CLASS UINT32_MAX

struct photo {
    uint64_t name;  /* where its path below the root begins in photo_list.names */
    uint32_t class; /* number of its class, or PHOTO_NO_CLASS */
};

/* Photos below one root. At most 2^32 - 1 of them; 16 bytes and a name each. Owns its memory (photo_list_free). */
struct photo_list {
    char *root; /* "DIR/train"; "" when the names are paths themselves */
    char *names;
    size_t names_used, names_room;
    struct photo *photos;
    size_t count, room;
    size_t hidden; /* files and folders whose names begin with a dot: not looked into */
    size_t stray;  /* files beside the class folders: not used */
};

/* Class names in order, owned. */
struct class_names {
    char **names;
    size_t count;
};

void photo_list_free(struct photo_list *list);
void class_names_free(struct class_names *classes);

/* The number of a class, or PHOTO_NO_CLASS. The names must be sorted by bytes. */
uint32_t class_names_find(const struct class_names *classes, const char *name);

/* The path below the root, borrowed; with the root in front, for opening, into out[size] (false when too long). */
const char *photo_name(const struct photo_list *list, size_t photo);
bool photo_path(char *out, size_t size, const struct photo_list *list, size_t photo);

/* Lists one folder of class folders. With known = NULL the classes are the folders found, returned in *classes; else
 * *known (sorted) are the classes, a folder of another name is ERR_DATA naming it, and classes may be NULL.
 * ERR_NOINPUT when the folder cannot be read; ERR_DATA when it holds no class folder or no photo, when a class name is
 * not UTF-8, and (known = NULL) when a class folder holds no file. */
MUST_CHECK enum status folder_list(struct photo_list *out, struct class_names *classes, const char *dir,
                                   const struct class_names *known, struct error *err);

/* For predict: adds a file, or the files below a folder, to a list that began as {0}. ERR_NOINPUT when there is
 * nothing of that name; a file is not opened yet. */
MUST_CHECK enum status photo_list_add(struct photo_list *list, const char *path, struct error *err);
/* Adds the paths of a stream, one a line ('\n') or each followed by a NUL ('\0'). Folders are walked; a path that names
 * nothing is added too and fails when it is read, so that each line has its answer. Empty lines are passed over. */
MUST_CHECK enum status photo_list_add_stream(struct photo_list *list, FILE *stream, char separator, struct error *err);

#endif

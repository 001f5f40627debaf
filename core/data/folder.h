/* Folders of photos: which files there are, and which class each belongs to. dataset.h says which of them train.
 *
 * Classes are the names of the folders, sorted by bytes, and are matched by name everywhere. Every photo below a class
 * folder is a photo of that class, at any depth. photo_file.h says what is a photo; other files are counted. Order: a
 * folder's files by name, then its folders by name. Names that begin with a dot and folders that systems make for
 * themselves (@eaDir, __MACOSX, lost+found) are skipped and counted, as are photos that lie beside the class folders.
 * Links are followed; a link to a folder above itself is not.
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

/* A folder that could not be read. It stands in the list like a photo, which cannot be read either. */
struct photo_unread {
    uint32_t photo;
    char *reason; /* without the path */
};

/* Photos below one root. At most 2^32 - 1 of them; 16 bytes and a name each. Owns its memory (photo_list_free). */
struct photo_list {
    char *root; /* "DIR/train"; "" when the names are paths themselves */
    char *part; /* the folder in each class folder that is listed ("train"), owned; NULL: all that is in them */
    char *names;
    size_t names_used, names_room;
    struct photo *photos;
    size_t count, room;
    size_t hidden; /* names that begin with a dot and folders of systems: not looked into */
    size_t stray;  /* photos beside the class folders: not used */
    size_t others; /* files that are no photos */
    char *other;   /* the first of them, or NULL */
    char *note;    /* how the folders were understood, one line, where that does not go without saying; or NULL */

    bool forgiving; /* set by the caller: a folder in a folder that cannot be read is an entry, not an error */
    struct photo_unread *unread;
    size_t unread_count, unread_room;
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

/* Lists one folder of class folders; with a `part`, only the folder of that name in each of them. With known = NULL the
 * classes are the folders found, returned in *classes; else *known (sorted) are the classes, a folder of another name
 * is ERR_DATA naming it, and classes may be NULL. ERR_NOINPUT when the folder or one in it cannot be read; ERR_DATA
 * when it holds no class folder or no photo, when a class name is not UTF-8, and (known = NULL) when a class folder
 * holds no photo, with the reason. */
MUST_CHECK enum status folder_list(struct photo_list *out, struct class_names *classes, const char *dir,
                                   const char *part, const struct class_names *known, struct error *err);

/* For predict: adds a file, or the photos below a folder, to a list that began as {0} or {.forgiving = true}.
 * ERR_NOINPUT when there is nothing of that name; a file is not opened yet, and need be no photo. */
MUST_CHECK enum status photo_list_add(struct photo_list *list, const char *path, struct error *err);
/* Adds the paths of a stream, one a line ('\n') or each followed by a NUL ('\0'). Folders are walked; a path that names
 * nothing, or a folder that cannot be read, is added too and fails when it is read, so that each line has its answer.
 * Empty lines are skipped. Lines as Windows writes them name the same files: a byte order mark before the first, CR
 * before LF, and backslashes between folders are taken off or turned where the line as it stands names nothing.
 * ERR_DATA for UTF-16 and other lists with zero bytes in a line. */
MUST_CHECK enum status photo_list_add_stream(struct photo_list *list, FILE *stream, char separator, struct error *err);
/* The path in a line[length] of such a list, by the same rules: `first` says that it is the first line. Changes the
 * line; returns where the path begins in it. */
char *photo_line_path(char *line, size_t length, bool first);

#endif

/* Reading folders: names sorted by bytes, hidden ones counted, links followed but not in circles. Inside core/data
 * only. */
#ifndef FREEZETUNE_WALK_H
#define FREEZETUNE_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/folder.h"

/* Sorted names in one block. */
struct walk_names {
    char *bytes;
    size_t used, room;
    uint64_t *starts;
    size_t count, starts_room;
};

const char *walk_names_get(const struct walk_names *names, size_t index);
void walk_names_free(struct walk_names *names);

/* What one folder holds: folders, and all else (files, links to nothing, FIFOs: judged when they are read). Adds the
 * names that begin with a dot and the folders of systems to *hidden. ERR_NOINPUT when it cannot be read. */
MUST_CHECK enum status walk_folder(struct walk_names *folders, struct walk_names *files, size_t *hidden,
                                   const char *path, struct error *err);

/* Adds every photo below list->root/`below` (or below `below`, with an empty root), files before folders, and counts
 * the other files. With list->forgiving, which wants an empty root, a folder below it that cannot be read is an
 * entry. */
MUST_CHECK enum status walk_photos(struct photo_list *list, const char *below, uint32_t class, struct error *err);

/* Adds one photo, `folder`/`name` or, with name = NULL, `folder` itself. */
MUST_CHECK enum status photo_list_push(struct photo_list *list, const char *folder, const char *name, uint32_t class,
                                       struct error *err);

/* Adds a folder that cannot be read, with the reason: of walk_photos' message what stands behind the last ": ". */
MUST_CHECK enum status photo_list_push_unread(struct photo_list *list, const char *path, const char *reason,
                                              struct error *err);

#endif

/* Photos that belong together (--group-by): all of a group lie on one side of every split. dataset.h calls this; inside
 * core/data only.
 *
 *   folder   the folder that the photo lies in, by its path without the class folder in front: of cats/p7/1.jpg and
 *            dogs/p7/9.jpg it is p7, one group over both classes. A photo without such a folder is alone.
 *   column   the text in the column `group` of a labels file; with an empty one the photo is alone.
 */
#ifndef FREEZETUNE_PHOTO_GROUPS_H
#define FREEZETUNE_PHOTO_GROUPS_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/data/folder.h"

/* The group of each photo of a list, by its number there. Begins as {0}; owned (photo_groups_free). */
struct photo_groups {
    char *text;
    size_t *keys; /* places in it */
    size_t count, text_used, text_room, room;
};

/* "": the photo is alone. */
static inline const char *photo_groups_get(const struct photo_groups *groups, size_t photo)
{
    return groups->text + groups->keys[photo];
}

/* Adds the next photo. ERR_SYSTEM without memory. */
MUST_CHECK enum status photo_groups_add(struct photo_groups *groups, const char *key, size_t length, struct error *err);
/* Adds all photos of a list by their folders. */
MUST_CHECK enum status photo_groups_add_folders(struct photo_groups *groups, const struct photo_list *list,
                                                const struct class_names *classes, struct error *err);
void photo_groups_free(struct photo_groups *groups);

/* For a split that is there already: ERR_DATA, naming the group, when one has photos in both. `where` begins the
 * message. */
MUST_CHECK enum status photo_groups_check(const struct photo_groups *train, const struct photo_groups *val,
                                          const char *where, struct error *err);

#endif

/* The folders in a folder of photos and what can be seen of them at a glance: for layout.h. Inside core/data only. */
#ifndef FREEZETUNE_SUBFOLDERS_H
#define FREEZETUNE_SUBFOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/data/split_name.h"
#include "core/data/walk.h"

struct subfolder {
    const char *name;          /* in subfolders.names */
    struct split_name split;   /* what the name may mean */
    struct walk_names folders; /* in it */
    bool photos;               /* photos lie directly in it; or it cannot be read, which is said when it is listed */
};

struct subfolders {
    const char *dir; /* borrowed */
    struct walk_names names;
    struct subfolder *each; /* sorted by name */
    size_t count;
    bool photos; /* photos lie directly in dir */
};

/* ERR_NOINPUT when dir cannot be read, or a folder in it whose name may mean a part of a split. Free with
 * subfolders_free. */
MUST_CHECK enum status subfolders_read(struct subfolders *out, const char *dir, struct error *err);
void subfolders_free(struct subfolders *subs);

/* Only folders in it: it looks like a part of a split or a level too many, not like a class. */
bool subfolder_nested(const struct subfolder *sub);

/* The names of the folders in `dir` into *folders, and whether photos lie directly in it. */
MUST_CHECK enum status subfolders_look(struct walk_names *folders, bool *photos, const char *dir, struct error *err);

/* Is there a photo below dir/name, some levels deep? False for what cannot be read, true where there are too many other
 * files to look at all of them. */
bool subfolder_holds_photo(const char *dir, const char *name);

#endif

/* --data that names a folder one level too high or too low: finding the one that was meant. Inside core/data only. */
#ifndef FREEZETUNE_LAYOUT_PLACE_H
#define FREEZETUNE_LAYOUT_PLACE_H

#include "core/data/subfolders.h"

/* ERR_DATA with the folder that was meant when DIR holds photos themselves, or nothing, or nothing but one folder with
 * class folders or a split in it; ERR_USAGE when it is a part of a split and no --val-split was `asked` for. */
MUST_CHECK enum status layout_check_place(const struct subfolders *subs, bool asked, struct error *err);

/* ERR_DATA when DIR holds no folders; the one that was meant is named if it is above. */
MUST_CHECK enum status layout_check_empty(const struct subfolders *subs, struct error *err);

/* ERR_DATA when one of the folders holds photos below folders and the others hold nothing. */
MUST_CHECK enum status layout_check_single(const struct subfolders *subs, struct error *err);

/* The folder whose folders are the classes of part->name: part itself, or the folder alone in it (and so on) when that
 * is named as the part is, as its own kind of part, or without a meaning (images). Owned by the caller. */
MUST_CHECK enum status layout_settle(char **out, const char *dir, const char *name, struct error *err);

#endif

/* Paths of photos as a labels file has them, and the order of photos. Nothing here looks at files. */
#ifndef FREEZETUNE_LABELS_PATH_H
#define FREEZETUNE_LABELS_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Writes `cell` into out[size] as a name below `root`: without empty parts and "."; of an absolute path what stands
 * behind the root or, outside, behind as many ".." as lead to the folder above both. A ".." in the cell stays, because
 * what is before it may be a link. False where that is empty, does not fit, or would need the root to be absolute and
 * free of "..". */
bool labels_path(char *out, size_t size, const char *cell, const char *root);

/* The order in which a folder is listed (folder.h): in each folder files by name, then folders by name. */
int labels_path_order(const char *a, const char *b);

#endif

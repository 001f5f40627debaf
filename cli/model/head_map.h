/* How the last layer of a weight file is treated when it has as many outputs as photos have classes: kept, its outputs
 * in the order of the folders, or re-initialised.
 *
 *   named by the file, a file beside it or --classes   kept if the folders have the same names, in any order
 *   1000 outputs without names                         kept; by ImageNet's names if the folders have them
 *   no names                                           kept, by order: folders are sorted as torchvision's ImageFolder
 *                                                      numbers them
 *   another number, other names, several classes of a photo, numbers, --new-head     re-initialised
 */
#ifndef FREEZETUNE_HEAD_MAP_H
#define FREEZETUNE_HEAD_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/data/folder.h"
#include "core/net/net.h"

enum head_fate {
    HEAD_NEW,     /* re-initialised: the file's has another number of outputs, or there is none, or it was asked for */
    HEAD_OTHER,   /* re-initialised: its outputs are other classes */
    HEAD_BY_NAME, /* kept */
    HEAD_REORDERED, /* kept, its outputs put into the order of the folders */
    HEAD_BY_ORDER   /* kept, nothing names its outputs */
};

/* out[i] = which of `names` folder i is called by, if both are the same names; *same is false where they are not, and
 * *stranger is then a folder that no name is, borrowed. ERR_SYSTEM without memory. */
MUST_CHECK enum status head_map_make(size_t *out, bool *same, const char **stranger, const struct class_names *names,
                                     const struct class_names *folders, struct error *err);

/* Puts the rows of the net's last linear layer in another order: output i becomes the one that was map[i]. ERR_SYSTEM
 * without memory; the layer's values are then unspecified. */
MUST_CHECK enum status head_map_apply(struct net *net, const size_t *map, struct error *err);

/* Re-initialises the last linear layer. */
void head_draw(struct net *net, uint64_t seed);

#endif

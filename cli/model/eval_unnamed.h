/* Which folder each output of a model stands for, where nothing names its classes.
 *
 *   as many folders as outputs   by order: folders sorted by name, as torchvision's ImageFolder numbers them
 *   1000 outputs                 by ImageNet's names, where all folders have one
 *   fewer folders                by number, where all of them are called by one: "0", "3"
 */
#ifndef FREEZETUNE_EVAL_UNNAMED_H
#define FREEZETUNE_EVAL_UNNAMED_H

#include "cli/model/model_file.h"
#include "core/data/folder.h"

/* Lists the photos of `dir` to judge (dataset_open_unnamed) for a model whose info->own_classes is false; info->classes
 * become the folders' names where they are taken by order. stderr: which of the three. ERR_DATA, with what to do, when
 * outputs and folders cannot be brought together; errors of dataset_open_unnamed. Free with photo_list_free. */
MUST_CHECK enum status eval_unnamed_open(struct photo_list *out, struct model_info *info, const char *model,
                                         const char *dir, struct error *err);

#endif

/* The file that is meant where a folder is named: a run of ours, a folder of Hugging Face or timm, what trainers leave
 * behind (timm's train.py, Lightning, mmengine, fastai, ultralytics, torchvision's references), or an unpacked .pth.
 *
 * In this order: best.safetensors, model.safetensors, pytorch_model.bin; data.pkl with data/ beside it
 * (torch_folder.c); the only weight file with the word "best" in its name; the only weight file at all; and, where the
 * folder itself has none, the only folder below it, at most three deep, for which one of these is true. Files of
 * optimizers, schedulers and random states do not count. Where there are several, the error names them: nothing is
 * guessed. Only names are looked at.
 */
#ifndef FREEZETUNE_WEIGHT_FOLDER_H
#define FREEZETUNE_WEIGHT_FOLDER_H

#include <stdbool.h>

#include "core/base/error.h"

/* *out = `path`, or the file in it when it is a folder; owned by the caller (memory_free). *searched: its name
 * is not one of the three of runs and of Hugging Face, so that a user should be told which file it is. ERR_NOINPUT for
 * a folder without such a file, or with several, or with too many to look at, or that cannot be read. Whatever else
 * `path` is, opening it will say. */
MUST_CHECK enum status weight_folder_locate(char **out, bool *searched, const char *path, struct error *err);

#endif

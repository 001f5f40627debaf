/* Default paths: where things are when the command line does not say. */
#ifndef FREEZETUNE_PATHS_H
#define FREEZETUNE_PATHS_H

#include <stdbool.h>

#include "core/base/error.h"

/* The weight file: `given` if not NULL, else the first of $FREEZETUNE_WEIGHTS, ./resnet50.safetensors and
 * ${XDG_DATA_HOME:-~/.local/share}/freezetune/resnet50.safetensors. A named one ($FREEZETUNE_WEIGHTS too) is taken
 * without a look, so that opening it reports what is wrong. *out is owned by the caller (memory_free). ERR_NOINPUT when
 * there is none, with a text that says how to get one. */
MUST_CHECK enum status path_weights(char **out, const char *given, struct error *err);

/* The folder of photos: `given` or "data". ERR_NOINPUT when it does not exist, ERR_DATA when it is not a folder. */
MUST_CHECK enum status path_data(char **out, const char *given, struct error *err);

/* The folder of a run, made here. Without `given`: runs/1, runs/2, ..., the first that could be made, so that two runs
 * started together get two folders. A `given` one is made with the folders above it; one that exists must be empty.
 * ERR_CANTCREATE otherwise. */
MUST_CHECK enum status path_run(char **out, const char *given, struct error *err);

/* The file in the folder of a run that its process has locked; it stays. A folder with nothing else is empty. */
#define PATH_RUN_LOCK ".lock"

/* Is there nothing in an existing folder? ERR_CANTCREATE otherwise; ERR_SYSTEM, ERR_IO where it cannot be looked at
 * now. */
MUST_CHECK enum status path_require_empty(const char *path, struct error *err);

/* Could path_run make that folder, and could files be made in it? Leaves nothing behind, so that a command can ask
 * before it reads photos for minutes; path_run is still what decides. ERR_CANTCREATE otherwise. */
MUST_CHECK enum status path_run_check(const char *given, struct error *err);

/* The folder of the feature cache: `given` if not NULL, else freezetune in $XDG_CACHE_HOME or ~/.cache. Nothing is
 * made. *out is owned by the caller (memory_free). ERR_USAGE when there is no home. */
MUST_CHECK enum status path_cache(char **out, const char *given, struct error *err);

/* NAME.safetensors in the folder where path_weights looks for resnet50.safetensors; the folder itself for NULL. Nothing
 * is made. A name has at most 150 bytes. *out is owned by the caller (memory_free). ERR_USAGE when there is no home. */
MUST_CHECK enum status path_weights_named(char **out, const char *name, struct error *err);

/* Where torch.hub keeps a file (its name at most 200 bytes): hub/checkpoints/FILE in $TORCH_HOME, $XDG_CACHE_HOME/torch
 * or ~/.cache/torch. The same. */
MUST_CHECK enum status path_torch_hub(char **out, const char *file, struct error *err);

/* "folder/name" for the file "folder/file": owned by the caller (memory_free). */
MUST_CHECK enum status path_beside(char **out, const char *file, const char *name, struct error *err);

/* The file of this program, with its folder, or NULL where the system does not tell.
 * Owned by the caller (memory_free). */
char *path_program(void);

/* Do both name the same existing file, by whatever way? An output must not be an input. */
bool path_same_file(const char *a, const char *b);

#endif

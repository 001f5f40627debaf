/* What the readers of formats (safetensors_read.c) fill and weight_file.c hands out. For them and weight_open.c. */
#ifndef FREEZETUNE_WEIGHT_FILE_PRIVATE_H
#define FREEZETUNE_WEIGHT_FILE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/file_map.h"
#include "weights/weight_file.h"

struct weight_file {
    char *path;
    struct file_map map;
    struct file_map *parts; /* the storages of an unpacked .pth: files of their own */
    size_t parts_count, parts_capacity;
    const struct file_map **by_address; /* the parts, by where their bytes are, or NULL */
    bool searched;                      /* the path was a folder, and the file one that weight_folder.h chose */
    char *text;                         /* owns all names, keys and values below */
    char *renamed;                      /* owns the names that rename.c made; NULL when there are none */
    void *copies;                       /* owns data that could not stay where it lies in the file */
    bool hugging_face;                  /* the names were Hugging Face's */
    struct weight_choice choice;
    char *key, *prefix;       /* NULL: none */
    struct weight_left *left; /* owns its texts */
    size_t left_count, left_room;
    struct weight_tensor *tensors;
    size_t count, capacity;
    struct weight_metadata *metadata; /* in the order of the file */
    size_t metadata_count, metadata_capacity;
    char *metadata_text;                  /* owns keys and values that are not in `text`, or NULL */
    const struct weight_tensor **by_name; /* tensors sorted by strcmp of the name */
};

/* Maps a further file. *out is valid until the next one. */
MUST_CHECK enum status weight_file_map_part(struct weight_file *file, const struct file_map **out, const char *path,
                                            struct error *err);
/* After the last part, before data of theirs is fetched. */
MUST_CHECK enum status weight_file_sort_parts(struct weight_file *file, struct error *err);
/* Of the file and its parts. */
size_t weight_file_bytes(const struct weight_file *file);

/* ERR_DATA: "model.safetensors: truncated: 49,971,160 bytes, expected 102,469,872; download it again". What is said of
 * a file that stops early, before anything else is. `expected`: bytes of the whole file, or of what is known of it
 * (`at_least`); 0: not known, then `missing` says what is not there. */
MUST_CHECK enum status weight_file_truncated(const char *path, size_t size, uint64_t expected, bool at_least,
                                             const char *missing, struct error *err);

/* Notes what is no tensor of the list. The texts are copied, and may be hostile. */
MUST_CHECK enum status weight_file_leave(struct weight_file *file, const struct weight_left *left, struct error *err);
/* Whether a name says that what stands there belongs to the training, not to the network: "optimizer", "loss.center",
 * "layer1.0.total_ops". */
bool weight_left_is_record(const char *name);
void weight_file_left_free(struct weight_file *file);
/* Appends a tensor to the list. */
MUST_CHECK enum status weight_file_add(struct weight_file *file, const struct weight_tensor *tensor, struct error *err);
/* Makes by_name, in place of the former one. *twice = two tensors of the same name, the first two that are met, or
 * NULLs. */
MUST_CHECK enum status weight_file_sort(struct weight_file *file, const struct weight_tensor *twice[2],
                                        struct error *err);
/* Gives the tensors of a ResNet the names that torchvision has for them and leaves out those that are no part of it
 * (rename.c). ERR_DATA when there are several and the choice names none of them. */
MUST_CHECK enum status weight_file_rename(struct weight_file *file, struct error *err);

#endif

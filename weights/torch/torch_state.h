/* What the pickle of a .pth file means: storages, and the state dict in it. For torch_zip.c and torch_legacy.c.
 *
 * A state dict is a dictionary of tensors by name, wherever it stands (torch_states.h). What else the file holds, in
 * the state dict and beside it, is noted (weight_file_leave) and left out. A Parameter is its tensor. Each tensor is a
 * storage, an offset, a shape and strides, all in values: offset + sum((size - 1) * stride) must lie within the
 * storage. Strides other than the shape's own are read by copying.
 */
#ifndef FREEZETUNE_TORCH_STATE_H
#define FREEZETUNE_TORCH_STATE_H

#include "core/base/error.h"
#include "weights/torch/pickle_read.h"
#include "weights/weight_file_private.h"

enum {
    TORCH_MAX_STORAGES = 1 << 16,
    TORCH_MAX_TENSORS = 1 << 16,
    TORCH_MAX_METADATA = 1024, /* entries */
    TORCH_MAX_SHARING = 8      /* how often the bytes of the file may be shown, as tensors that share them */
};

struct torch_storage {
    const char *key; /* in the pickle, key_length bytes */
    size_t key_length;
    size_t at; /* in the pickle */
    enum weight_dtype dtype;
    bool opaque;          /* of a type that is not read: its tensors are not either */
    size_t values, bytes; /* bytes: 0 when it is opaque and its type's size is not known */
    const uint8_t *data;  /* bytes of it; set by the caller of torch_storages_find */
};

struct torch_storages {
    struct torch_storage *items; /* sorted by key, each once */
    size_t count, capacity;
};

/* All storages that the pickle names. ERR_DATA when one is described in two ways, or cannot be. Free items with
 * memory_free, also after a failure. */
MUST_CHECK enum status torch_storages_find(struct torch_storages *out, const struct pickle *pickle);
/* The storage of that key, or NULL. */
struct torch_storage *torch_storages_get(const struct torch_storages *storages, const char *key, size_t length);

/* Fills file's tensors, text, copies, by_name and metadata. All storages must have their data. */
MUST_CHECK enum status torch_state_read(struct weight_file *file, const struct pickle *pickle,
                                        const struct torch_storages *storages, struct error *err);

/* Fills file's metadata from the attributes of the state dict, if what pth_write.h writes is among them. */
MUST_CHECK enum status torch_metadata_read(struct weight_file *file, const struct pickle *pickle,
                                           const struct pickle_value *attributes, struct error *err);

/* Fills file's metadata, where it has none, with the class names at the root of a checkpoint: lists or tuples of texts,
 * and dictionaries between texts and whole numbers, under classes, class_to_idx, names, id2label or label_names, each
 * as JSON under its key. Anything else under these keys is left alone. ERR_SYSTEM without memory. */
MUST_CHECK enum status torch_classes_read(struct weight_file *file, const struct pickle *pickle, struct error *err);
/* Whether an entry of a dictionary is such. *asked begins as 0: of a dictionary in which such keys occur again and
 * again the first entries alone are looked at. */
bool torch_classes_are(const struct pickle *pickle, const struct pickle_link *entry, size_t *asked);

/* Whether the file begins as a pickle of protocol 2 to 5. */
bool torch_state_is_pickle(const struct weight_file *file);

#endif

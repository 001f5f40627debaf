/* A file of named tensors, open for reading, whatever its format is.
 *
 * Formats: safetensors (weights/safetensors/safetensors.h); what torch.save writes, as a zip file
 * (weights/torch/zip_read.h) or in the legacy format of before PyTorch 1.6 (weights/torch/torch_legacy.c), or unpacked
 * into a folder (weights/torch/torch_folder.c), when it is a state dict or a checkpoint that holds one
 * (weights/torch/torch_state.h). They are told apart by content, never by the file's name. Nothing in a file is ever
 * executed.
 *
 * A tensor's data is a place in a file_map (file_map.h): values are read from disk when they are asked for, into memory
 * of the process, and the file stays open. (A tensor that lies in a .pth file with other strides than its shape's is
 * copied when it is opened.) Everything about the file has been checked when weight_file_open returns: no name, shape,
 * type or range that a caller meets here can point outside the file. Opening a safetensors file costs the header alone;
 * a zip file is read once for its sums.
 *
 * Names are torchvision's: those of Hugging Face's ResNets are translated (weights/names.h), and the prefix of a
 * wrapper ("module.", "_orig_mod.", "model.") is taken off when all names have it.
 *
 * Where a file is cut while it is open, reading what is gone is an error; one that is overwritten is found by
 * weight_file_check. What was read before stays as it was.
 */
#ifndef FREEZETUNE_WEIGHT_FILE_H
#define FREEZETUNE_WEIGHT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "weights/weight_values.h"

struct weight_metadata {
    const char *key, *value; /* UTF-8 */
};

struct weight_file;

/* Opens and checks `path`: a file, or a folder, for which weight_folder.h says the file. An unpacked .pth is named by
 * its folder or by the data.pkl in it. ERR_NOINPUT when it cannot be opened; ERR_DATA when it is not a valid weight
 * file: the text says which tensor and byte, what was expected and what was found. The caller owns *out
 * (weight_file_close). */
MUST_CHECK enum status weight_file_open(struct weight_file **out, const char *path, struct error *err);

/* Which of several networks in one file: the key of a checkpoint under which its state dict stands ("model_ema"), and
 * what stands before the names of its tensors ("module.encoder_q."). NULL: found by content. */
struct weight_choice {
    const char *key, *prefix;
};

/* The same with a choice; NULL makes none. ERR_DATA, naming what there is, when the file has no such key or prefix. */
MUST_CHECK enum status weight_file_open_choice(struct weight_file **out, const char *path,
                                               const struct weight_choice *choice, struct error *err);
void weight_file_close(struct weight_file *file);
/* Closes the file on disk: names, shapes and texts stay, no data may be fetched any more. */
void weight_file_let_go(struct weight_file *file);

/* All that is got from a file is borrowed and lives as long as the file is open. */
const char *weight_file_path(const struct weight_file *file); /* of the file, also when a folder was named */
/* Whether a folder was named and the file is one of those in it that a user should be told of. */
bool weight_file_was_searched(const struct weight_file *file);
size_t weight_file_count(const struct weight_file *file);
/* Tensor i < count, in the order of the data in the file, or of the state dict. */
const struct weight_tensor *weight_file_at(const struct weight_file *file, size_t i);
/* Whether the names in the file are those of Hugging Face's ResNet. */
bool weight_file_is_hugging_face(const struct weight_file *file);
/* The key that the tensors were found under, and what was taken off their names: "" for none. */
const char *weight_file_key(const struct weight_file *file);
const char *weight_file_prefix(const struct weight_file *file);

/* What the file holds besides the tensors of the list: "optimizer", "an object of torch.optim.SGD"; a tensor that
 * stands under another prefix; another network that --key would take. */
enum weight_left_kind {
    WEIGHT_LEFT_RECORD, /* what training scripts write beside weights: optimizer, epoch, arguments, counters */
    WEIGHT_LEFT_PART, /* weights that somebody could miss: a head, a decoder, a queue, another dictionary of tensors */
    WEIGHT_LEFT_NETWORK /* another ResNet, which weight_choice could name */
};
struct weight_left {
    const char *name, *what;
    enum weight_left_kind kind;
    bool key; /* of a network: its name is a key, not a prefix */
};
size_t weight_file_left_count(const struct weight_file *file);
struct weight_left weight_file_left_at(const struct weight_file *file, size_t i); /* the first WEIGHT_LEFT_MOST */
enum { WEIGHT_LEFT_MOST = 1 << 16 };
/* What stands in the place of the tensor of that name, or NULL. */
const char *weight_file_left_find(const struct weight_file *file, const char *name);
/* The tensor of that name, or NULL. */
const struct weight_tensor *weight_file_find(const struct weight_file *file, const char *name);

size_t weight_file_metadata_count(const struct weight_file *file);
struct weight_metadata weight_file_metadata_at(const struct weight_file *file, size_t i);
/* The value of that key, or NULL. */
const char *weight_file_metadata_find(const struct weight_file *file, const char *key);

/* The tensor's data may be looked at from here on, until it is dropped or the file closed. What reads values, here and
 * in bind.h and weight_cast.h, does this itself. ERR_IO when reading fails or the file has become shorter. */
MUST_CHECK enum status weight_tensor_fetch(const struct weight_tensor *tensor, const struct weight_file *file,
                                           struct error *err);
/* Gives the memory back. The data may be fetched again. */
void weight_tensor_drop(const struct weight_tensor *tensor, const struct weight_file *file);
/* `bytes` of its data from byte `at` on, to be fetched and dropped; of no shape. */
struct weight_tensor weight_tensor_part(const struct weight_tensor *tensor, size_t at, size_t bytes);

/* The hash of the whole content, of an unpacked archive with its storages. Errors of file_map_scan. */
MUST_CHECK enum status weight_file_hash(struct hash128 *out, const struct weight_file *file, struct error *err);
/* ERR_IO when the file was changed since it was opened: what was read may be of two files. For who has read it all. */
MUST_CHECK enum status weight_file_check(const struct weight_file *file, struct error *err);

#endif

/* The writer of PyTorch's .pth files, in the zip format of torch.save: a state dict that torch.load(weights_only=True)
 * and load_state_dict take as it is.
 *
 *   archive/data.pkl    a pickle (protocol 2) of collections.OrderedDict: name -> torch._utils._rebuild_tensor_v2(...)
 *   archive/byteorder   "little"
 *   archive/data/0, 1   the values of tensor 0, 1, ..., each its own storage
 *   archive/version     "3"
 *
 * Metadata is an attribute of the OrderedDict, where it is in nobody's way: a dict of texts, in Python
 * torch.load(path).freezetune_metadata["freezetune.classes"].
 */
#ifndef FREEZETUNE_PTH_WRITE_H
#define FREEZETUNE_PTH_WRITE_H

#include <stddef.h>

#include "core/base/error.h"
#include "weights/weight_file.h"

#define PTH_METADATA_ATTRIBUTE "freezetune_metadata"

struct pth_writer;

/* As safetensors_create, _append, _finish and _discard (safetensors.h): the data pointers are ignored, the data of all
 * tensors follows in order, cut as the caller likes. F64, F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL can be
 * written, 4 GiB at most; ERR_DATA otherwise, as for a name or text that is not UTF-8 or a name that occurs twice. */
MUST_CHECK enum status pth_create(struct pth_writer **out, const char *path, const struct weight_tensor *tensors,
                                  size_t count, const struct weight_metadata *metadata, size_t metadata_count,
                                  struct error *err);
MUST_CHECK enum status pth_append(struct pth_writer *writer, const void *data, size_t bytes, struct error *err);
MUST_CHECK enum status pth_finish(struct pth_writer *writer, struct error *err);
void pth_discard(struct pth_writer *writer);

#endif

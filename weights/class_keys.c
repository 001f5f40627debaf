#include "weights/class_keys.h"

#include <stddef.h>

const char *const class_keys[CLASS_KEYS + 1] = {"classes",     "class_to_idx", "names",     "id2label",  "label_names",
                                                "class_names", "idx_to_class", "idx2label", "label2idx", "label2id",
                                                "categories",  "labels",       "CLASSES",   "vocab",     NULL};

#include "core/ops/precision.h"

const char *const precision_names[] = {[PRECISION_F32] = "f32", [PRECISION_BF16] = "bf16", [PRECISIONS] = NULL};

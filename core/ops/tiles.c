#include "core/ops/tiles.h"

_Thread_local struct tile_shape tiles_now;

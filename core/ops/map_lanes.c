#include "core/ops/map_lanes.h"

#include "core/ops/cpu.h"

CPU_DISPATCH(const struct map_lanes, map_lanes)
CPU_DISPATCH_BF16(const struct map_lanes, map_lanes_bf16)

const struct map_lanes *map_lanes(enum precision precision)
{
    return precision == PRECISION_BF16 ? map_lanes_bf16_of_cpu() : map_lanes_of_cpu();
}

#include "core/ops/lanes.h"

#include "core/ops/cpu.h"

CPU_DISPATCH(const struct lanes, lanes)

const struct lanes *lanes(void)
{
    return lanes_of_cpu();
}

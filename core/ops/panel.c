#include "core/ops/panel.h"

#include "core/ops/cpu.h"

CPU_DISPATCH(const struct panel_lanes, panel_lanes)
CPU_DISPATCH_BF16(const struct panel_lanes, panel_lanes_bf16)

const struct panel_lanes *panel_lanes(enum precision precision)
{
    return precision == PRECISION_BF16 ? panel_lanes_bf16_of_cpu() : panel_lanes_of_cpu();
}

#include "core/ops/panel.h"

#include "core/ops/cpu.h"

CPU_DISPATCH(const struct panel_lanes, panel_lanes)

const struct panel_lanes *panel_lanes(void)
{
    return panel_lanes_of_cpu();
}

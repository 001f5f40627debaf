#include "core/ops/panel.h"

#include "core/ops/cpu.h"

extern const struct panel_lanes panel_lanes_plain;
#if defined(__x86_64__)
extern const struct panel_lanes panel_lanes_avx2, panel_lanes_avx512;
#endif

const struct panel_lanes *panel_lanes(void)
{
#if defined(__x86_64__)
    static const struct panel_lanes *const table[] = {&panel_lanes_plain, &panel_lanes_avx2, &panel_lanes_avx512};
    return table[cpu_set_get()];
#else
    return &panel_lanes_plain;
#endif
}

#include "tests/support/panel_sets.h"

#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/ops/cpu.h"
#include "tests/support/maps.h"

CPU_DISPATCH_BF16(const struct panel_lanes, panel_lanes_bf16)

struct panel_set panel_sets[PANEL_SETS_MOST];
size_t panel_sets_count;

int panel_sets_find(void **state)
{
    (void)state;
#if defined(__x86_64__)
    const struct panel_set all[] = {{"plain", &panel_lanes_bf16_plain, false, false, false},
                                    {"avx2", &panel_lanes_bf16_avx2, true, false, false},
                                    {"avx512", &panel_lanes_bf16_avx512, true, false, false}};
    for (int i = 0; i <= (int)cpu_set_get(); i++)
        panel_sets[panel_sets_count++] = all[i];
    if (cpu_bf16_had() != CPU_BF16_WIDENED)
        panel_sets[panel_sets_count++] =
            (struct panel_set){"avx512bf16", &panel_lanes_bf16_avx512bf16, true, true, false};
    if (cpu_bf16_had() == CPU_BF16_TILES)
        panel_sets[panel_sets_count++] = (struct panel_set){"amx", CPU_AMX(panel_lanes_bf16), true, true, true};
#elif defined(__aarch64__)
    const struct panel_set all[] = {{"plain", &panel_lanes_bf16_plain, true, false, false},
                                    {"neon", &panel_lanes_bf16_neon, true, false, false}};
    for (int i = 0; i <= (int)cpu_set_get(); i++)
        panel_sets[panel_sets_count++] = all[i];
#else
    panel_sets[panel_sets_count++] = (struct panel_set){"plain", &panel_lanes_bf16_plain, false, false, false};
#endif
    for (size_t s = 0; s < panel_sets_count; s++)
        if (panel_sets[s].lanes == panel_lanes_bf16_of_cpu())
            return 0;
    return -1;
}

int panel_sets_report(void **state)
{
    (void)state;
    for (size_t s = 0; s < panel_sets_count; s++)
        print_message("# instruction set %s\n", panel_sets[s].name);
    return 0;
}

uint16_t stored_bits(double v)
{
    uint16_t bits;
    void *map = map_of((float[]){(float)nearest(v, PRECISION_BF16)}, 1, PRECISION_BF16);
    memcpy(&bits, map, sizeof bits);
    free(map);
    return bits;
}

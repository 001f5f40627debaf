#include "core/ops/lanes.h"

#include "core/ops/cpu.h"

extern const struct lanes lanes_plain;
#if defined(__x86_64__)
extern const struct lanes lanes_avx2, lanes_avx512;
#endif

const struct lanes *lanes(void)
{
#if defined(__x86_64__)
    static const struct lanes *const table[] = {&lanes_plain, &lanes_avx2, &lanes_avx512};
    return table[cpu_set_get()];
#else
    return &lanes_plain;
#endif
}

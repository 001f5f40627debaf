#include "core/ops/cpu.h"

#include <stdlib.h>
#include <string.h>

static enum cpu_set widest(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
            return CPU_AVX512;
        return CPU_AVX2;
    }
#elif defined(__aarch64__)
    return CPU_NEON;
#endif
    return CPU_PLAIN;
}

static bool has_bf16(void)
{
#if defined(__x86_64__)
    return cpu_set_get() == CPU_AVX512 && __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

const char *cpu_set_name(enum cpu_set set)
{
#if defined(__aarch64__)
    static const char *const names[] = {"plain", "neon"};
#else
    static const char *const names[] = {"plain", "avx2", "avx512"};
#endif
    return names[set];
}

static int chosen = -1, bf16_known = -1; /* from the first question on */

enum cpu_set cpu_set_get(void)
{
    /* Two threads that come here first together compute the same value. */
    int set = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (set < 0) {
        const char *wish = getenv("FREEZETUNE_CPU");
        set = (int)widest();
        for (int i = 0; wish && i < set; i++)
            if (strcmp(wish, cpu_set_name((enum cpu_set)i)) == 0)
                set = i;
        __atomic_store_n(&chosen, set, __ATOMIC_RELAXED);
    }
    return (enum cpu_set)set;
}

bool cpu_has_bf16(void)
{
    int answer = __atomic_load_n(&bf16_known, __ATOMIC_RELAXED);
    if (answer < 0) {
        const char *wish = getenv("FREEZETUNE_CPU");
        answer = has_bf16() && !(wish && strcmp(wish, cpu_set_name(cpu_set_get())) == 0);
        __atomic_store_n(&bf16_known, answer, __ATOMIC_RELAXED);
    }
    return answer;
}

void cpu_narrow(enum cpu_set set, bool bf16)
{
    bool had = cpu_has_bf16();
    if (set < cpu_set_get())
        __atomic_store_n(&chosen, (int)set, __ATOMIC_RELAXED);
    __atomic_store_n(&bf16_known, had && bf16 && set == cpu_set_get(), __ATOMIC_RELAXED);
}

const char *cpu_instructions(void)
{
    return cpu_has_bf16() ? "avx512, bf16" : cpu_set_name(cpu_set_get());
}

#include "core/ops/cpu.h"

#include <stdlib.h>
#include <string.h>
#if defined(HAVE_AMX)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

/* A process asks the system before its first tile, because 8 KB more are then kept for each of its threads. */
#if defined(HAVE_AMX)
static bool has_tiles(void)
{
    enum { LEAF = 7, AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    return __get_cpuid_count(LEAF, 0, &a, &b, &c, &d) && d & AMX_BF16 && d & AMX_TILE &&
           syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#elif defined(__x86_64__)
static bool has_tiles(void)
{
    return false;
}
#endif

/* On two virtual Xeons (Sapphire Rapids or newer) VDPBF16PS multiplies half as much in a second as multiply-adds on
 * floats do: 88 and 176, 104 and 218 GFLOP/s in a core. On a Zen 4 it is twice as much. Cooper Lake, which has no AMX,
 * was not measured and uses it as before. */
static bool pairs_pay(void)
{
#if defined(__x86_64__)
    return !__builtin_cpu_is("intel") || __builtin_cpu_is("cooperlake");
#else
    return false;
#endif
}

enum cpu_bf16 cpu_bf16_had(void)
{
#if defined(__x86_64__)
    if (cpu_set_get() == CPU_AVX512 && __builtin_cpu_supports("avx512bf16"))
        return has_tiles() ? CPU_BF16_TILES : CPU_BF16_PAIRS;
#endif
    return CPU_BF16_WIDENED;
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

const char *cpu_bf16_name(enum cpu_bf16 bf16)
{
    static const char *const names[] = {NULL, "avx512bf16", "amx"};
    return names[bf16];
}

enum cpu_bf16 cpu_bf16(void)
{
    int answer = __atomic_load_n(&bf16_known, __ATOMIC_RELAXED);
    if (answer < 0) {
        const char *wish = getenv("FREEZETUNE_CPU");
        bool pairs = wish && strcmp(wish, cpu_bf16_name(CPU_BF16_PAIRS)) == 0;
        answer = (int)cpu_bf16_had();
        if (answer == CPU_BF16_TILES && pairs)
            answer = CPU_BF16_PAIRS;
        if ((wish && strcmp(wish, cpu_set_name(cpu_set_get())) == 0) ||
            (answer == CPU_BF16_PAIRS && !pairs && !pairs_pay()))
            answer = CPU_BF16_WIDENED;
        __atomic_store_n(&bf16_known, answer, __ATOMIC_RELAXED);
    }
    return (enum cpu_bf16)answer;
}

void cpu_narrow(enum cpu_set set, enum cpu_bf16 bf16)
{
    int had = (int)cpu_bf16();
    if (set < cpu_set_get())
        __atomic_store_n(&chosen, (int)set, __ATOMIC_RELAXED);
    if (set != cpu_set_get())
        bf16 = CPU_BF16_WIDENED;
    __atomic_store_n(&bf16_known, (int)bf16 < had ? (int)bf16 : had, __ATOMIC_RELAXED);
}

const char *cpu_instructions(void)
{
    static const char *const more[] = {NULL, "avx512, bf16", "avx512, amx"};
    return cpu_multiplies_bf16() ? more[cpu_bf16()] : cpu_set_name(cpu_set_get());
}

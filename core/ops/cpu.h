/* Which instruction set the vector loops use. The widest that this processor has is chosen once, at the first call;
 * FREEZETUNE_CPU=plain|avx2|avx512|avx512bf16|neon narrows the choice (never widens it), for tests and comparisons. On
 * aarch64 every processor has NEON, and plain C is made of it too: there plain only leaves convolutions to BLAS. */
#ifndef FREEZETUNE_CPU_H
#define FREEZETUNE_CPU_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__x86_64__)
enum cpu_set { CPU_PLAIN, CPU_AVX2, CPU_AVX512, CPU_SETS };
#elif defined(__aarch64__)
enum cpu_set { CPU_PLAIN, CPU_NEON, CPU_SETS };
#else
enum cpu_set { CPU_PLAIN, CPU_SETS };
#endif

enum cpu_set cpu_set_get(void);
const char *cpu_set_name(enum cpu_set set);
/* What people are told is used: "avx2", "avx512, bf16", "avx512, amx", "neon". */
const char *cpu_instructions(void);

/* How loops over bfloat16 multiply. These are no sets of their own: in float32 there is no difference. */
enum cpu_bf16 {
    CPU_BF16_WIDENED, /* by multiply-adds on floats. FREEZETUNE_CPU=avx512 goes no further. */
    CPU_BF16_PAIRS,   /* AVX512_BF16 multiplies a vector of pairs. FREEZETUNE_CPU=avx512bf16 goes no further. */
    CPU_BF16_TILES    /* AMX multiplies 16 rows of 32 values by 32 rows of 16 */
};
/* The way that is used: the widest, but pairs where FREEZETUNE_CPU asks for them or they are faster than floats
 * (docs/decisions/bfloat16.md). */
enum cpu_bf16 cpu_bf16(void);
/* The widest that this processor has. */
enum cpu_bf16 cpu_bf16_had(void);
/* Of a way to multiply that is wider than those of cpu_set_name: "avx512bf16", "amx"; else NULL. */
const char *cpu_bf16_name(enum cpu_bf16 bf16);

static inline bool cpu_multiplies_bf16(void)
{
    return cpu_bf16() != CPU_BF16_WIDENED;
}

/* Before anything was computed: goes without what others who compute the same lack. Never widens the choice. */
void cpu_narrow(enum cpu_set set, enum cpu_bf16 bf16);

/* What a *.simd.c file defines as SIMD_NAME(name), once for each instruction set: declares all of them, and
 *
 *   static type *name_of_cpu(void)   the one for cpu_set_get()
 */
#if defined(__x86_64__)
#define CPU_DISPATCH(type, name)                                                                                       \
    extern type name##_plain, name##_avx2, name##_avx512;                                                              \
    static type *name##_of_cpu(void)                                                                                   \
    {                                                                                                                  \
        static type *const table[] = {&name##_plain, &name##_avx2, &name##_avx512};                                    \
        return table[cpu_set_get()];                                                                                   \
    }
/* The same for a *_bf16.simd.c file, which is compiled once more for AVX512_BF16, and once for AMX where the compiler
 * can. */
#if defined(HAVE_AMX)
#define CPU_AMX(name) &name##_amx
#else
#define CPU_AMX(name) NULL
#endif
#define CPU_DISPATCH_BF16(type, name)                                                                                  \
    extern type name##_plain, name##_avx2, name##_avx512, name##_avx512bf16, name##_amx;                               \
    static type *name##_of_cpu(void)                                                                                   \
    {                                                                                                                  \
        static type *const table[] = {&name##_plain, &name##_avx2, &name##_avx512};                                    \
        static type *const wider[] = {NULL, &name##_avx512bf16, CPU_AMX(name)};                                        \
        return cpu_multiplies_bf16() ? wider[cpu_bf16()] : table[cpu_set_get()];                                       \
    }
#elif defined(__aarch64__)
#define CPU_DISPATCH(type, name)                                                                                       \
    extern type name##_plain, name##_neon;                                                                             \
    static type *name##_of_cpu(void)                                                                                   \
    {                                                                                                                  \
        return cpu_set_get() == CPU_NEON ? &name##_neon : &name##_plain;                                               \
    }
#define CPU_DISPATCH_BF16(type, name) CPU_DISPATCH(type, name)
#else
#define CPU_DISPATCH(type, name)                                                                                       \
    extern type name##_plain;                                                                                          \
    static type *name##_of_cpu(void)                                                                                   \
    {                                                                                                                  \
        return &name##_plain;                                                                                          \
    }
#define CPU_DISPATCH_BF16(type, name) CPU_DISPATCH(type, name)
#endif

#endif

/* Which instruction set the vector loops use. The widest that this processor has is chosen once, at the first call;
 * FREEZETUNE_CPU=plain|avx2|avx512|neon narrows the choice (never widens it), for tests and comparisons. On aarch64
 * every processor has NEON, and plain C is made of it too: there plain only leaves convolutions to BLAS. */
#ifndef FREEZETUNE_CPU_H
#define FREEZETUNE_CPU_H

#include <stdbool.h>

#if defined(__x86_64__)
enum cpu_set { CPU_PLAIN, CPU_AVX2, CPU_AVX512, CPU_SETS };
#elif defined(__aarch64__)
enum cpu_set { CPU_PLAIN, CPU_NEON, CPU_SETS };
#else
enum cpu_set { CPU_PLAIN, CPU_SETS };
#endif

enum cpu_set cpu_set_get(void);
const char *cpu_set_name(enum cpu_set set);
/* What people are told is used: "avx2", "avx512, bf16", "neon". */
const char *cpu_instructions(void);

/* Whether loops over bfloat16 use AVX512_BF16's products of pairs. They are no set of their own: in float32 there is no
 * difference. FREEZETUNE_CPU=avx512 goes without them. */
bool cpu_has_bf16(void);

/* Before anything was computed: goes without what others who compute the same lack. Never widens the choice. */
void cpu_narrow(enum cpu_set set, bool bf16);

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
/* The same for a *_bf16.simd.c file, which is compiled once more for AVX512_BF16. */
#define CPU_DISPATCH_BF16(type, name)                                                                                  \
    extern type name##_plain, name##_avx2, name##_avx512, name##_avx512bf16;                                           \
    static type *name##_of_cpu(void)                                                                                   \
    {                                                                                                                  \
        static type *const table[] = {&name##_plain, &name##_avx2, &name##_avx512};                                    \
        return cpu_has_bf16() ? &name##_avx512bf16 : table[cpu_set_get()];                                             \
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

/* What the *.simd.c files share: vectors as gcc and clang know them on every processor, and the name of a table. */
#ifndef FREEZETUNE_SIMD_H
#define FREEZETUNE_SIMD_H

#define SIMD_JOIN2(a, b) a##_##b
#define SIMD_JOIN(a, b) SIMD_JOIN2(a, b)
/* SIMD_NAME(lanes) is lanes_avx2 and so on. */
#define SIMD_NAME(name) SIMD_JOIN(name, SIMD_SET)

/* Iterations do not depend on each other, though the pointers may be equal (in-place work). */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* A vector of elements of two vectors, of four elements of 32 bits each: 0 to 3 are those of a, 4 to 7 those of b. gcc
 * before 12 has its own name for it. */
#if defined(__clang__) || __GNUC__ >= 12
#define FOUR_OF(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
typedef int four_places __attribute__((vector_size(4 * sizeof(int))));
#define FOUR_OF(a, b, i, j, k, l) __builtin_shuffle(a, b, (four_places){i, j, k, l})
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#endif

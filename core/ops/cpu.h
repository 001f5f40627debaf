/* Which instruction set the vector loops use. The widest that this processor has is chosen once, at the first call;
 * FREEZETUNE_CPU=plain|avx2|avx512 narrows the choice (never widens it), for tests and comparisons. */
#ifndef FREEZETUNE_CPU_H
#define FREEZETUNE_CPU_H

enum cpu_set { CPU_PLAIN, CPU_AVX2, CPU_AVX512 };

enum cpu_set cpu_set_get(void);
const char *cpu_set_name(enum cpu_set set);

#endif

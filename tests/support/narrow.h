/* Runs a test program again with each instruction set that is narrower than this processor's. */
#ifndef FREEZETUNE_NARROW_H
#define FREEZETUNE_NARROW_H

/* Runs this program with FREEZETUNE_CPU=<set> for every set below the one in use, and for every other way to multiply
 * bfloat16 that the processor has; returns how many of these runs failed. A run that was narrowed
 * already runs nothing and returns 0. *runs counts them. What a failing run printed appears. */
int narrow_runs(int *runs);

/* A cmocka test: narrow_runs finds no failure. It says how many instruction sets there were. */
void narrow_test(void **state);

#endif

/* Numbers as people read them. Each function writes into `out` (NUMBER_TEXT bytes are enough) and returns it. */
#ifndef FREEZETUNE_NUMBERS_H
#define FREEZETUNE_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#define NUMBER_TEXT 48

char *number_count(char out[NUMBER_TEXT], uint64_t value);   /* 1,234,567 */
char *number_bytes(char out[NUMBER_TEXT], uint64_t bytes);   /* 512 bytes, 1.5 KB, 97.7 MB, 2.31 GB (powers of 1000) */
char *number_flop(char out[NUMBER_TEXT], double flop);       /* 8.18 GFLOP, 16.9 GFLOP, 1.25 TFLOP */
char *number_seconds(char out[NUMBER_TEXT], double seconds); /* under 0.1 s, 0.42 s, 12.3 s, 3 min 05 s, 2 h 05 min */
/* For estimates, with fewer digits: under 0.1 s, 3.1 s, 45 s, 3 min 10 s, 12 min, 2 h 05 min. */
char *number_rough(char out[NUMBER_TEXT], double seconds);
/* The same in a sentence: "under 0.1 s", "about 12 min". */
char *number_about(char out[NUMBER_TEXT], double seconds);
char *number_clock(char out[NUMBER_TEXT], double seconds);    /* 0:42, 12:05, 1:02:03 */
char *number_percent(char out[NUMBER_TEXT], double fraction); /* 91.5 % */
/* The shortest decimal that reads back as the same value: 0.1, 10, 1e-07, 3.4028235e+38; "nan", "inf", "-inf". Whole
 * numbers look whole as far as the type holds every one of them (2^24, 2^53). */
char *number_float(char out[NUMBER_TEXT], float value);
char *number_double(char out[NUMBER_TEXT], double value);

#endif

/* Compares what our code found with what it should be, tensor by tensor, and remembers the worst.
 *
 * The distance of two tensors is |found - wanted| / |wanted| (Euclidean norms, summed in double). Nothing passes that
 * proves nothing: it is infinite when a value is not finite, when the sizes differ, when there are no values, and when
 * all wanted values are zero; and a comparison of no tensors has not passed.
 */
#ifndef FREEZETUNE_COMPARE_H
#define FREEZETUNE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

struct comparison {
    size_t tensors, failures;
    double worst;          /* the largest distance so far */
    char worst_name[200];  /* and the tensor that has it */
    char first_fault[320]; /* the first tensor that was beyond its tolerance, "" when there is none */
};

double compare_distance(const float *found, size_t found_count, const float *wanted, size_t wanted_count);

/* Adds one tensor to *comparison, which starts as {0}. */
void compare_tensor(struct comparison *comparison, const char *name, const float *found, size_t found_count,
                    const float *wanted, size_t wanted_count, double tolerance);

/* At least one tensor was compared and none was beyond its tolerance. */
bool compare_passed(const struct comparison *comparison);

#endif

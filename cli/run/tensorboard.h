/* The bytes of a TensorBoard file of events. A record (tensorflow/core/lib/io/record_writer.h), little-endian:
 *
 *   length   8 bytes   of the event
 *   sum      4         masked CRC-32C of the length
 *   event    length    Event of tensorflow/core/util/event.proto
 *   sum      4         masked CRC-32C of the event
 *
 * An event here has a time in seconds since 1970, and either "brain.Event:2", as the first of a file, or a step with a
 * summary: a tag and a float for each curve. */
#ifndef FREEZETUNE_TENSORBOARD_H
#define FREEZETUNE_TENSORBOARD_H

#include <stdint.h>

#include "core/base/bytes.h"

/* The first record of a file, of TENSORBOARD_HEAD bytes. */
enum { TENSORBOARD_HEAD = 40 };
void tensorboard_head(struct bytes *out, double time);
/* The time in a first record; NAN for bytes that are none. */
double tensorboard_head_time(const uint8_t bytes[TENSORBOARD_HEAD]);

/* A record with a value for each curve: begin, any number of values, end. */
struct tensorboard_point {
    struct bytes event, summary;
};
struct tensorboard_point tensorboard_begin(double time, uint64_t step, struct error *err);
void tensorboard_value(struct tensorboard_point *point, const char *tag, double value);
/* Appends the record, with the point's failure if there was one, and frees the point. */
void tensorboard_end(struct bytes *out, struct tensorboard_point *point);

#endif

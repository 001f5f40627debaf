#include "cli/run/tensorboard.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/crc32c.h"
#include "core/base/protobuf.h"

/* Numbers of fields in event.proto and summary.proto, as MESSAGE_FIELD. */
enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_FILE_VERSION = 3, EVENT_SUMMARY = 5 };
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_SIMPLE = 2 };

enum { RECORD_HEAD = 12 }; /* length and its sum */

/* A sum of sums is weak, so that those that stand in a file are masked. */
static uint32_t masked_sum(const uint8_t *bytes, size_t size)
{
    uint32_t sum = crc32c(bytes, size);
    return (sum >> 15 | sum << 17) + 0xA282EAD8u;
}

/* Frees the event, and takes its failure over. */
static void put_record(struct bytes *out, struct bytes *event)
{
    struct bytes length = bytes_start("events", out->err);
    bytes_put_little(&length, event->length, 8);
    if (out->status == OK)
        out->status = event->status != OK ? event->status : length.status;
    if (out->status == OK) {
        bytes_put(out, length.data, length.length);
        bytes_put_little(out, masked_sum(length.data, length.length), 4);
        bytes_put(out, event->data, event->length);
        bytes_put_little(out, masked_sum(event->data, event->length), 4);
    }
    bytes_free(&length);
    bytes_free(event);
}

void tensorboard_head(struct bytes *out, double time)
{
    struct bytes event = bytes_start("events", out->err);
    proto_double(&event, EVENT_WALL_TIME, time);
    proto_text(&event, EVENT_FILE_VERSION, "brain.Event:2");
    put_record(out, &event);
}

double tensorboard_head_time(const uint8_t bytes[TENSORBOARD_HEAD])
{
    struct bytes head = bytes_start("events", NULL);
    uint64_t bits = 0;
    double time;
    for (unsigned i = 0; i < sizeof bits; i++) /* behind the head of the record and the tag of the field */
        bits |= (uint64_t)bytes[RECORD_HEAD + 1 + i] << 8 * i;
    memcpy(&time, &bits, sizeof time);
    tensorboard_head(&head, time);
    bool same = head.status == OK && head.length == TENSORBOARD_HEAD && memcmp(head.data, bytes, head.length) == 0;
    bytes_free(&head);
    return same && isfinite(time) ? time : NAN;
}

struct tensorboard_point tensorboard_begin(double time, uint64_t step, struct error *err)
{
    struct tensorboard_point point = {bytes_start("events", err), bytes_start("events", err)};
    proto_double(&point.event, EVENT_WALL_TIME, time);
    proto_integer(&point.event, EVENT_STEP, step);
    return point;
}

void tensorboard_value(struct tensorboard_point *point, const char *tag, double value)
{
    struct bytes message = bytes_start("events", point->summary.err);
    proto_text(&message, VALUE_TAG, tag);
    proto_float(&message, VALUE_SIMPLE, (float)value);
    proto_message(&point->summary, SUMMARY_VALUE, &message);
}

void tensorboard_end(struct bytes *out, struct tensorboard_point *point)
{
    proto_message(&point->event, EVENT_SUMMARY, &point->summary);
    put_record(out, &point->event);
}

/* The machine that runs a pickle: its stack, its memo, and what opcodes do with them. For pickle_read.c alone.
 *
 * Every function looks at what it takes from the stack before it takes it, and compares a length with the bytes that
 * remain before it uses it. Values below the last mark are out of reach, as they are in any pickle that was written by
 * a pickler.
 */
#ifndef FREEZETUNE_PICKLE_MACHINE_H
#define FREEZETUNE_PICKLE_MACHINE_H

#include "weights/torch/pickle_read.h"

struct machine {
    struct pickle *pickle;
    const char *name; /* of the current opcode */
    size_t at;        /* the next byte */
    size_t opcode;    /* where the current opcode stands */
    pickle_id *stack, *memo;
    size_t stack_count, stack_capacity;
    size_t memo_count, memo_capacity;
    size_t marks[PICKLE_MAX_MARKS]; /* heights of the stack */
    size_t marks_count;
    bool stopped;
};

/* Steps over the next bytes, and over an unsigned little-endian number of 1 to 8 of them. */
MUST_CHECK enum status machine_take(struct machine *m, const uint8_t **out, uint64_t length);
MUST_CHECK enum status machine_number(struct machine *m, uint64_t *out, unsigned size);

MUST_CHECK enum status machine_push(struct machine *m, pickle_id id);
/* A new value, on the stack; its `at` is set here. */
MUST_CHECK enum status machine_push_value(struct machine *m, struct pickle_value value);
/* Fails unless that many values lie above the last mark. */
MUST_CHECK enum status machine_need(const struct machine *m, size_t count);
/* Value `depth` from the top. Valid until the next value is made. */
struct pickle_value *machine_top(const struct machine *m, size_t depth);
/* *count = how many values lie above the last mark, which goes away. */
MUST_CHECK enum status machine_pop_mark(struct machine *m, size_t *count);

/* The topmost `count` values become a tuple. */
MUST_CHECK enum status machine_tuple(struct machine *m, size_t count);
/* The topmost `count` values go into the container below them, which must be of that kind: one by one into a list, by
 * pairs into a dictionary. An object becomes such a container with its first items. */
MUST_CHECK enum status machine_add(struct machine *m, size_t count, enum pickle_kind kind);
MUST_CHECK enum status machine_append(struct machine *m, pickle_id container, struct pickle_link link);
/* An empty list or dictionary, on the stack. */
MUST_CHECK enum status machine_push_container(struct machine *m, enum pickle_kind kind);

/* The pickle goes on behind PICKLE_MAX_BYTES. */
MUST_CHECK enum status machine_too_long(const struct machine *m);

/* A line of text, without its newline. */
MUST_CHECK enum status machine_line(struct machine *m, const uint8_t **out, size_t *length);

/* The opcodes of pickle_scalars.c, which push a value without parts. */
MUST_CHECK enum status machine_int1(struct machine *m);
MUST_CHECK enum status machine_int2(struct machine *m);
MUST_CHECK enum status machine_int4(struct machine *m);
MUST_CHECK enum status machine_int_line(struct machine *m);
MUST_CHECK enum status machine_long1(struct machine *m);
MUST_CHECK enum status machine_long4(struct machine *m);
MUST_CHECK enum status machine_float(struct machine *m);
MUST_CHECK enum status machine_text1(struct machine *m);
MUST_CHECK enum status machine_text4(struct machine *m);
MUST_CHECK enum status machine_text8(struct machine *m);
MUST_CHECK enum status machine_bytes1(struct machine *m);
MUST_CHECK enum status machine_bytes4(struct machine *m);
MUST_CHECK enum status machine_bytes8(struct machine *m);

/* The opcodes of pickle_calls.c: names, calls of them, and what a call is given afterwards. */
MUST_CHECK enum status machine_global(struct machine *m);
MUST_CHECK enum status machine_stack_global(struct machine *m);
MUST_CHECK enum status machine_extension(struct machine *m, unsigned size);
MUST_CHECK enum status machine_reduce(struct machine *m);
MUST_CHECK enum status machine_new_object(struct machine *m);
MUST_CHECK enum status machine_new_object_ex(struct machine *m);
MUST_CHECK enum status machine_obj(struct machine *m);
MUST_CHECK enum status machine_inst(struct machine *m);
MUST_CHECK enum status machine_build(struct machine *m);
MUST_CHECK enum status machine_persistent(struct machine *m);

#endif

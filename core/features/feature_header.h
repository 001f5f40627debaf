/* The file of a store of features: a header page, which says what they are, and records of one size.
 *
 *      0  "FTfeats\n"           a file without these eight bytes is not ours
 *      8  version               4 bytes; numbers are as the machine has them, which
 *     12  0x01020304            says which way round that is
 *     16  key                   16 bytes
 *     32  values of a record    8 bytes
 *     40  dtype, image size     4 and 4 bytes
 *     48  arch, cut             32 and 64 bytes, NUL at the end
 *    144  zeros
 *   4088  checksum              8 bytes, of all before it
 *   4096  record 0, record 1, ...
 *
 *      0  checksum              8 bytes, of all behind it; it depends on the key too
 *      8  id                    24 bytes, struct feature_id
 *     32  values                as halves, float32 or bfloat16, then zeros up to a multiple of 8 bytes
 *
 * A record that was being written when all stopped is shorter than the others at the end of the file, where the next
 * one takes its place, or has a wrong checksum. The checksums are the low half of XXH3-128.
 *
 * Version 1 has no bfloat16. A file of halves or float32 is still written as version 1, for programs that know no
 * other.
 */
#ifndef FREEZETUNE_FEATURE_HEADER_H
#define FREEZETUNE_FEATURE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/features/feature_store.h"

enum { FEATURE_HEADER_BYTES = 4096, FEATURE_RECORD_VALUES = 32, FEATURE_VERSION = 2 };

enum feature_header {
    FEATURE_HEADER_GOOD,
    FEATURE_HEADER_UNFINISHED, /* ours, and ends before its first record: being made, or left so */
    FEATURE_HEADER_FOREIGN,    /* not ours */
    FEATURE_HEADER_VERSION,    /* ours, of a version that is not known */
    FEATURE_HEADER_ORDER,      /* ours, of a machine with another byte order */
    FEATURE_HEADER_DAMAGED     /* ours, and its checksum or what it says is wrong */
};

void feature_header_write(uint8_t page[FEATURE_HEADER_BYTES], const struct feature_store_about *about);

/* Reads the first `size` bytes of a file: all of it, or the whole page. *about is set only when GOOD, and everything in
 * it is then in range, even if the file is hostile. */
enum feature_header feature_header_read(struct feature_store_about *about, const uint8_t *page, size_t size);

/* What is wrong, as an end of a sentence: "is not a file of features". */
const char *feature_header_text(enum feature_header header);

/* Values within 1..FEATURE_VALUES_MOST, a known dtype, texts that end. */
bool feature_about_valid(const struct feature_store_about *about);

/* Bytes of a record, a multiple of 8. */
size_t feature_record_bytes(const struct feature_store_about *about);

/* Puts the id and the checksum on a record whose values are there. */
void feature_record_seal(uint8_t *record, const struct feature_store_about *about, const struct feature_id *id);
/* Is this the record of the id, every bit as it was sealed? */
bool feature_record_holds(const uint8_t *record, const struct feature_store_about *about, const struct feature_id *id);

#endif

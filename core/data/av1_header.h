/* The size in the sequence headers of AV1 data (AV1 Bitstream & Decoding Process Specification, 5.5): how much a
 * decoder allocates, whatever the file says elsewhere. Inside core/data only. */
#ifndef FREEZETUNE_AV1_HEADER_H
#define FREEZETUNE_AV1_HEADER_H

#include <stddef.h>
#include <stdint.h>

/* *width, *height = the sides of the sequence header with the most pixels among the OBUs in the `size` bytes; both are
 * unchanged where there is none that can be read or none with more pixels than these. */
void av1_header_size(uint64_t *width, uint64_t *height, const uint8_t *data, size_t size);

#endif

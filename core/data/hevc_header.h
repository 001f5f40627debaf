/* The size in an HEVC decoder configuration record (ISO/IEC 14496-15, 8.3.3), the box hvcC of a HEIC file: how much a
 * decoder allocates, whatever the file says elsewhere. Inside core/data only. */
#ifndef FREEZETUNE_HEVC_HEADER_H
#define FREEZETUNE_HEVC_HEADER_H

#include <stddef.h>
#include <stdint.h>

/* *width, *height = the sides, in pixels, of the sequence parameter set with the most pixels among those in the record
 * of `size` bytes; both are unchanged where there is none that can be read or none with more pixels than these. */
void hevc_header_size(uint64_t *width, uint64_t *height, const uint8_t *record, size_t size);

#endif

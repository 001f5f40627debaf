/* The size in the sequence parameter sets of HEVC (ITU-T H.265, 7.3.2.2): how much a decoder allocates, whatever the
 * file says elsewhere. They stand in the decoder configuration record (ISO/IEC 14496-15, 8.3.3), the box hvcC of a HEIC
 * file, and may stand in the stream as well. Inside core/data only. */
#ifndef FREEZETUNE_HEVC_HEADER_H
#define FREEZETUNE_HEVC_HEADER_H

#include <stddef.h>
#include <stdint.h>

/* *width, *height = the sides, in pixels, of the sequence parameter set with the most pixels among those in the record
 * of `size` bytes; both are unchanged where there is none that can be read or none with more pixels than these. Units
 * are known by their own headers, as a decoder knows them, and not by what the record says of their kind. */
void hevc_header_size(uint64_t *width, uint64_t *height, const uint8_t *record, size_t size);
/* The same for the data of an item: NAL units, each behind its length in 4 bytes. */
void hevc_stream_size(uint64_t *width, uint64_t *height, const uint8_t *data, size_t size);

#endif

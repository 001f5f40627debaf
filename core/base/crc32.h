/* CRC-32 as zip and PNG have it (ITU-T V.42: polynomial 0x04C11DB7, bits reflected, inverted before and after). By
 * libdeflate, which multiplies without carries where the processor can: a .pth file is summed whole whenever it is
 * opened. */
#ifndef FREEZETUNE_CRC32_H
#define FREEZETUNE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what `crc` summed, followed by these bytes. Begin with 0: crc32_add(crc32_add(0, a), b) is that of ab. */
uint32_t crc32_add(uint32_t crc, const void *bytes, size_t size);

#endif

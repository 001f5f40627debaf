/* CRC-32C, Castagnoli's (RFC 3720, appendix B.4: polynomial 0x1EDC6F41, bits reflected, inverted before and after): the
 * sum of TensorFlow's record files. Byte by byte, for records of a few hundred bytes. crc32.h has the sum of zip. */
#ifndef FREEZETUNE_CRC32C_H
#define FREEZETUNE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *bytes, size_t size);

#endif

/* SHA-256 (FIPS 180-4), by libmd: for files that are published with their sum. To tell files apart, hash.h is quicker.
 */
#ifndef FREEZETUNE_SHA256_H
#define FREEZETUNE_SHA256_H

#include <stddef.h>

/* out = the 64 hexadecimal digits that sha256sum prints, and a terminator. */
void sha256_hex(char out[65], const void *bytes, size_t size);

#endif

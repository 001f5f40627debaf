/* Records of a zip file (PKWARE's APPNOTE.TXT, 4.3): signatures and sizes without their variable parts. Their fields
 * are little-endian (core/base/byte_order.h). For the two files of the zip reader. */
#ifndef FREEZETUNE_ZIP_FIELDS_H
#define FREEZETUNE_ZIP_FIELDS_H

#include <stddef.h>

#define ZIP_LOCAL 0x04034B50u
#define ZIP_DESCRIPTOR 0x08074B50u
#define ZIP_CENTRAL 0x02014B50u
#define ZIP_ENDING64 0x06064B50u
#define ZIP_LOCATOR 0x07064B50u
#define ZIP_ENDING 0x06054B50u

#define ZIP_LOCAL_SIZE ((size_t)30)
#define ZIP_CENTRAL_SIZE ((size_t)46)
#define ZIP_ENDING64_SIZE ((size_t)56)
#define ZIP_LOCATOR_SIZE ((size_t)20)
#define ZIP_ENDING_SIZE ((size_t)22)

/* Bits of the flags. */
#define ZIP_FLAG_ENCRYPTED 0x0001u
#define ZIP_FLAG_DESCRIPTOR 0x0008u /* sum and sizes stand behind the data */
#define ZIP_FLAG_UTF8 0x0800u

/* Extra fields. */
#define ZIP_EXTRA_WIDE 0x0001u    /* zip64 */
#define ZIP_EXTRA_PADDING 0x4246u /* "FB": what torch.save aligns data with */

#endif

/* Code points of colour (ITU-T H.273, "CICP"), as the nclx boxes of HEIF and the headers of AV1 and HEVC say them.
 * Inside core/data only. */
#ifndef FREEZETUNE_CICP_H
#define FREEZETUNE_CICP_H

#include <stdbool.h>

enum cicp_matrix {
    CICP_IDENTITY = 0,
    CICP_BT709 = 1,
    CICP_UNSPECIFIED = 2,
    CICP_FCC = 4,
    CICP_BT470BG = 5,
    CICP_BT601 = 6,
    CICP_SMPTE240 = 7,
    CICP_YCGCO = 8,
    CICP_BT2020 = 9,
    CICP_DERIVED = 12 /* from the primaries */
};

/* The weights of red and blue in luma, by the matrix coefficients and, for CICP_DERIVED, the colour primaries. False,
 * with both untouched, for a matrix that has none. */
bool cicp_luma(float *red, float *blue, int matrix, int primaries);

#endif

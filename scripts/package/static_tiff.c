/* Two of libtiff's codecs, as if libtiff had been built without them, for the static program: JBIG's library is
 * under the GPL, which would then hold for the whole file, and LERC's is C++, for one more megabyte. The linker
 * takes these two functions before those of libtiff's archive, and neither library with them. A TIFF that needs one
 * cannot be read. */
#include <tiffio.h>

int TIFFInitJBIG(TIFF *tif, int scheme);
int TIFFInitLERC(TIFF *tif, int scheme);

static int not_configured(TIFF *tif, const char *name)
{
    TIFFErrorExt(TIFFClientdata(tif), TIFFFileName(tif), "%s compression is not in this static program", name);
    return 0;
}

int TIFFInitJBIG(TIFF *tif, int scheme)
{
    (void)scheme;
    return not_configured(tif, "JBIG");
}

int TIFFInitLERC(TIFF *tif, int scheme)
{
    (void)scheme;
    return not_configured(tif, "LERC");
}

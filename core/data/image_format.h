/* Photo formats: for each one a file with what can be known of a photo without decoding it, and its decoder. Inside
 * core/data only; everyone else uses image.h. Texts are reasons without a path. */
#ifndef FREEZETUNE_IMAGE_FORMAT_H
#define FREEZETUNE_IMAGE_FORMAT_H

#include "core/data/image.h"

/* One format. Every function but `decode` reads hostile bytes and touches none behind `have` or `size`. */
struct image_codec {
    const char *name; /* as messages say it: "JPEG" */

    /* NULL when the format is read. Else the rest of a message, which says what to install or to build with. The
     * function is NULL where every build reads the format, and nothing below but `recognises` is called where it
     * returns a text. */
    const char *(*missing)(void);
    /* What decodes it, with its version: "libwebp 1.2.4". */
    const char *(*library)(void);

    /* Do the first bytes say that it is this format? */
    bool (*recognises)(const uint8_t *bytes, size_t have);

    /* Reads the header from the first `have` of `size` bytes into *info, which is {.orientation = 1, .codec}. With
     * have < size, sets *more and returns OK when the header goes on behind them. ERR_DATA for what is too large or
     * malformed. Sizes go through image_size_set. */
    enum status (*examine)(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                           const struct image_options *options, struct error *err);

    /* The end mark within the last `have` bytes of the file, which begin at byte `from`: true is certain enough for a
     * first look, false means that `whole` must decide. NULL: `whole` needs no bytes, *info and the size say it. */
    bool (*end_seen)(const struct image_info *info, const uint8_t *tail, size_t from, size_t have);

    /* Walks through all bytes: ERR_DATA when the file ends early, a checksum does not hold, or decoding it would take
     * far more work than a photo does. May complete *info (the orientation, where it stands behind the header; cut,
     * where decode has to find out how much is there). NULL: there is nothing to look for. `bytes` is NULL where
     * end_seen is. */
    enum status (*whole)(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err);

    /* Decodes to RGB at 1 / 2^shift of the sides, or at full size where the decoder cannot (out->shift says).
     * out->pixels is set on success only; *info has passed examine and whole. ERR_DATA when rows are missing, the same
     * at any shift. Orientation is not its business. */
    enum status (*decode)(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                          int shift, struct error *err);

    /* Bytes that decode holds beside the file and the resulting pixels, at the most. */
    size_t (*held)(const struct image_info *info);

    bool shrinks; /* decode obeys shift */
};

extern const struct image_codec image_jpeg, image_png, image_bmp, image_webp, image_gif, image_tiff, image_heic,
    image_avif;

/* Checks the size that a header tells and fills it in:
 * ERR_DATA below 1, above IMAGE_MAX_SIDE or options->max_pixels. */
MUST_CHECK enum status image_size_set(struct image_info *info, long long height, long long width,
                                      const struct image_options *options, struct error *err);

/* The format's examine, by content: *out is untouched while *more is asked for and on failure. ERR_DATA also for what
 * is no photo, or one of a format that is not read, which is named. */
MUST_CHECK enum status image_examine(struct image_info *out, bool *more, const uint8_t *bytes, size_t have, size_t size,
                                     const struct image_options *options, struct error *err);

/* The format's whole. */
MUST_CHECK enum status image_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err);

/* ERR_DATA: "TIFF cannot be decoded: " and the first line of what a library says, or that its data is damaged. */
enum status image_not_decoded(const struct image_codec *codec, const char *reason, struct error *err);

/* Decoders that are not in their format's own file. */
#ifdef HAVE_LIBJPEG
#define IMAGE_JPEG_SHRINKS true
#else
#define IMAGE_JPEG_SHRINKS false
#endif
MUST_CHECK enum status image_decode_jpeg(struct image *out, const struct image_info *info, const uint8_t *bytes,
                                         size_t size, int shift, struct error *err);
size_t image_held_jpeg(const struct image_info *info);
bool image_jpeg_arithmetic(void); /* can this build decode arithmetic coding? */
MUST_CHECK enum status image_decode_png(struct image *out, const struct image_info *info, const uint8_t *bytes,
                                        size_t size, int shift, struct error *err);
size_t image_held_png(const struct image_info *info);
MUST_CHECK enum status image_decode_stb(struct image *out, const struct image_info *info, const uint8_t *bytes,
                                        size_t size, int shift, struct error *err);
size_t image_held_stb(const struct image_info *info);

/* For decoders whose library leaves alpha to us: see image.h. */
static inline uint8_t image_over_white(int colour, int alpha)
{
    return (uint8_t)((colour * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* out[count,3] = in[count,channels]; 1 is grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. */
static inline void image_to_rgb(uint8_t *out, const uint8_t *in, size_t count, int channels)
{
    bool has_alpha = channels == 2 || channels == 4, grey = channels < 3;
    for (size_t i = 0; i < count; i++, in += channels, out += 3) {
        int alpha = has_alpha ? in[channels - 1] : 255;
        for (int c = 0; c < 3; c++)
            out[c] = image_over_white(in[grey ? 0 : c], alpha);
    }
}

#endif

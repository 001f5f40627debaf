/* libheif (https://github.com/strukturag/libheif), loaded when the first HEIC or AVIF is met: a build and a machine
 * need not have it. What is declared here is the part of its public C API that is used, which is the same in all
 * versions of libheif.so.1. Inside core/data only. */
#ifndef FREEZETUNE_HEIF_LIBRARY_H
#define FREEZETUNE_HEIF_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

struct heif_error {
    int code, subcode;
    const char *message;
};

enum { HEIF_NO_ERROR = 0, HEIF_MEMORY_ERROR = 6 }; /* heif_error.code */
enum { HEIF_UNSPECIFIED = 0 };        /* heif_error.subcode; of a memory error: malloc failed, no limit was hit */
enum { HEIF_HEVC = 1, HEIF_AV1 = 4 }; /* heif_compression_format */
enum { HEIF_YCBCR = 0, HEIF_RGB = 1, HEIF_MONOCHROME = 2, HEIF_AS_CODED = 99 }; /* heif_colorspace */
enum { HEIF_GREY = 0, HEIF_420 = 1, HEIF_422 = 2, HEIF_444 = 3 };               /* heif_chroma, HEIF_AS_CODED too */
enum { HEIF_Y, HEIF_CB, HEIF_CR, HEIF_R, HEIF_G, HEIF_B, HEIF_ALPHA };          /* heif_channel */

/* heif_decoding_options, which only grows: what is set, and the version that has it. libheif 1.15 has 4, 1.19 has 6. */
struct heif_decoding_options {
    uint8_t version, ignore_transformations;
    void (*start_progress)(int step, int most, void *data);
    void (*on_progress)(int step, int progress, void *data);
    void (*end_progress)(int step, void *data);
    void *progress_data;
    uint8_t convert_hdr_to_8bit, strict_decoding;
    const char *decoder_id;
    uint8_t conversion_version; /* 5, to only_use_preferred */
    int downsampling, upsampling;
    uint8_t only_use_preferred;
    int (*cancel_decoding)(void *data); /* 6 */
    const void *conversion_more;
    int ignore_sequence_editlist;
    const struct heif_nclx *output_image_nclx_profile; /* 8 */
    int num_library_threads, num_codec_threads;
    uint8_t autocorrect_broken_input, output_image_nclx_profile_passthrough; /* 10 */
};

/* heif_color_profile_nclx, as far as it is asked: version 1 of it. The codes are CICP's (cicp.h). */
struct heif_nclx {
    uint8_t version;
    int primaries, transfer, matrix;
    uint8_t full_range;
};

/* heif_security_limits, as far as it is set (libheif 1.19). */
struct heif_security_limits {
    uint8_t version;
    uint64_t max_image_size_pixels;
};

struct heif_context;
struct heif_image_handle;
struct heif_image;

struct heif_library {
    const char *(*get_version)(void);
    int (*have_decoder_for_format)(int format);
    struct heif_context *(*context_alloc)(void);
    void (*context_free)(struct heif_context *context);
    void (*context_set_maximum_image_size_limit)(struct heif_context *context, int side);
    struct heif_error (*context_read_from_memory_without_copy)(struct heif_context *context, const void *bytes,
                                                               size_t size, const void *options);
    struct heif_error (*context_get_primary_image_handle)(struct heif_context *context, struct heif_image_handle **out);
    void (*image_handle_release)(const struct heif_image_handle *handle);
    int (*image_handle_get_width)(const struct heif_image_handle *handle);
    int (*image_handle_get_height)(const struct heif_image_handle *handle);
    struct heif_decoding_options *(*decoding_options_alloc)(void);
    void (*decoding_options_free)(struct heif_decoding_options *options);
    struct heif_error (*decode_image)(const struct heif_image_handle *handle, struct heif_image **out, int colorspace,
                                      int chroma, const struct heif_decoding_options *options);
    void (*image_release)(const struct heif_image *image);
    int (*image_get_colorspace)(const struct heif_image *image);
    int (*image_get_chroma_format)(const struct heif_image *image);
    int (*image_has_channel)(const struct heif_image *image, int channel);
    int (*image_get_bits_per_pixel_range)(const struct heif_image *image, int channel);
    int (*image_get_width)(const struct heif_image *image, int channel);
    int (*image_get_height)(const struct heif_image *image, int channel);
    const uint8_t *(*image_get_plane_readonly)(const struct heif_image *image, int channel, int *stride);
    /* NULL in versions that do not have them. */
    struct heif_security_limits *(*context_get_security_limits)(struct heif_context *context);
    struct heif_error (*init)(const void *parameters);
    int (*image_handle_is_premultiplied_alpha)(const struct heif_image_handle *handle);
    struct heif_error (*image_get_nclx_color_profile)(const struct heif_image *image, struct heif_nclx **out);
    void (*nclx_color_profile_free)(struct heif_nclx *profile);
};

/* The library, loaded once by whichever thread asks first; NULL where it is not installed. */
const struct heif_library *heif_library_get(void);

/* What a person can do where it is NULL. */
const char *heif_library_missing(void);

#endif

#include "core/data/heif_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(void *) != 8 ||
                   (offsetof(struct heif_decoding_options, cancel_decoding) == 72 &&
                    offsetof(struct heif_decoding_options, output_image_nclx_profile_passthrough) == 113),
               "heif_decoding_options as libheif lays it out");

static struct heif_library loaded;
static bool usable;

/* Writes the address of heif_NAME to *to, which is a pointer to a function. */
static bool bind(void *to, void *library, const char *name)
{
    char symbol[80];
    snprintf(symbol, sizeof symbol, "heif_%s", name);
    void *address = dlsym(library, symbol);
    memcpy(to, &address, sizeof address); /* C has no cast from an object's address to a function's */
    return address != NULL;
}

/* A static program can load no library, so it looks for none. */
#ifdef WITHOUT_LOADING
static void load(void)
{
    (void)bind;
}

const char *heif_library_missing(void)
{
    return "this static program cannot load libheif: convert it";
}
#else
static void load(void)
{
    void *library = dlopen("libheif.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return;
#define BIND(name) bind(&loaded.name, library, #name)
    bool all = BIND(get_version) && BIND(have_decoder_for_format) && BIND(context_alloc) && BIND(context_free) &&
               BIND(context_set_maximum_image_size_limit) && BIND(context_read_from_memory_without_copy) &&
               BIND(context_get_primary_image_handle) && BIND(image_handle_release) && BIND(image_handle_get_width) &&
               BIND(image_handle_get_height) && BIND(decoding_options_alloc) && BIND(decoding_options_free) &&
               BIND(decode_image) && BIND(image_release) && BIND(image_get_colorspace) &&
               BIND(image_get_chroma_format) && BIND(image_has_channel) && BIND(image_get_bits_per_pixel_range) &&
               BIND(image_get_width) && BIND(image_get_height) && BIND(image_get_plane_readonly);
    (void)BIND(context_get_security_limits);
    (void)BIND(init);
    (void)BIND(image_handle_is_premultiplied_alpha);
    if (!BIND(nclx_color_profile_free) || !BIND(image_get_nclx_color_profile))
        loaded.image_get_nclx_color_profile = NULL;
#undef BIND
    if (!all) {
        dlclose(library);
        return;
    }
    /* Loads the plugins of newer versions. Never undone: decoders may run until the program ends. */
    usable = !loaded.init || loaded.init(NULL).code == HEIF_NO_ERROR;
}

const char *heif_library_missing(void)
{
    return "install libheif1, or convert it";
}
#endif

const struct heif_library *heif_library_get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return usable ? &loaded : NULL;
}

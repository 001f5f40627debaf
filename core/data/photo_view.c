#include "core/data/photo_view.h"

struct photo_view photo_view_of(enum augment augment, size_t views, size_t epoch)
{
    size_t view = views ? epoch % views : epoch;
    if (augment == AUGMENT_NONE || (views && view == 0))
        return photo_view_plain();
    if (augment == AUGMENT_FLIP && views)
        return view % 2 ? (struct photo_view){1, AUGMENT_MIRROR} : photo_view_plain();
    return (struct photo_view){(uint32_t)view, augment};
}

size_t photo_views_default(enum augment augment)
{
    return augment == AUGMENT_NONE ? 1 : augment == AUGMENT_FLIP ? 2 : 0;
}

size_t photo_views_seen(enum augment augment, size_t views, size_t epochs)
{
    size_t seen = views && views < epochs ? views : epochs;
    size_t most = augment == AUGMENT_NONE ? 1 : augment == AUGMENT_FLIP && views ? 2 : seen;
    return seen < most ? seen : most;
}

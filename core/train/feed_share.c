#include "core/train/feed_share.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/memory.h"

/* What became of a photo. Without gaps: it is sent as it is. */
struct found {
    uint64_t hash;
    uint32_t skipped, damaged;
};

struct feed_share {
    const struct peers *peers;
    struct loader *loader;
    const struct photo_list *list;
    feed_needs *needs;
    void *context;
    uint32_t *places;    /* [batch] */
    size_t *sizes;       /* [ranks] */
    struct found *found; /* [batch + ranks], one rank after the other */
    uint32_t *failed;    /* [batch] photos */
    bool *skipped;       /* [batch] */
    struct photo_view view;
};

enum status feed_share_create(struct feed_share **out, const struct peers *peers, struct loader *loader,
                              const struct photo_list *photos, size_t batch, feed_needs *needs, void *context,
                              struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct feed_share), "the batches of the ranks", err);
    if (status != OK)
        return status;
    struct feed_share *share = memory;
    *share = (struct feed_share){.peers = peers, .loader = loader, .list = photos, .needs = needs, .context = context};
    const struct {
        void **out;
        size_t count, size;
    } arrays[] = {{(void **)&share->places, batch, sizeof *share->places},
                  {(void **)&share->sizes, peers->count, sizeof *share->sizes},
                  {(void **)&share->found, batch + peers->count, sizeof *share->found},
                  {(void **)&share->failed, batch, sizeof *share->failed},
                  {(void **)&share->skipped, batch, sizeof *share->skipped}};
    for (size_t i = 0; status == OK && i < sizeof arrays / sizeof *arrays; i++)
        status = memory_alloc(arrays[i].out, arrays[i].count, arrays[i].size, "the batches of the ranks", err);
    if (status == OK)
        *out = share;
    else
        feed_share_destroy(share);
    return status;
}

void feed_share_destroy(struct feed_share *share)
{
    if (!share)
        return;
    memory_free(share->skipped);
    memory_free(share->failed);
    memory_free(share->found);
    memory_free(share->sizes);
    memory_free(share->places);
    memory_free(share);
}

static enum status compare(const struct feed_share *share, struct error *err)
{
    struct hash128 hash = {0};
    size_t rank;
    for (uint32_t i = 0; i < share->list->count; i++)
        if (loader_is_bad(share->loader, i))
            hash = hash_bytes(&i, sizeof i, hash.low);
    enum status status = peers_compare(&rank, share->peers, &hash, sizeof hash, err);
    if (status != OK || rank == 0)
        return status;
    return error_set(err, ERR_NOINPUT,
                     "%s: rank %zu could not read the same photos as rank 0: make them available to both",
                     share->list->root, rank);
}

enum status feed_share_begin(struct feed_share *share, struct photo_view view, struct error *err)
{
    share->view = view;
    return compare(share, err);
}

size_t feed_share_needs(const uint32_t **places, const struct feed_share *share, size_t batch, size_t count)
{
    *places = share->places;
    return share->needs(share->context, share->places, share->peers->rank, batch, count);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static enum status tell_found(struct feed_share *share, const uint32_t *photos, size_t count, size_t batch,
                              struct error *err)
{
    const struct peers *peers = share->peers;
    struct found *found = share->found;
    for (size_t r = 0; r < peers->count; r++) {
        size_t n = share->needs(share->context, share->places, r, batch, count);
        share->sizes[r] = n * sizeof *found;
        for (size_t i = 0; r == peers->rank && i < n; i++) {
            uint32_t photo = photos[share->places[i]];
            found[i] = (struct found){loader_hash(share->loader, photo), loader_is_bad(share->loader, photo),
                                      loader_is_damaged(share->loader, photo)};
        }
        found += n;
    }
    return peers_gather(peers, share->found, share->sizes, err);
}

/* Returns how many photos could not be read: share->failed, in the order of the batch. */
static size_t learn(struct feed_share *share, const uint32_t *photos, size_t count, size_t batch)
{
    const struct found *found = share->found;
    size_t failed = 0;
    memset(share->skipped, 0, count);
    for (size_t r = 0; r < share->peers->count; r++) {
        size_t n = share->needs(share->context, share->places, r, batch, count);
        for (size_t i = 0; i < n; i++, found++) {
            uint32_t photo = photos[share->places[i]];
            share->skipped[share->places[i]] |= found->skipped != 0;
            if (found->skipped)
                continue;
            loader_set_hash(share->loader, photo, found->hash);
            if (found->damaged)
                loader_mark_damaged(share->loader, photo);
        }
    }
    for (size_t i = 0; i < count; i++)
        if (share->skipped[i])
            share->failed[failed++] = photos[i];
    return failed;
}

enum status feed_share_tell_damaged(struct feed_share *share, struct error *err)
{
    const struct peers *peers = share->peers;
    size_t count = share->list->count;
    void *memory = NULL;
    enum status status = memory_alloc(&memory, peers->count, count, "the photos that are damaged", err);
    status = peers_settle(peers, status, err);
    if (status != OK) {
        memory_free(memory);
        return status;
    }
    uint8_t *all = memory;
    for (size_t r = 0; r < peers->count; r++)
        share->sizes[r] = count;
    for (size_t i = 0; i < count; i++)
        all[peers->rank * count + i] = loader_is_damaged(share->loader, (uint32_t)i);
    status = peers_gather(peers, all, share->sizes, err);
    for (size_t i = 0; status == OK && i < peers->count * count; i++)
        if (all[i])
            loader_mark_damaged(share->loader, (uint32_t)(i % count));
    memory_free(all);
    return status;
}

/* ---- photos that cannot be read ---------------------------------------------------------------------------------- */

/* Those that another rank has decoded, and that this one did not try, are tried here too. */
static enum status try_failed(struct feed_share *share, size_t failed, struct error *err)
{
    const uint8_t *pixels;
    const struct box *holes;
    loader_start(share->loader, share->failed, failed, 0, share->view.number, share->view.augment);
    enum status status = loader_take(&pixels, &holes, share->loader, NULL, failed, err);
    status = peers_settle(share->peers, status, err);
    return status == OK ? compare(share, err) : status;
}

enum status feed_share_agree(bool *again, struct feed_share *share, const uint32_t *photos, size_t count, size_t batch,
                             enum status status, struct error *err)
{
    status = peers_settle(share->peers, status, err);
    if (status == OK)
        status = tell_found(share, photos, count, batch, err);
    if (status != OK)
        return status;
    size_t failed = learn(share, photos, count, batch);
    *again = failed > 0;
    return failed > 0 ? try_failed(share, failed, err) : OK;
}

#define _GNU_SOURCE
#include "core/data/loader_private.h"

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/memory.h"

static size_t slots_for(const struct loader_options *options)
{
    return options->ahead > options->threads ? options->ahead : options->threads;
}

size_t loader_memory(const struct loader_options *options, size_t photos)
{
    size_t side = (size_t)options->preprocess.crop, pixels = side * side * 3;
    return (slots_for(options) + options->batch + options->threads) * pixels +
           photos * (sizeof(uint32_t) + sizeof(uint64_t)) + photo_faults_bytes(photos) +
           options->batch * (2 * sizeof(uint32_t) + sizeof(struct box)) + sizeof(struct loader);
}

/* Decodes one photo into out. What fails is about the photo (ERR_DATA), about reaching it (ERR_NOINPUT, ERR_IO) or
 * about us (ERR_SYSTEM). */
static enum status load_photo(uint8_t *out, struct slot *slot, const struct worker *worker, uint32_t photo,
                              struct error *err)
{
    const struct loader *loader = worker->loader;
    const struct loader_options *options = &loader->options;
    char path[PATH_MAX];
    struct image_file file;
    struct image image = {0};
    if (!photo_path(path, sizeof path, loader->list, photo))
        return error_set(err, ERR_DATA, "its path is too long");
    enum status status = image_open(&file, path, &options->image, err);
    if (status != OK)
        return status;
    slot->hash = hash_bytes(file.bytes, file.size, 0).low;
    struct rng rng = rng_stream(options->seed, RNG_AUGMENT, loader->epoch, photo);
    struct augment_draws draws =
        augment_draw(loader->augment, &options->extras, options->preprocess.crop, file.height, file.width, rng);
    int shift = options->fast ? augment_shift(&draws, &options->preprocess, file.height, file.width) : 0;
    status = image_load(&image, &file, shift, &options->image, err);
    image_file_close(&file);
    if (status != OK)
        return status;
    status = augment_apply(out, &draws, &options->preprocess, &image, worker->resizer, worker->spare, err);
    slot->damaged = image.damaged;
    image_free(&image);
    slot->hole = draws.hole;
    return status;
}

/* Fills a slot, the lock being held; lets go of it while decoding. */
static void fill_slot(struct worker *worker, size_t entry)
{
    struct loader *loader = worker->loader;
    size_t index = entry % loader->slot_count;
    uint32_t photo = loader->order[entry];
    struct slot slot = {.state = SLOT_BAD, .status = ERR_DATA};
    if (!loader->faults.is_bad[photo]) {
        struct error err = {0};
        loader->busy++;
        pthread_mutex_unlock(&loader->lock);
        slot.status = load_photo(loader->slot_pixels + index * loader->photo_bytes, &slot, worker, photo, &err);
        if (slot.status == OK)
            slot.state = SLOT_GOOD;
        else if (memory_strdup(&slot.reason, err.text, NULL) != OK || slot.status == ERR_SYSTEM)
            slot.state = SLOT_FAILED;
        pthread_mutex_lock(&loader->lock);
        loader->busy--;
    }
    loader->slots[index] = slot;
    if (entry == loader->done)
        pthread_cond_signal(&loader->ready);
    if (loader->busy == 0)
        pthread_cond_signal(&loader->idle);
}

static void *worker_main(void *argument)
{
    struct worker *self = argument;
    struct loader *loader = self->loader;
    pthread_mutex_lock(&loader->lock);
    while (!loader->stop) {
        if (loader->taken < loader->count && loader->taken - loader->done < loader->slot_count)
            fill_slot(self, loader->taken++);
        else
            pthread_cond_wait(&loader->room, &loader->lock);
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

static void worker_free(struct worker *worker)
{
    resizer_destroy(worker->resizer);
    memory_free(worker->spare);
}

static enum status worker_start(struct worker *worker, struct loader *loader, struct error *err)
{
    void *spare = NULL;
    worker->loader = loader;
    enum status status = resizer_create(&worker->resizer, err);
    if (status == OK)
        status = memory_alloc(&spare, 1, loader->photo_bytes, "the photo loader", err);
    worker->spare = spare;
    if (status == OK && pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
        status = error_set(err, ERR_SYSTEM, "the system refused loader thread %zu of %zu: use fewer",
                           loader->started + 1, loader->options.threads);
    if (status != OK)
        worker_free(worker);
    return status;
}

static enum status start_workers(struct loader *loader, struct error *err)
{
    enum status status = OK;
    sigset_t all, before;
    sigfillset(&all); /* signals are for the thread that called us */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; status == OK && i < loader->options.threads; i++) {
        status = worker_start(&loader->workers[i], loader, err);
        loader->started += status == OK;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

/* One line for each buffer of the loader. */
static enum status allocate(struct loader *loader, struct error *err)
{
    const struct {
        void **out;
        size_t count, size;
    } buffers[] = {{(void **)&loader->order, loader->list->count, sizeof *loader->order},
                   {(void **)&loader->hashes, loader->list->count, sizeof *loader->hashes},
                   {(void **)&loader->slots, loader->slot_count, sizeof *loader->slots},
                   {(void **)&loader->slot_pixels, loader->slot_count, loader->photo_bytes},
                   {(void **)&loader->pixels, loader->options.batch, loader->photo_bytes},
                   {(void **)&loader->labels, loader->options.batch, sizeof *loader->labels},
                   {(void **)&loader->photos, loader->options.batch, sizeof *loader->photos},
                   {(void **)&loader->holes, loader->options.batch, sizeof *loader->holes},
                   {(void **)&loader->workers, loader->options.threads, sizeof *loader->workers}};
    enum status status = photo_faults_init(&loader->faults, loader->list->count, err);
    for (size_t i = 0; status == OK && i < sizeof buffers / sizeof *buffers; i++)
        status = memory_alloc(buffers[i].out, buffers[i].count, buffers[i].size, "the photo loader", err);
    return status;
}

enum status loader_create(struct loader **out, const struct photo_list *photos, const struct loader_options *options,
                          struct error *err)
{
    void *memory;
    size_t side = (size_t)options->preprocess.crop;
    assert(options->threads > 0 && options->batch > 0 && side > 0);
    enum status status = memory_alloc(&memory, 1, sizeof(struct loader), "the photo loader", err);
    if (status != OK)
        return status;
    struct loader *loader = memory;
    loader->list = photos;
    loader->options = *options;
    loader->photo_bytes = side * side * 3;
    loader->slot_count = slots_for(options);
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->room, NULL);
    pthread_cond_init(&loader->ready, NULL);
    pthread_cond_init(&loader->idle, NULL);
    status = allocate(loader, err);
    if (status == OK)
        status = start_workers(loader, err);
    if (status != OK) {
        loader_destroy(loader);
        return status;
    }
    *out = loader;
    return OK;
}

/* Ends the epoch: no entry is left to take, no photo is in anybody's hands, no slot holds a reason. */
static void drop_epoch(struct loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    loader->count = 0;
    while (loader->busy > 0)
        pthread_cond_wait(&loader->idle, &loader->lock);
    loader->taken = loader->done = 0;
    for (size_t i = 0; i < loader->slot_count; i++) {
        memory_free(loader->slots[i].reason);
        loader->slots[i] = (struct slot){0};
    }
    pthread_mutex_unlock(&loader->lock);
}

void loader_destroy(struct loader *loader)
{
    if (!loader)
        return;
    if (loader->started > 0) {
        drop_epoch(loader);
        pthread_mutex_lock(&loader->lock);
        loader->stop = true;
        pthread_cond_broadcast(&loader->room);
        pthread_mutex_unlock(&loader->lock);
    }
    for (size_t i = 0; i < loader->started; i++) {
        pthread_join(loader->workers[i].thread, NULL);
        worker_free(&loader->workers[i]);
    }
    pthread_cond_destroy(&loader->idle);
    pthread_cond_destroy(&loader->ready);
    pthread_cond_destroy(&loader->room);
    pthread_mutex_destroy(&loader->lock);
    photo_faults_free(&loader->faults);
    memory_free(loader->workers);
    memory_free(loader->holes);
    memory_free(loader->photos);
    memory_free(loader->labels);
    memory_free(loader->pixels);
    memory_free(loader->slot_pixels);
    memory_free(loader->slots);
    memory_free(loader->hashes);
    memory_free(loader->order);
    memory_free(loader);
}

void loader_start(struct loader *loader, const uint32_t *order, size_t count, size_t position, uint32_t epoch,
                  enum augment augment)
{
    assert(count <= loader->list->count);
    drop_epoch(loader);
    for (size_t i = 0; i < count; i++)
        loader->order[i] = order ? order[i] : (uint32_t)i;
    pthread_mutex_lock(&loader->lock);
    loader->epoch = epoch;
    loader->augment = augment;
    loader->taken = loader->done = position < count ? position : count;
    loader->count = count;
    pthread_cond_broadcast(&loader->room);
    pthread_mutex_unlock(&loader->lock);
}

/* Waits for the next entry and takes its slot's content; the pixels stay until slot_release. */
static struct slot slot_await(struct loader *loader)
{
    struct slot *slot = &loader->slots[loader->done % loader->slot_count];
    pthread_mutex_lock(&loader->lock);
    while (slot->state == SLOT_EMPTY)
        pthread_cond_wait(&loader->ready, &loader->lock);
    struct slot taken = *slot;
    slot->reason = NULL;
    pthread_mutex_unlock(&loader->lock);
    return taken;
}

static void slot_release(struct loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    loader->slots[loader->done % loader->slot_count].state = SLOT_EMPTY;
    loader->done++;
    pthread_cond_signal(&loader->room);
    pthread_mutex_unlock(&loader->lock);
}

/* At place n of the batch buffer. */
static void batch_put(struct loader *loader, size_t n, uint32_t photo, const struct box *hole)
{
    size_t bytes = loader->photo_bytes;
    uint32_t class = loader->list->photos[photo].class;
    memcpy(loader->pixels + n * bytes, loader->slot_pixels + loader->done % loader->slot_count * bytes, bytes);
    loader->labels[n] = class == PHOTO_NO_CLASS ? -1 : (int32_t) class;
    loader->photos[n] = photo;
    loader->holes[n] = *hole;
    loader->batch.count++;
}

/* "path: reason" */
static enum status name_photo(const struct loader *loader, uint32_t photo, enum status status, const char *reason,
                              struct error *err)
{
    char path[PATH_MAX];
    return error_set(err, status, "%s: %s", photo_path(path, sizeof path, loader->list, photo) ? path : "a photo",
                     reason);
}

enum { NOWHERE = UINT32_MAX };

/* Its pixels go to `place` of the batch buffer, unless that is NOWHERE. */
static enum status take_entry(struct loader *loader, uint32_t place, struct error *err)
{
    uint32_t photo = loader->order[loader->done];
    struct slot slot = slot_await(loader);
    enum status status = OK;
    if (slot.hash != 0)
        loader->hashes[photo] = slot.hash;
    if (slot.state == SLOT_GOOD) {
        if (place != NOWHERE)
            batch_put(loader, place, photo, &slot.hole);
        if (slot.damaged)
            photo_faults_mark_damaged(&loader->faults, photo);
    } else if (slot.state == SLOT_FAILED) {
        status = name_photo(
            loader, photo, ERR_SYSTEM,
            slot.status == ERR_SYSTEM && slot.reason ? slot.reason : "out of memory while it was decoded", err);
    } else if (slot.reason && loader->options.strict) {
        status = name_photo(loader, photo, slot.status, slot.reason, err);
    } else if (slot.reason && !loader->faults.is_bad[photo]) { /* else it stands in the order twice */
        status = loader_add_bad(loader, photo, slot.status, slot.reason, err);
        slot.reason = NULL;
    }
    memory_free(slot.reason);
    slot_release(loader);
    return status;
}

static void batch_clear(struct loader *loader)
{
    loader->batch = (struct photo_batch){
        .pixels = loader->pixels, .labels = loader->labels, .photos = loader->photos, .holes = loader->holes};
}

enum status loader_take(const uint8_t **pixels, const struct box **holes, struct loader *loader, const uint32_t *places,
                        size_t entries, struct error *err)
{
    enum status status = OK;
    double start = clock_seconds();
    assert(entries <= loader->count - loader->done);
    batch_clear(loader);
    for (size_t i = 0; i < entries && status == OK; i++)
        status = take_entry(loader, places ? places[i] : NOWHERE, err);
    loader->waited += clock_seconds() - start;
    if (status != OK) {
        drop_epoch(loader);
        return status;
    }
    *pixels = loader->pixels;
    *holes = loader->holes;
    return OK;
}

enum status loader_next(struct loader *loader, const struct photo_batch **out, struct error *err)
{
    enum status status = OK;
    double start = clock_seconds();
    batch_clear(loader);
    while (status == OK && loader->done < loader->count && loader->batch.count < loader->options.batch)
        status = take_entry(loader, (uint32_t)loader->batch.count, err);
    loader->waited += clock_seconds() - start;
    if (status != OK) {
        drop_epoch(loader);
        return status;
    }
    loader->batch.position = loader->done;
    *out = loader->batch.count > 0 ? &loader->batch : NULL;
    return OK;
}

double loader_waited(const struct loader *loader)
{
    return loader->waited;
}

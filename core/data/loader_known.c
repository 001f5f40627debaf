#include "core/base/memory.h"
#include "core/data/loader_private.h"

/* Workers read is_bad under the lock. Takes over the reason (also on failure). */
enum status loader_add_bad(struct loader *loader, uint32_t photo, enum status why, char *reason, struct error *err)
{
    pthread_mutex_lock(&loader->lock);
    enum status status = photo_faults_add(&loader->faults, photo, why, reason, err);
    pthread_mutex_unlock(&loader->lock);
    return status;
}

void loader_forget_away(struct loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    photo_faults_forget_away(&loader->faults);
    pthread_mutex_unlock(&loader->lock);
}

void loader_forgive(struct loader *loader, uint32_t photo)
{
    pthread_mutex_lock(&loader->lock);
    photo_faults_forgive(&loader->faults, photo);
    pthread_mutex_unlock(&loader->lock);
}

void loader_renew(struct loader *loader, uint32_t photo)
{
    loader_forgive(loader, photo);
    loader->hashes[photo] = 0;
    loader->faults.is_damaged[photo] = false;
}

size_t loader_bad_count(const struct loader *loader)
{
    return loader->faults.count;
}

struct photo_fault loader_bad_get(const struct loader *loader, size_t index)
{
    return loader->faults.list[index];
}

bool loader_is_bad(const struct loader *loader, uint32_t photo)
{
    return loader->faults.is_bad[photo];
}

size_t loader_damaged_count(const struct loader *loader)
{
    return loader->faults.damaged_count;
}

void loader_mark_damaged(struct loader *loader, uint32_t photo)
{
    photo_faults_mark_damaged(&loader->faults, photo);
}

bool loader_is_damaged(const struct loader *loader, uint32_t photo)
{
    return loader->faults.is_damaged[photo];
}

enum status loader_mark_bad(struct loader *loader, uint32_t photo, const char *reason, struct error *err)
{
    char *copy;
    if (loader->faults.is_bad[photo])
        return OK;
    enum status status = memory_strdup(&copy, reason, err);
    return status == OK ? loader_add_bad(loader, photo, ERR_DATA, copy, err) : status;
}

uint64_t loader_hash(const struct loader *loader, uint32_t photo)
{
    return loader->hashes[photo];
}

void loader_set_hash(struct loader *loader, uint32_t photo, uint64_t hash)
{
    loader->hashes[photo] = hash;
}

#include "core/data/photo_faults.h"

#include "core/base/memory.h"

enum status photo_faults_init(struct photo_faults *out, size_t photos, struct error *err)
{
    void *bad = NULL, *damaged = NULL;
    *out = (struct photo_faults){0};
    enum status status = memory_alloc(&bad, photos, sizeof(bool), "the photo loader", err);
    if (status == OK)
        status = memory_alloc(&damaged, photos, sizeof(bool), "the photo loader", err);
    out->is_bad = bad;
    out->is_damaged = damaged;
    return status;
}

void photo_faults_free(struct photo_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++)
        memory_free((void *)faults->list[i].reason);
    memory_free(faults->list);
    memory_free(faults->is_bad);
    memory_free(faults->is_damaged);
    *faults = (struct photo_faults){0};
}

size_t photo_faults_bytes(size_t photos)
{
    return 2 * photos * sizeof(bool);
}

enum status photo_faults_add(struct photo_faults *faults, uint32_t photo, enum status why, char *reason,
                             struct error *err)
{
    void *memory = faults->list;
    enum status status =
        memory_grow(&memory, &faults->room, faults->count + 1, sizeof *faults->list, "the bad photos", err);
    faults->list = memory;
    if (status != OK) {
        memory_free(reason);
        return status;
    }
    faults->list[faults->count++] =
        (struct photo_fault){.photo = photo, .away = why != ERR_DATA, .failed = why == ERR_IO, .reason = reason};
    faults->is_bad[photo] = true;
    return OK;
}

static void take_off(struct photo_faults *faults, bool away, uint32_t photo)
{
    size_t kept = 0;
    for (size_t i = 0; i < faults->count; i++) {
        struct photo_fault fault = faults->list[i];
        if (away ? !fault.away : fault.photo != photo) {
            faults->list[kept++] = fault;
            continue;
        }
        memory_free((void *)fault.reason);
        faults->is_bad[fault.photo] = false;
    }
    faults->count = kept;
}

void photo_faults_forget_away(struct photo_faults *faults)
{
    take_off(faults, true, 0);
}

void photo_faults_forgive(struct photo_faults *faults, uint32_t photo)
{
    if (faults->is_bad[photo])
        take_off(faults, false, photo);
}

void photo_faults_mark_damaged(struct photo_faults *faults, uint32_t photo)
{
    faults->damaged_count += !faults->is_damaged[photo];
    faults->is_damaged[photo] = true;
}

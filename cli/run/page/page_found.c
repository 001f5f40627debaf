#include "cli/run/page/page_found.h"

#include "core/base/file.h"
#include "core/base/memory.h"

enum status page_found_open(struct page_found *out, const char *folder, struct error *err)
{
    char *path;
    *out = (struct page_found){0};
    enum status status = path_join(&path, folder, "best.safetensors", err);
    if (status != OK)
        return status;
    status = model_open(&out->model, path, NULL, err);
    if (status == OK)
        status = record_config_read(&out->record, &out->model, err);
    if (status == OK && !out->record.folder)
        status = error_set(err, ERR_DATA, "%s: is not the model of this run", path);
    memory_free(path);
    return status == OK ? run_photos_open(&out->photos, &out->record, out->record.data, &out->model.info.classes, err)
                        : status;
}

void page_found_close(struct page_found *found)
{
    run_photos_free(&found->photos);
    record_config_free(&found->record);
    model_close(&found->model);
    *found = (struct page_found){0};
}

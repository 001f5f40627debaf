#include "cli/run/sweep_parts.h"

#include "cli/run/record_lock.h"
#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/memory.h"

/* What the folder shows; one that is not over may be in the hands of a process. */
static const char *state_text(const struct series *series, const struct series_run *run)
{
    char *folder;
    bool held = false;
    if (!series_is_over(run) && path_join(&folder, series->path, run->name, NULL) == OK) {
        held = record_lock_is_held(folder);
        memory_free(folder);
    }
    return held ? "running" : series_states[run->state];
}

enum status sweep_list(FILE *out, struct series *series, struct error *err)
{
    enum status status = series_look(series, err);
    for (size_t i = 0; i < series->count && status == OK; i++)
        fprintf(out, "%zu\t%s\t%s\n", i + 1, series->runs[i].name, state_text(series, &series->runs[i]));
    return status;
}

size_t sweep_missing(size_t *first, const struct series *series)
{
    size_t count = 0;
    for (size_t i = 0; i < series->count; i++)
        if (!series_is_over(&series->runs[i]) && count++ == 0 && first)
            *first = i + 1;
    return count;
}

enum status sweep_missing_error(const struct series *series, struct error *err)
{
    char names[500] = "";
    size_t used = 0, first = 0, missing = sweep_missing(&first, series), named = 0;
    for (size_t i = 0; i < series->count && used + 120 < sizeof names; i++) {
        const struct series_run *run = &series->runs[i];
        if (series_is_over(run))
            continue;
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%zu %s (%s)", named ? ", " : "", i + 1,
                                 run->name, state_text(series, run));
        named++;
    }
    return error_set(err, ERR_NO,
                     "%.200s: %zu of %zu combinations are missing: %s%s; train each by its number, such as: freezetune "
                     "sweep --resume %.200s --run %zu",
                     series->path, missing, series->count, names, named < missing ? ", ..." : "", series->path, first);
}

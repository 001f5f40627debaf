#include "cli/run/show_skipped.h"

#include <stdio.h>
#include <string.h>

#include "cli/shell/remark.h"

static const struct photo_list *list_of(const struct show_skipped *report, bool val)
{
    return val ? &report->setup->dataset.val : &report->setup->dataset.train;
}

static size_t epoch_of(const struct show_skipped *report)
{
    return train_state_get(report->setup->train)->epoch + 1;
}

static void take(struct skipped_burst *burst, const struct photo_list *list, const struct photo_fault *photo)
{
    uint32_t class = list->photos[photo->photo].class;
    if (burst->count++ > 0) {
        burst->several |= class != burst->class;
        return;
    }
    burst->class = class;
    snprintf(burst->reason, sizeof burst->reason, "%s", photo->reason);
    if (!photo_path(burst->first, sizeof burst->first, list, photo->photo))
        snprintf(burst->first, sizeof burst->first, "%s", "a photo");
}

void show_skipped_photo(struct show_skipped *report, bool val, const struct photo_fault *photo, bool again)
{
    struct skipped_burst *burst = photo->away ? &report->away : &report->bad;
    if (again) {
        report->again++;
        return;
    }
    take(burst, list_of(report, val), photo);
    if (burst->count > 1)
        return;
    if (photo->away)
        warn("%s: %s; left out of %sepoch %zu, and tried again in the next", burst->first, burst->reason,
             val ? "the validation of " : "", epoch_of(report));
    else
        warn("%s: %s; skipped from now on", burst->first, burst->reason);
}

/* " of class daisy", or that there are several. */
static const char *class_text(char *out, size_t size, const struct show_skipped *report,
                              const struct skipped_burst *burst)
{
    if (burst->several)
        snprintf(out, size, " of several classes");
    else
        snprintf(out, size, " of class %s", report->setup->dataset.classes.names[burst->class]);
    return out;
}

void show_skipped_pass_end(struct show_skipped *report, bool val)
{
    char class[300];
    size_t away = report->away.count + report->again, before = report->away_before[val];
    const char *kind = val ? "validation photos" : "photos";
    if (report->away.count > 1)
        warn(
            "epoch %zu: %zu %s%s cannot be read and were left out, the first: %s: %s; they are tried again in the next "
            "epoch",
            epoch_of(report), report->away.count, kind, class_text(class, sizeof class, report, &report->away),
            report->away.first, report->away.reason);
    if (report->bad.count > 1)
        warn(
            "epoch %zu: %zu %s%s cannot be decoded and are skipped from now on, the first: %s: %s; all are listed in the "
            "run's bad_images.tsv",
            epoch_of(report), report->bad.count, kind, class_text(class, sizeof class, report, &report->bad),
            report->bad.first, report->bad.reason);
    if (report->again < before)
        remark("epoch %zu: %zu %s can be read again", epoch_of(report), before - report->again, kind);
    report->away_before[val] = away;
    report->away.count = report->bad.count = report->again = 0;
    report->away.several = report->bad.several = false;
}

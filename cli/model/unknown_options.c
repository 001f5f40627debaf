#include "cli/model/unknown_options.h"

#include "cli/shell/numbers.h"
#include "cli/shell/remark.h"

/* At most one of the options, and one that the model allows. */
static enum status check(const char *given, size_t count, const struct model *model, bool tta, bool table,
                         struct error *err)
{
    if (count > 1)
        return error_set(err, ERR_USAGE,
                         "--threshold, --coverage and --error each set the threshold: give one of them");
    if (model->info.problem == PROBLEM_MULTI_LABEL)
        return error_set(err, ERR_USAGE, "--%s cannot be combined with a multi-label model", given);
    if (table && tta)
        return error_set(err, ERR_USAGE,
                         "--%s cannot be combined with --tta flip: eval --calibrate looks at each photo "
                         "once; give --threshold",
                         given);
    if (table && model->info.calibration.count == 0)
        return error_set(err, ERR_DATA,
                         "%.400s: says nothing of its thresholds, which --%s needs: freezetune eval "
                         "--calibrate --model %.400s",
                         model->path, given, model->path);
    return OK;
}

static enum status find_point(const struct coverage_point **out, const struct unknown_options *options, bool by_share,
                              const struct model *model, struct error *err)
{
    const struct model_calibration *calibration = &model->info.calibration;
    size_t all = calibration->points[calibration->count - 1].answered;
    *out = by_share ? coverage_of_share(calibration->points, calibration->count, options->coverage)
                    : coverage_of_error(calibration->points, calibration->count, options->error);
    if (*out)
        return OK;
    return error_set(err, ERR_DATA,
                     "%.400s: no threshold promises an error of %g with 95 %% confidence on the %zu photos of eval "
                     "--calibrate: that takes %zu right answers or more: allow a larger --error, or calibrate on more "
                     "photos with --data",
                     model->path, options->error, all, coverage_least(options->error));
}

enum status unknown_threshold(double *threshold, const struct unknown_options *options, const struct arguments *args,
                              const struct model *model, bool tta, struct error *err)
{
    static const char *const names[] = {"threshold", "coverage", "error"};
    const struct model_calibration *calibration = &model->info.calibration;
    const struct coverage_point *point;
    const char *given = NULL;
    size_t count = 0;
    *threshold = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (arguments_given(args, names[i])) {
            given = names[i];
            count++;
        }
    if (calibration->known && calibration->temperature != 1 && model->info.problem != PROBLEM_MULTI_LABEL)
        remark("probabilities are those at temperature %.6g (eval --calibrate)", calibration->temperature);
    if (count == 0)
        return OK;
    bool table = given != names[0];
    enum status status = check(given, count, model, tta, table, err);
    if (status != OK)
        return status;
    *threshold = options->threshold;
    if (!table)
        return OK;
    status = find_point(&point, options, given == names[1], model, err);
    if (status != OK)
        return status;
    size_t all = calibration->points[calibration->count - 1].answered;
    *threshold = point->threshold;
    remark("threshold %.6g: %zu of %zu photos of eval --calibrate were answered, %zu of them wrong", point->threshold,
           point->answered, all, point->wrong);
    return OK;
}

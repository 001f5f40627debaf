#include "core/train/forecast.h"

#include <math.h>
#include <string.h>

static const enum forecast_part part_of[PHASES] = {[PHASE_TRAIN_FEATURES] = FORECAST_FEATURES,
                                                   [PHASE_STEPS] = FORECAST_STEPS,
                                                   [PHASE_VAL_FEATURES] = FORECAST_FEATURES,
                                                   [PHASE_VALIDATION] = FORECAST_VALIDATION};

/* How far an estimate is corrected by measurements of other work. */
static const double most_correction = 4;

/* ---- what was measured ------------------------------------------------------------------------------------------- */

static const struct pace_row *pace_find(const struct pace *pace, enum forecast_part part, double work)
{
    for (size_t i = 0; i < pace->count; i++)
        if (pace->rows[i].part == part && pace->rows[i].work == work)
            return &pace->rows[i];
    return NULL;
}

/* Where there is no row left (a series of very many freeze points), the sums still count. */
static void pace_add(struct pace *pace, enum forecast_part part, double work, double photos, double seconds)
{
    size_t room = sizeof pace->rows / sizeof *pace->rows;
    struct pace_row *row = (struct pace_row *)pace_find(pace, part, work);
    if (!row && pace->count < room) {
        row = &pace->rows[pace->count++];
        *row = (struct pace_row){.part = part, .work = work};
    }
    if (row) {
        row->photos += photos;
        row->seconds += seconds;
    }
    pace->seconds += seconds;
    pace->work += photos * work;
}

void pace_other(struct pace *pace, double seconds)
{
    pace->other += seconds;
}

/* Seconds of a photo. */
static double photo_seconds(const struct pace *pace, double speed, enum forecast_part part, double work)
{
    const struct pace_row *row = pace_find(pace, part, work);
    if (row && row->photos > 0)
        return row->seconds / row->photos;
    if (!(speed > 0))
        return 0;
    double ratio = 1;
    if (pace->work > 0 && pace->seconds > 0)
        ratio = fmin(fmax(pace->seconds * speed / pace->work, 1 / most_correction), most_correction);
    return work / speed * ratio;
}

/* ---- epochs ------------------------------------------------------------------------------------------------------ */

static size_t stage_index(const struct forecast *forecast, size_t epoch)
{
    size_t index = 0;
    while (index + 1 < forecast->stages_count && forecast->stages[index + 1].epoch <= epoch)
        index++;
    return index;
}

static size_t epochs_of(const struct forecast *forecast)
{
    const struct forecast_stage *last = &forecast->stages[forecast->stages_count - 1];
    return last->epoch + last->epochs;
}

/* Photos of each phase of an epoch, when all of it is still to be done. */
static void expect(double photos[PHASES], const struct forecast *forecast, size_t epoch)
{
    const struct forecast_stage *stage = &forecast->stages[stage_index(forecast, epoch)];
    size_t begin = stage->epoch > forecast->first ? stage->epoch : forecast->first; /* of the features */
    double missing = stage->saved > 0 ? stage->missing : 0;
    photos[PHASE_TRAIN_FEATURES] = epoch - begin < stage->views ? missing * (double)forecast->train : 0;
    photos[PHASE_STEPS] = (double)forecast->train;
    photos[PHASE_VAL_FEATURES] = epoch == begin ? missing * (double)forecast->val : 0;
    photos[PHASE_VALIDATION] = (double)forecast->val;
}

static double seconds_of(const struct forecast *forecast, const struct pace *pace, size_t epoch,
                         const double photos[PHASES])
{
    const struct forecast_stage *stage = &forecast->stages[stage_index(forecast, epoch)];
    double sum = 0;
    for (int phase = 0; phase < PHASES; phase++) {
        enum forecast_part part = part_of[phase];
        if (photos[phase] > 0)
            sum += photos[phase] * photo_seconds(pace, forecast->speed, part, stage->work[part]);
    }
    return sum;
}

/* Seconds of saving, an epoch. */
static double other_seconds(const struct pace *pace)
{
    return pace->epochs > 0 ? pace->other / (double)pace->epochs : 0;
}

double forecast_rest(const struct forecast *forecast, const struct pace *pace)
{
    size_t end = epochs_of(forecast), count;
    double sum = 0;
    for (size_t epoch = forecast->epoch; epoch < end; epoch += count) {
        const struct forecast_stage *stage = &forecast->stages[stage_index(forecast, epoch)];
        bool running = epoch == forecast->epoch;
        double photos[PHASES];
        expect(photos, forecast, epoch);
        /* Without features to compute, one epoch of a stage is like the other. */
        bool alike = !running && photos[PHASE_TRAIN_FEATURES] == 0 && photos[PHASE_VAL_FEATURES] == 0;
        count = alike ? stage->epoch + stage->epochs - epoch : 1;
        double seconds = seconds_of(forecast, pace, epoch, running ? forecast->left : photos);
        sum += (double)count * (seconds + other_seconds(pace));
    }
    return sum;
}

double forecast_all(const struct forecast *forecast, const struct pace *pace)
{
    struct forecast fresh = *forecast;
    fresh.entered = false;
    forecast_enter(&fresh, 0, 0);
    return forecast_search(forecast, pace) + forecast_rest(&fresh, pace);
}

double forecast_search(const struct forecast *forecast, const struct pace *pace)
{
    const struct forecast_stage *stage = &forecast->stages[0];
    double photos[PHASES] = {[PHASE_STEPS] = (double)forecast->search};
    if (forecast->search == 0 || forecast->train == 0)
        return 0;
    size_t passes = (forecast->search + forecast->train - 1) / forecast->train;
    if (stage->saved > 0 && !stage->shared)
        photos[PHASE_TRAIN_FEATURES] =
            stage->missing * (double)(passes < stage->views ? passes : stage->views) * (double)forecast->train;
    return seconds_of(forecast, pace, stage->epoch, photos);
}

double forecast_epoch(const struct forecast *forecast, const struct pace *pace, size_t stage)
{
    const double photos[PHASES] = {[PHASE_STEPS] = (double)forecast->train, [PHASE_VALIDATION] = (double)forecast->val};
    return seconds_of(forecast, pace, forecast->stages[stage].epoch, photos) + other_seconds(pace);
}

/* ---- on the way -------------------------------------------------------------------------------------------------- */

void forecast_enter(struct forecast *forecast, size_t epoch, size_t done)
{
    if (!forecast->entered)
        forecast->first = epoch;
    forecast->entered = true;
    forecast->stepped = false;
    forecast->epoch = epoch;
    forecast->features_done = forecast->validation_done = 0;
    expect(forecast->left, forecast, epoch);
    forecast->left[PHASE_STEPS] = done < forecast->train ? (double)(forecast->train - done) : 0;
}

/* All phases before this one are over. Photos of it were done: seconds count for them. */
static void advance(struct forecast *forecast, struct pace *pace, enum forecast_phase phase, double left, double photos,
                    double seconds)
{
    const struct forecast_stage *stage = &forecast->stages[stage_index(forecast, forecast->epoch)];
    for (int before = 0; before < (int)phase; before++)
        forecast->left[before] = 0;
    forecast->left[phase] = left > 0 ? left : 0;
    pace_add(pace, part_of[phase], stage->work[part_of[phase]], photos, seconds);
}

/* `all` may be less than was left: what was missing is known when the phase begins. */
static void advance_to(struct forecast *forecast, struct pace *pace, enum forecast_phase phase, size_t *before,
                       size_t done, size_t all, double seconds)
{
    size_t since = done >= *before ? done - *before : done;
    *before = done < all ? done : 0;
    advance(forecast, pace, phase, (double)(all - done), (double)since, seconds);
}

void forecast_features(struct forecast *forecast, struct pace *pace, size_t done, size_t all, double seconds)
{
    bool stepped = forecast->stepped || forecast->left[PHASE_STEPS] == 0;
    enum forecast_phase phase = stepped ? PHASE_VAL_FEATURES : PHASE_TRAIN_FEATURES;
    advance_to(forecast, pace, phase, &forecast->features_done, done, all, seconds);
}

void forecast_step(struct forecast *forecast, struct pace *pace, size_t photos, double seconds)
{
    forecast->stepped = true;
    forecast->features_done = 0;
    advance(forecast, pace, PHASE_STEPS, forecast->left[PHASE_STEPS] - (double)photos, (double)photos, seconds);
}

void forecast_validation(struct forecast *forecast, struct pace *pace, size_t done, size_t all, double seconds)
{
    advance_to(forecast, pace, PHASE_VALIDATION, &forecast->validation_done, done, all, seconds);
}

void forecast_next(struct forecast *forecast, struct pace *pace)
{
    pace->epochs++;
    forecast_enter(forecast, forecast->epoch + 1, 0);
}

void forecast_lose_features(struct forecast *forecast)
{
    struct forecast_stage *stage = &forecast->stages[stage_index(forecast, forecast->epoch)];
    stage->work[FORECAST_STEPS] += stage->saved;
    stage->work[FORECAST_VALIDATION] += stage->saved;
    stage->saved = 0;
    forecast->left[PHASE_TRAIN_FEATURES] = forecast->left[PHASE_VAL_FEATURES] = 0;
}

void forecast_recall(struct forecast *forecast, struct pace *pace, size_t epoch, double seconds)
{
    struct forecast whole = *forecast; /* as it was then: its features were still to be computed */
    struct forecast_stage *stage = &whole.stages[stage_index(forecast, epoch)];
    double photos[PHASES];
    whole.first = 0;
    stage->missing = 1;
    expect(photos, &whole, epoch);
    double all = seconds_of(&whole, pace, epoch, photos), parts[PHASES];
    if (!(all > 0))
        return;
    for (int phase = 0; phase < PHASES; phase++) {
        double rate = photo_seconds(pace, whole.speed, part_of[phase], stage->work[part_of[phase]]);
        parts[phase] = photos[phase] * rate / all * seconds;
    }
    for (int phase = 0; phase < PHASES; phase++)
        if (photos[phase] > 0)
            pace_add(pace, part_of[phase], stage->work[part_of[phase]], photos[phase], parts[phase]);
}

void forecast_share(struct forecast *later, const struct forecast *earlier)
{
    for (size_t i = 0; i < later->stages_count; i++) {
        struct forecast_stage *stage = &later->stages[i];
        for (size_t j = 0; stage->shared && j < earlier->stages_count; j++) {
            const struct forecast_stage *before = &earlier->stages[j];
            if (!before->shared || before->views < stage->views)
                continue;
            if (before->saved == stage->saved)
                stage->missing = 0;
            else if (before->saved < stage->saved)
                stage->work[FORECAST_FEATURES] = fmin(stage->work[FORECAST_FEATURES], stage->saved - before->saved);
        }
    }
}

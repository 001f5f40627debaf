/* The state of a run, as last.safetensors and result.json hold it: the text that checkpoint_restore takes. One that is
 * accepted, written and restored again is written the same. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/checkpoint.h"
#include "tests/support/train_sample.h"

static struct train_sample samples[2];
static bool open[2];

static void require(int truth)
{
    if (!truth)
        abort();
}

static void close_samples(void)
{
    for (size_t i = 0; i < 2; i++)
        if (open[i])
            train_sample_close(&samples[i]);
}

/* What was restored into a training stays there: lists grow, a stage is entered. A new one takes a moment, so the one
 * before is used where nothing was. */
static struct train *fresh(size_t i)
{
    static bool registered;
    struct train_sample *sample = &samples[i];
    struct error err;
    bool used =
        open[i] && (sample->train->state.step > 0 || sample->train->state.epoch > 0 || sample->train->state.has_best ||
                    sample->train->state.steps_per_epoch != 3 ||
                    train_skipped_count(sample->train, false) + train_skipped_count(sample->train, true) > 0 ||
                    train_absence(sample->train, false)->reason_count > 0 ||
                    train_absence(sample->train, true)->reason_count > 0 ||
                    train_absence(sample->train, false)->count > 0 || train_absence(sample->train, true)->count > 0);
    if (used)
        train_sample_close(sample);
    if (used || !open[i])
        require(train_sample_open(sample, OPTIMIZER_SGD, 0.9, 't', &err) == OK);
    open[i] = true;
    if (!registered)
        atexit(close_samples);
    registered = true;
    return sample->train;
}

static void check_state(const struct train *train)
{
    const struct train_state *state = train_state_get(train);
    const size_t photos = TRAIN_SAMPLE_TRAIN, val = TRAIN_SAMPLE_VAL, epochs = TRAIN_SAMPLE_EPOCHS;
    require(state->epoch <= epochs && state->position <= photos && state->batch <= state->position);
    require(state->steps_per_epoch > 0 && state->steps_per_epoch <= photos && state->batch <= state->step);
    require(state->count + state->left_out <= state->position && state->top1 <= state->count);
    require(state->uncompared_lately <= state->uncompared && state->uncompared <= state->epoch);
    require(!state->has_best || state->best_epoch < state->epoch);
    require(state->best_right <= state->best_photos && state->best_photos <= val);
    require(state->best_accuracy >= 0 && state->best_accuracy <= 1 && state->seconds >= 0);
    require(train_bad_count(train, false) <= photos && train_bad_count(train, true) <= val);
    for (int list = 0; list < 2; list++) {
        const struct absence *absence = train_absence(train, list);
        for (size_t i = 0; i < absence->count; i++) {
            const struct absence_row *row = &absence->rows[i];
            require(row->photo < (list ? val : photos) && row->reason < absence->reason_count);
            require(row->epochs > 0 && row->epochs <= row->last + 1 && row->last < epochs);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *first = NULL, *second = NULL;
    struct error err = {0};
    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    enum status status = checkpoint_restore(fresh(0), text, "fuzz", &err);
    require(status == OK || status == ERR_DATA);
    require(status == OK || (strncmp(err.text, "fuzz: ", 6) == 0 && !strpbrk(err.text, "\r\n")));
    if (status == OK) {
        check_state(samples[0].train);
        require(checkpoint_text(&first, samples[0].train, &err) == OK);
        require(checkpoint_restore(fresh(1), first, "fuzz", &err) == OK);
        require(checkpoint_text(&second, samples[1].train, &err) == OK);
        require(strcmp(first, second) == 0);
        require(train_state_get(samples[0].train)->best_right == train_state_get(samples[1].train)->best_right);
    }
    memory_free(first);
    memory_free(second);
    free(text);
    return 0;
}

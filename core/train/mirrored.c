#include "core/train/mirrored.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/augment.h"
#include "core/ops/loss.h"

struct mirrored {
    size_t batch, side, classes;
    uint8_t *pixels; /* [batch,side,side,3] */
    float *logits;   /* [batch,classes] */
};

enum status mirrored_create(struct mirrored **out, size_t batch, size_t side, size_t classes, struct error *err)
{
    void *memory, *pixels = NULL, *logits = NULL;
    enum status status = memory_alloc(&memory, 1, sizeof(struct mirrored), "the mirrored photos", err);
    if (status != OK)
        return status;
    struct mirrored *mirrored = memory;
    status = memory_alloc(&pixels, batch, side * side * 3, "the mirrored photos", err);
    if (status == OK)
        status = memory_alloc(&logits, batch, classes * sizeof(float), "the mirrored photos", err);
    *mirrored = (struct mirrored){.batch = batch, .side = side, .classes = classes, .pixels = pixels, .logits = logits};
    if (status == OK)
        *out = mirrored;
    else
        mirrored_destroy(mirrored);
    return status;
}

void mirrored_destroy(struct mirrored *mirrored)
{
    if (!mirrored)
        return;
    memory_free(mirrored->logits);
    memory_free(mirrored->pixels);
    memory_free(mirrored);
}

/* The formula of the mean hides minus infinity on one side: log(p) of the other side alone comes out. So the two are
 * looked at before. */
static bool is_finite(const float *a, const float *b, size_t classes)
{
    return logits_finite(a, 1, classes) == 1 && logits_finite(b, 1, classes) == 1;
}

/* log(sum of exp(x)). */
static double log_sum(const float *x, size_t classes)
{
    double most = (double)x[0], sum = 0;
    for (size_t k = 1; k < classes; k++)
        most = fmax(most, (double)x[k]);
    for (size_t k = 0; k < classes; k++)
        sum += exp((double)x[k] - most);
    return most + log(sum);
}

void mirrored_mean(float *out, const float *a, const float *b, size_t classes)
{
    bool finite = is_finite(a, b, classes);
    double all_a = log_sum(a, classes), all_b = log_sum(b, classes);
    for (size_t k = 0; k < classes; k++) {
        double log_a = (double)a[k] - all_a, log_b = (double)b[k] - all_b;
        double mean = fmax(log_a, log_b) + log1p(exp(-fabs(log_a - log_b))) - log(2);
        out[k] = finite ? (float)fmax(mean, -(double)FLT_MAX) : NAN;
    }
}

const float *mirrored_forward(struct mirrored *mirrored, struct exec *exec, const uint8_t *pixels, size_t images)
{
    size_t side = mirrored->side, bytes = side * side * 3, classes = mirrored->classes;
    assert(images <= mirrored->batch);
    memcpy(mirrored->logits, exec_forward_pixels(exec, pixels, images), images * classes * sizeof(float));
    memcpy(mirrored->pixels, pixels, images * bytes);
    for (size_t i = 0; i < images; i++)
        augment_mirror(mirrored->pixels + i * bytes, (int)side, (int)side);
    const float *other = exec_forward_pixels(exec, mirrored->pixels, images);
    for (size_t i = 0; i < images; i++)
        mirrored_mean(mirrored->logits + i * classes, mirrored->logits + i * classes, other + i * classes, classes);
    return mirrored->logits;
}

#include "core/data/align.h"

#include <math.h>

enum {
    SIDE = ALIGN_SIDE,
    EDGE = SIDE / 8, /* outside of what is compared */
    INNER = SIDE - 2 * EDGE,
    SAMPLES = INNER * INNER,
    WAYS = 8,       /* to mirror and turn a square */
    SEARCHED = 3,   /* of these: the best ones to begin with */
    LEVELS = 4,     /* the steps are halved after each */
    ROUNDS_MOST = 8 /* at a level */
};

/* In radians, in the logarithm of the scale and in halves of a side: what is further off is another picture. */
#define FURTHEST 0.25F

/* A corner of nine tenths of each side: the logarithm of its scale, and how far its middle has moved. */
#define CORNER_ZOOM 0.105F
#define CORNER_SHIFT 0.1F

/* A search that after its first level lacks more than this is given up (docs/decisions/check.md). */
#define LACKING 0.25F

/* b's samples: less their mean, divided by the root of their squares' sum. */
struct align_target {
    float values[SAMPLES];
    float aspect;
};

/* Where a sample of b lies in a. Coordinates are -1..1 over the photo. */
struct placement {
    float angle, zoom, across, down; /* radians; logarithm of the scale; shifts */
};

/* Less their mean, divided by the root of their squares' sum; false when all are (nearly) the same. */
static int normalise(float *values)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < SAMPLES; i++)
        sum += (double)values[i];
    double mean = sum / SAMPLES;
    for (int i = 0; i < SAMPLES; i++)
        squares += ((double)values[i] - mean) * ((double)values[i] - mean);
    if (squares < SAMPLES)
        return 0;
    double scale = 1 / sqrt(squares);
    for (int i = 0; i < SAMPLES; i++)
        values[i] = (float)(((double)values[i] - mean) * scale);
    return 1;
}

/* a's grey at a place, between four pixels; the edge goes on outside. */
static float grey_at(const uint8_t *grey, float x, float y)
{
    float column = fminf(fmaxf((x + 1) * (SIDE / 2.0F) - 0.5F, 0), SIDE - 1);
    float row = fminf(fmaxf((y + 1) * (SIDE / 2.0F) - 0.5F, 0), SIDE - 1);
    int c = column < SIDE - 2 ? (int)column : SIDE - 2, r = row < SIDE - 2 ? (int)row : SIDE - 2;
    float u = column - (float)c, v = row - (float)r;
    const uint8_t *g = grey + r * SIDE + c;
    float above = (float)g[0] + u * (float)(g[1] - g[0]);
    float below = (float)g[SIDE] + u * (float)(g[SIDE + 1] - g[SIDE]);
    return above + v * (below - above);
}

/* `way` 0..7: bit 0 mirrors left and right, bit 1 up and down, bit 2 changes rows and columns. */
static float correlate(const struct align_photo *a, const struct align_target *b, int way,
                       const struct placement *place)
{
    float samples[SAMPLES], product = 0;
    float scale = expf(place->zoom), cosine = scale * cosf(place->angle), sine = scale * sinf(place->angle);
    for (int i = 0; i < SAMPLES; i++) {
        float x = ((float)(i % INNER + EDGE) + 0.5F) / (SIDE / 2.0F) - 1;
        float y = ((float)(i / INNER + EDGE) + 0.5F) / (SIDE / 2.0F) - 1;
        float u = (cosine * x * b->aspect - sine * y) / b->aspect + place->across;
        float v = sine * x * b->aspect + cosine * y + place->down;
        if (way & 1)
            u = -u;
        if (way & 2)
            v = -v;
        samples[i] = way & 4 ? grey_at(a->grey, v, u) : grey_at(a->grey, u, v);
    }
    if (!normalise(samples))
        return 0;
    for (int i = 0; i < SAMPLES; i++)
        product += samples[i] * b->values[i];
    return product;
}

/* One parameter up and down by its step. */
static int improve(struct placement *place, float *best, const struct align_photo *a, const struct align_target *b,
                   int way, int parameter, float step)
{
    for (int sign = -1; sign <= 1; sign += 2) {
        struct placement tried = *place;
        float *values[] = {&tried.angle, &tried.zoom, &tried.across, &tried.down};
        *values[parameter] += (float)sign * step;
        if (fabsf(*values[parameter]) > FURTHEST)
            continue;
        float found = correlate(a, b, way, &tried);
        if (found > *best) {
            *best = found;
            *place = tried;
            return 1;
        }
    }
    return 0;
}

/* Where one of both lies in a corner of the other. Small things all over a picture agree within less than a step, so
 * that a search from the middle does not find it. */
static float best_corner(struct placement *place, const struct align_photo *a, const struct align_target *b, int way)
{
    float best = -2;
    for (int corner = 0; corner < 8; corner++) {
        const struct placement tried = {.zoom = corner & 1 ? CORNER_ZOOM : -CORNER_ZOOM,
                                        .across = corner & 2 ? CORNER_SHIFT : -CORNER_SHIFT,
                                        .down = corner & 4 ? CORNER_SHIFT : -CORNER_SHIFT};
        float found = correlate(a, b, way, &tried);
        if (found > best) {
            best = found;
            *place = tried;
        }
    }
    return best;
}

/* From a place on, at which both agree by `best`. */
static float search(const struct align_photo *a, const struct align_target *b, int way, struct placement place,
                    float best, float least)
{
    float steps[] = {0.08F, 0.06F, 0.06F, 0.06F};
    for (int level = 0; level < LEVELS && (level == 0 || best >= least - LACKING); level++) {
        int moved = 1;
        for (int round = 0; round < ROUNDS_MOST && moved; round++) {
            moved = 0;
            for (int p = 0; p < 4; p++)
                moved |= improve(&place, &best, a, b, way, p, steps[p]);
        }
        for (int p = 0; p < 4; p++)
            steps[p] /= 2;
    }
    return best;
}

static float search_way(const struct align_photo *a, const struct align_target *b, int way, float still, float least)
{
    struct placement corner;
    const struct placement none = {0};
    float best = search(a, b, way, none, still, least);
    if (best >= least)
        return best;
    float first = best_corner(&corner, a, b, way);
    return first > still ? fmaxf(best, search(a, b, way, corner, first, least)) : best;
}

enum status align_prepare(struct align_photo *out, const struct image *image, struct resizer *resizer,
                          struct error *err)
{
    uint8_t pixels[SIDE * SIDE * 3];
    const struct resize_input input = {
        .pixels = image->pixels, .height = image->height, .width = image->width, .stride = (size_t)image->width * 3};
    const struct resize_window window = {SIDE, SIDE, 0, 0, SIDE, SIDE};
    enum status status = resize_pixels(resizer, pixels, (size_t)SIDE * 3, INTERPOLATION_BILINEAR, &window, &input, err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
        out->grey[i] =
            (uint8_t)((299 * pixels[3 * i] + 587 * pixels[3 * i + 1] + 114 * pixels[3 * i + 2] + 500) / 1000);
    out->aspect = (float)image->width / (float)image->height;
    return OK;
}

float align_correlation(const struct align_photo *a, const struct align_photo *b, float least)
{
    struct align_target target = {.aspect = b->aspect};
    const struct placement still = {0};
    float starts[WAYS], best = 0;
    if (!(a->aspect > 0) || !(b->aspect > 0))
        return 0;
    for (int i = 0; i < SAMPLES; i++)
        target.values[i] = (float)b->grey[(i / INNER + EDGE) * SIDE + i % INNER + EDGE];
    if (!normalise(target.values))
        return 0;
    for (int way = 0; way < WAYS; way++)
        starts[way] = correlate(a, &target, way, &still);
    for (int i = 0; i < SEARCHED; i++) {
        int way = 0;
        for (int w = 1; w < WAYS; w++)
            if (starts[w] > starts[way])
                way = w;
        best = fmaxf(best, search_way(a, &target, way, starts[way], least));
        starts[way] = -2;
    }
    return best;
}

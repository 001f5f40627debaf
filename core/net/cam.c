#include "core/net/cam.h"

#include <assert.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/ops/map_lanes.h"

struct cam {
    const struct plan *plan;
    size_t h, w, channels;
    size_t images;              /* of the last forward */
    const float *weight, *bias; /* [classes,channels], [classes]; the network's */
    float *maps;                /* [batch,h,w,channels] */
    float *features;            /* [batch,channels] */
};

static bool ends_in_pooling_and_linear(const struct net *net)
{
    if (net->ops_count < 3)
        return false;
    const struct op *linear = &net->ops[net->ops_count - 1], *pooling = linear - 1;
    return linear->kind == OP_LINEAR && linear->bias >= 0 && pooling->kind == OP_AVGPOOL &&
           linear->in[0] == pooling->out;
}

enum status cam_place(size_t *cut, const struct net *net, struct error *err)
{
    if (!ends_in_pooling_and_linear(net))
        return error_set(err, ERR_DATA,
                         "%s has no class activation maps: these need a network that ends in average pooling and one "
                         "linear layer",
                         net->arch);
    *cut = net->ops_count - 2;
    return OK;
}

enum status cam_create(struct cam **out, const struct plan *plan, struct error *err)
{
    const struct net *net = plan->net;
    const struct op *linear = &net->ops[net->ops_count - 1];
    void *memory, *maps = NULL, *features = NULL;
    assert(!plan->options.train && plan->from.steps > 0 && plan->cut.steps == plan->from.steps + 1);
    const struct plan_tensor *last = &plan->tensors[plan->from.tensor];
    enum status status = memory_alloc(&memory, 1, sizeof(struct cam), "the class activation maps", err);
    if (status != OK)
        return status;
    struct cam *cam = memory;
    status = memory_alloc(&maps, plan->options.batch, last->values * sizeof(float), "the class activation maps", err);
    if (status == OK)
        status = memory_alloc(&features, plan->options.batch, last->channels * sizeof(float), "the features", err);
    *cam = (struct cam){.plan = plan,
                        .h = last->h,
                        .w = last->w,
                        .channels = last->channels,
                        .weight = net->params[linear->param].data,
                        .bias = net->params[linear->bias].data,
                        .maps = maps,
                        .features = features};
    if (status == OK)
        *out = cam;
    else
        cam_destroy(cam);
    return status;
}

void cam_destroy(struct cam *cam)
{
    if (!cam)
        return;
    memory_free(cam->maps);
    memory_free(cam->features);
    memory_free(cam);
}

/* Maps and features are copied because the logits may lie in their place. Behind exec_features both are there: the
 * pooling, which reads the one and makes the other, is the last step that ran. */
const float *cam_forward(struct cam *cam, struct exec *exec, const uint8_t *pixels, size_t images)
{
    const struct plan *plan = cam->plan;
    assert(images <= plan->options.batch);
    exec_features(exec, pixels, images);
    map_lanes(plan->from.precision)->widen(cam->maps, exec_advance_place(exec), images * plan->from.values);
    map_lanes(plan->cut.precision)->widen(cam->features, exec_features_place(exec), images * plan->cut.values);
    cam->images = images;
    return exec_forward_features(exec, images);
}

size_t cam_height(const struct cam *cam)
{
    return cam->h;
}

size_t cam_width(const struct cam *cam)
{
    return cam->w;
}

void cam_map(float *map, const struct cam *cam, size_t image, size_t class)
{
    const float *weight = cam->weight + class * cam->channels;
    const float *a = cam->maps + image * cam->h * cam->w * cam->channels;
    assert(image < cam->images && class < net_classes(cam->plan->net));
    for (size_t pixel = 0; pixel < cam->h * cam->w; pixel++, a += cam->channels) {
        double sum = 0;
        for (size_t k = 0; k < cam->channels; k++)
            sum += (double)weight[k] * (double)a[k];
        map[pixel] = (float)sum;
    }
}

float cam_bias(const struct cam *cam, size_t class)
{
    return cam->bias[class];
}

const float *cam_features(const struct cam *cam)
{
    return cam->features;
}

size_t cam_features_count(const struct cam *cam)
{
    return cam->channels;
}

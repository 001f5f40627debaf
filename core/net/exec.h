/* Runs a plan: forward and backward over a batch.
 *
 *   struct exec *exec;
 *   exec_create(&exec, plan, pool, NULL, err);
 *   const float *logits = exec_forward_pixels(exec, pixels, n);
 *   cross_entropy(dlogits, logits, labels, n, classes);
 *   exec_backward(exec, dlogits, sink, context);
 *
 * One thread drives an exec; the work is spread over the pool. The same input gives the same bytes for any pool.
 */
#ifndef FREEZETUNE_EXEC_H
#define FREEZETUNE_EXEC_H

#include "core/base/threads.h"
#include "core/net/bn_moments.h"
#include "core/net/plan.h"
#include "core/net/profile.h"

struct exec;

/* How pixels become numbers: (pixel / 255 - mean) / std, per channel, in float32 as torchvision's ToTensor and
 * Normalize. */
struct normalise {
    float mean[3], std[3];
};

/* table[c][v] = (v / 255 - mean[c]) / std[c]: the number that a byte becomes. */
void normalise_table(float table[3 * 256], const struct normalise *normalise);

/* `shared` is memory of at least plan_shared_bytes(plan), 64-byte aligned, that outlives the exec, or NULL: it
 * makes its own. Folds and prepares the frozen weights. `plan` and `pool` must outlive the run. */
MUST_CHECK enum status exec_create(struct exec **out, const struct plan *plan, const struct normalise *normalise,
                                   struct pool *pool, void *shared, struct error *err);
void exec_destroy(struct exec *exec);

/* To be called when weights that it folded or prepared have changed: all of them, or by steps with the net's trainable
 * flags as they are. */
void exec_refold(struct exec *exec);
void exec_refold_trained(struct exec *exec);

/* From now on its time is added to `profile` (of the same plan, borrowed); NULL stops that. */
void exec_set_profile(struct exec *exec, struct profile *profile);

/* From now on passes that begin with pixels or x add to `moments` (of the same plan, borrowed; bn_moments.h) as long as
 * it wants more; NULL stops that. What a pass returns keeps its bits. */
void exec_set_moments(struct exec *exec, struct bn_moments *moments);

/* Forward over images (1..batch; 0 with exec_pieces) of uint8 pixels[images,H,W,3] or of ready-made x[images,H,W,C].
 * Returns logits [images, classes], borrowed until the next call. A training plan's BatchNorm layers in batch mode move
 * their running statistics. */
const float *exec_forward_pixels(struct exec *exec, const uint8_t *pixels, size_t images);
const float *exec_forward(struct exec *exec, const float *x, size_t images);

/* What a forward pass of a training plan moves the running statistics by, exec_statistics_count doubles: mean and
 * unbiased variance of each BatchNorm layer in batch mode.
 *
 *   exec_keep_statistics   from now on passes write it to `out` (borrowed) and move nothing; NULL: they move them again
 *   exec_move_statistics   moves them by what a pass has written: here, or in another process
 */
size_t exec_statistics_count(const struct plan *plan);
void exec_keep_statistics(struct exec *exec, double *out);
void exec_move_statistics(struct exec *exec, const double *statistics);

/* The same in two parts, for a plan with a cut. Features are [images, plan->cut.values]; both parts together do what
 * exec_forward_pixels does, to the byte, and so does the second after any other pass, with the features put back.
 *
 *   exec_features            from uint8 pixels[images,H,W,3] to the features, at exec_features_place
 *   exec_forward_features    from the features at exec_features_place to logits; backward may follow
 *   exec_advance             from the features of plan->from, at exec_advance_place, to those of plan->cut
 *
 * A place is in the exec's memory: what lies there is good until it, or another that shares the memory, does
 * anything else. */
void exec_features(struct exec *exec, const uint8_t *pixels, size_t images);
const float *exec_forward_features(struct exec *exec, size_t images);
void exec_advance(struct exec *exec, size_t images);
void *exec_features_place(const struct exec *exec);
size_t exec_features_count(const struct exec *exec); /* values of one image; 0 where there is no cut */
enum precision exec_features_precision(const struct exec *exec);
size_t exec_pixels_size(const struct exec *exec); /* bytes of one image */
void *exec_advance_place(const struct exec *exec);

/* A pass over several pieces, such as those of a batch that this process computes, in which every BatchNorm layer with
 * batch statistics sees all of them, and the pieces of other processes too: forward its mean and variance, backward the
 * two sums of batchnorm.h are those over all photos. So each step is done with every piece before the next begins, and
 * activations of all pieces are there at once. All else is made piece by piece, as passes over one piece each make it:
 * the sink is told each gradient once for each piece, in their order. One piece alone gives the bytes of a pass without
 * this.
 *
 * Sums are double, of each piece over its tiles in order. All processes call `total` for the same layers in the same
 * order, forward once a layer and backward once. Where it fails it keeps that to itself, and the pass goes on. */
struct exec_pieces {
    size_t count;        /* of this process; 0: its passes have no images and only call total */
    size_t before;       /* pieces of other processes that come before them */
    const size_t *begin; /* [count + 1]: the first image of each piece in the pass; then how many images there are */
    size_t images;       /* of all pieces of all processes */
    /* Room for exec_pieces_values doubles of every piece, for each of two operands: piece i of this process leaves its
     * sums at (before + i) * values. Returns the sums over all pieces, borrowed until the next call. */
    double *sums[2];
    const double *(*total)(void *context, double *sums, size_t values);
    void *context;
};
size_t exec_pieces_values(const struct plan *plan);

/* From now on passes are over these (borrowed); NULL: a pass is one piece. Backward needs those of its forward. */
void exec_set_pieces(struct exec *exec, const struct exec_pieces *pieces);

/* Is told the gradient of a parameter (in the parameter's layout) as soon as it is complete: when the parameter itself
 * is not read again in this backward pass, so it may be updated at once. `gradient` is borrowed for the call. */
typedef void gradient_sink(void *context, size_t param, const float *gradient);

/* Backward of the last forward: dlogits[images, classes]. Every trainable parameter reaches the sink once (or
 * once for each of exec_pieces), in a fixed order, from the calling thread (which may use the pool). */
void exec_backward(struct exec *exec, const float *dlogits, gradient_sink *sink, void *context);

#endif

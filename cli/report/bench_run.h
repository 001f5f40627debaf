/* The work of `freezetune bench`, in rounds: the parts of a round follow each other, so that a machine that slows
 * down slows all of them. */
#ifndef FREEZETUNE_BENCH_RUN_H
#define FREEZETUNE_BENCH_RUN_H

#include "core/base/threads.h"
#include "core/net/net.h"
#include "core/net/profile.h"
#include "core/ops/conv.h"
#include "core/ops/precision.h"

enum bench_part {
    BENCH_PEAK_ONE, /* GFLOP/s */
    BENCH_PEAK_ALL,
    BENCH_FORWARD, /* the rest: milliseconds a photo. Inference, everything folded */
    BENCH_STEP,    /* a whole training step: the four below */
    BENCH_PREFIX,
    BENCH_SUFFIX,
    BENCH_BACKWARD,
    BENCH_OPTIMIZER,
    BENCH_DECODE,  /* of the photos given; 0 without any */
    BENCH_RESIZE,  /* Resize + CenterCrop */
    BENCH_AUGMENT, /* RandomResizedCrop + flip */
    BENCH_PARTS
};

struct bench_options {
    size_t batch, image_size, threads, repeat;
    int freeze_until;
    enum conv_engine conv;
    enum precision precision;
    bool forward_only;
    const char *photo; /* a file to decode, or NULL: noise of 500x375 is resized */
};

struct bench_result {
    double *values[BENCH_PARTS];      /* [repeat], sorted */
    double forward_flops, step_flops; /* of a photo */
    size_t network, network_bf16; /* bytes of both runs as planned, and in bfloat16; the latter 0 with CONV_IM2COL */
    size_t peak_rss;              /* bytes, of this process at the end */
};

/* Fills *out (free with bench_result_free). The network is trained on noise: its weights change. `sums`, if not
 * NULL, receives the profile of the training step (with forward_only: of the forward pass) in all rounds. */
MUST_CHECK enum status bench_run(struct bench_result *out, struct net *net, const struct bench_options *options,
                                 struct pool *pool, struct profile_sums *sums, struct error *err);
void bench_result_free(struct bench_result *result);

double bench_median(const struct bench_result *result, enum bench_part part, size_t repeat);

#endif

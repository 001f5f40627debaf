/* What the files of an exec share: where everything is. */
#ifndef FREEZETUNE_EXEC_INTERNAL_H
#define FREEZETUNE_EXEC_INTERNAL_H

#include "core/net/bn_moments.h"
#include "core/net/op_info.h"
#include "core/net/exec.h"
#include "core/ops/batchnorm.h"

struct exec {
    const struct plan *plan;
    struct pool *pool;
    float *arena, *scratch; /* borrowed or owned */
    float *state;
    void *owned;

    struct batchnorm *bns; /* as program.bns */
    float pixel_table[3 * 256];
    struct profile *profile;    /* or NULL */
    struct bn_moments *moments; /* or NULL */
    double *statistics;         /* where a pass leaves its statistics instead of moving the running ones, or NULL */
    const struct exec_pieces *pieces; /* or NULL: a pass is one piece */

    size_t pass;           /* images of the current pass */
    const uint8_t *pixels; /* its input: one of the two */
    const float *x;
    size_t piece, first, images; /* at work: the piece, its first image and how many; without pieces the whole pass */
    size_t from, to;             /* the depth-first steps to run */
};

/* How a tensor at `x` is read. */
struct conv_input exec_input(const struct exec *exec, const struct operand *operand, const void *x);

/* In the arena, from the first image at work on. */
void *exec_tensor(const struct exec *exec, int tensor); /* as forward has it */
void *exec_kept(const struct exec *exec, int tensor);   /* as backward has it: a recomputed sum lies elsewhere */
void *exec_gradient(const struct exec *exec, int tensor);

/* Step `index`, a merge, from its operands as forward has them. OVERWRITES out [images,h,w,channels]. */
void exec_merge(const struct exec *exec, size_t index, void *out);

/* Whether the moments of the output of step `index` are to be taken in this pass. Then its task is to leave out the
 * ReLU, and exec_take_image (of one image's output y), or exec_take_batch (of the whole batch's), takes the moments and
 * makes up for that, with the same bits. */
bool exec_takes_moments(const struct exec *exec, size_t index);
void exec_take_image(const struct exec *exec, size_t index, size_t image, void *y);
void exec_take_batch(const struct exec *exec, size_t index, void *y);

/* BatchNorm `bn`, with batch statistics, has its sums in exec_sums, in so many tiles, over so many rows. With pieces
 * they are kept until the step `index` that made them is done with all, for exec_join_statistics. */
void exec_take_statistics(const struct exec *exec, size_t bn, size_t tiles, size_t rows);
void exec_join_statistics(const struct exec *exec, size_t index);

/* ---- pieces: exec_pieces.c --------------------------------------------------------------------------------------- */
/* for (size_t i = 0; i < exec_pieces_count(exec); i++) { exec_enter_piece(exec, i); ... } exec_leave_pieces(exec);
 * Without exec->pieces: once, over the whole pass. */
size_t exec_pieces_count(const struct exec *exec);
void exec_enter_piece(struct exec *exec, size_t piece);
void exec_leave_pieces(struct exec *exec);
/* sums[tiles][2][C] of BatchNorm `bn`, of the piece at work: added up and kept; nothing without pieces. `which` of two
 * operands. */
void exec_keep_sums(const struct exec *exec, int which, size_t bn, const double *sums, size_t tiles);
const double *exec_kept_sums(const struct exec *exec, int which, size_t bn);  /* of the piece at work */
const double *exec_total_sums(const struct exec *exec, int which, size_t bn); /* over all pieces of all processes */

/* Parts of the scratch memory: see plan.h. */
double *exec_sums(const struct exec *exec);
double *exec_residual_sums(const struct exec *exec);
float *exec_gradient_scratch(const struct exec *exec);
float *exec_tiles(const struct exec *exec);

/* The time, if it is asked for; and adds what has passed since to the step's row of the profile, if there is one. */
double exec_clock(const struct exec *exec);
void exec_profile(const struct exec *exec, size_t index, enum profile_pass pass, double start);
/* The same for a further part of a call that is counted elsewhere. */
void exec_profile_more(const struct exec *exec, size_t index, enum profile_pass pass, double start);

/* ---- backward ---------------------------------------------------------------------------------------------------- */
/* When a step's turn comes, the gradient of its output is ready: of the tensor as it is stored, before any lazy
 * BatchNorm and ReLU, because the step that wrote it took it through them (exec_finish_operand). A step has two parts,
 * and the sums of an operand's BatchNorm are complete between them: over all tiles, and all pieces. */
struct backward {
    struct exec *exec;
    gradient_sink *sink;
    void *context;
};

/* The step's task with what it read and made as backward has them; residual is left out. */
struct op_task exec_backward_task(const struct exec *exec, size_t index);

/* Hands the gradient of a parameter to the sink, if it is trained. */
void exec_give(const struct backward *back, int param, const float *gradient);

/* What is to be done to the gradient of an operand's reader while it is in the cache. */
struct tail exec_operand_tail(const struct exec *exec, const struct operand *operand, double *sums);

/* First part: the operand, `which` of two, has its tail's sums in so many tiles. */
void exec_keep_operand(const struct exec *exec, int which, const struct operand *operand, const double *sums,
                       size_t tiles);
/* Second part: takes the gradient `g` of what a reader saw back through the operand's BatchNorm, given the same sums:
 * parameters to the sink, the gradient of the stored tensor into `out` (which may be g). */
void exec_finish_operand(const struct backward *back, int which, const struct operand *operand, void *out, void *g,
                         const double *sums, size_t tiles);

/* The gradient g of `tensor`, of the whole batch: g *= y > 0 (y NULL: no mask), then both tails, in
 * exec_row_tiles(rows) tiles. */
void exec_mask_and_sum(const struct exec *exec, void *g, const void *y, const struct plan_tensor *tensor,
                       const struct tail tails[2]);
size_t exec_row_tiles(size_t rows);

#endif

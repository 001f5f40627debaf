#include "tests/support/rank_trial.h"

#include <math.h>
#include <stdio.h>

#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"
#include "tests/support/thread_peers.h"

char rank_trial_data[4096];

int rank_trial_setup(void **state)
{
    enum { SMALL_RUN_VALIDATED = 2 };
    folder_setup(state);
    small_run_photos(folder);
    for (uint32_t i = 0; i < VALIDATED - SMALL_RUN_VALIDATED; i++) {
        char name[64];
        snprintf(name, sizeof name, "data/val/%s/more%u.bmp", i % 2 ? "ants" : "bees", i);
        small_run_photo(folder, name, 60 + i);
    }
    snprintf(rank_trial_data, sizeof rank_trial_data, "%s", test_path(folder, "data"));
    return 0;
}

static bool faulty(const struct rank_trial *trial, const struct rank *rank, enum rank_fault fault)
{
    return trial->fault == fault && trial->at == rank->peers->rank;
}

/* ---- hooks: of a rank's thread, so without assertions ------------------------------------------------------------ */

struct heard {
    struct rank_trial *trial;
    struct rank *rank;
};

static void on_step(void *context, const struct step_result *step)
{
    const struct heard *heard = context;
    struct rank *rank = heard->rank;
    rank->steps++;
    rank->loss += step->loss;
    rank->norm += step->norm;
    if (faulty(heard->trial, rank, OTHER_WEIGHT) && rank->steps == 2)
        rank->run.net->params[net_param_find(rank->run.net, "fc.bias")].data[0] += 1e-3f;
    if (faulty(heard->trial, rank, OTHER_FROZEN) && rank->steps == 2)
        rank->run.net->params[net_param_find(rank->run.net, "conv1.weight")].data[0] += 1e-3f;
}

static bool should_stop(void *context)
{
    const struct heard *heard = context;
    return faulty(heard->trial, heard->rank, STOP) && heard->rank->steps >= 1;
}

static enum status on_epoch(void *context, const struct epoch_result *epoch, struct error *err)
{
    const struct heard *heard = context;
    struct rank *rank = heard->rank;
    rank->epochs++;
    rank->computed += epoch->features.pixels;
    rank->predicted = epoch->val->predictions_count;
    for (size_t i = 0; i < rank->predicted && i < VALIDATED; i++)
        rank->predictions[i] = epoch->val->predictions[i];
    return faulty(heard->trial, rank, EPOCH_FAILS) ? error_set(err, ERR_IO, "no room for an epoch") : OK;
}

static enum status save(void *context, struct error *err)
{
    const struct heard *heard = context;
    return faulty(heard->trial, heard->rank, SAVE_FAILS) ? error_set(err, ERR_IO, "no room to save") : OK;
}

static enum status train_rank(void *context, const struct peers *peers, struct error *err)
{
    struct rank_trial *trial = context;
    struct rank *rank = &trial->ranks[peers->rank];
    struct heard heard = {trial, rank};
    struct train_options options = trial->options;
    const struct train_hooks hooks = {
        .context = &heard, .on_step = on_step, .should_stop = should_stop, .on_epoch = on_epoch, .save = save};
    const struct train_limits limits = {.save_every = trial->save_always ? 1e-9 : 0};
    options.peers = peers;
    *rank = (struct rank){.peers = peers};
    enum status status = small_run_try(&rank->run, trial->data ? trial->data : rank_trial_data, &options, err);
    if (status == OK && faulty(trial, rank, BAD_WEIGHT))
        rank->run.net->params[net_param_find(rank->run.net, "fc.weight")].data[0] = NAN;
    if (status == OK && (faulty(trial, rank, BAD_PHOTO) || faulty(trial, rank, BAD_VALIDATION_PHOTO)))
        status = train_mark_bad(rank->run.train, trial->fault == BAD_VALIDATION_PHOTO, 0, "a test", err);
    if (status == OK)
        status = train_run(rank->run.train, &limits, &hooks, err);
    rank->calls = thread_peers_calls(peers);
    return status;
}

void rank_trial_close(struct rank_trial *trial, size_t ranks)
{
    for (size_t r = 0; r < ranks; r++)
        small_run_close(&trial->ranks[r].run);
}

struct train_options rank_trial_options(struct recipe_options recipe, struct freeze freeze)
{
    struct train_options options = small_run_options();
    options.loader.batch = 3;
    options.schedule.epochs = 2;
    options.recipe = recipe;
    options.freeze = freeze;
    return options;
}

void rank_trial_run(struct error *ends, struct rank_trial *trial, size_t ranks)
{
    thread_peers_run(ends, ranks, train_rank, trial);
}

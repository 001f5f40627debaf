/* What is done with peers, over threads; and the peers over threads themselves, which other tests stand on. */
#include "core/train/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "tests/support/test.h"
#include "tests/support/thread_peers.h"

enum { MOST = 5, ROUNDS = 40 };

static void expect(const struct error *ends, size_t rank, enum status status, const char *text)
{
    if (ends[rank].status != status || (text && strcmp(ends[rank].text, text) != 0))
        fail_msg("rank %zu: %d %s; %d %s is expected", rank, (int)ends[rank].status, ends[rank].text, (int)status,
                 text ? text : "");
}

static void expect_all(const struct error *ends, size_t count, enum status status, const char *text)
{
    for (size_t r = 0; r < count; r++)
        expect(ends, r, status, text);
}

static void things_are_dealt_in_even_blocks(void **state)
{
    (void)state;
    for (size_t count = 1; count <= MOST; count++)
        for (size_t things = 0; things < 30; things++) {
            const struct peers peers = {.count = count};
            assert_int_equal(peers_first(&peers, 0, things), 0);
            assert_int_equal(peers_first(&peers, count, things), things);
            for (size_t r = 0; r < count; r++)
                assert_in_range(peers_first(&peers, r + 1, things) - peers_first(&peers, r, things), things / count,
                                (things + count - 1) / count);
        }
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/* The bytes that `from` has for `to`, perhaps none, different in each round. */
static size_t message(uint8_t *bytes, int round, size_t from, size_t to)
{
    struct rng rng = rng_stream(3, RNG_TEST, (uint32_t)round, from * MOST + to);
    size_t size = rng_below(&rng, 4) == 0 ? 0 : rng_below(&rng, 50);
    for (size_t i = 0; bytes && i < size; i++)
        bytes[i] = (uint8_t)rng_u32(&rng);
    return size;
}

static enum status exchange_rounds(void *context, const struct peers *peers, struct error *err)
{
    (void)context;
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t in[MOST * 50], out[MOST * 50], wanted[MOST * 50];
        size_t sent[MOST], received[MOST], at = 0, total = 0;
        for (size_t r = 0; r < peers->count; r++) {
            at += sent[r] = message(in + at, round, peers->rank, r);
            total += received[r] = message(wanted + total, round, r, peers->rank);
        }
        enum status status = peers_exchange(peers, out, received, in, sent, err);
        if (status != OK)
            return status;
        if (memcmp(out, wanted, total) != 0)
            return error_set(err, ERR_PROMISE, "round %d: other bytes", round);
    }
    return OK;
}

static enum status gather_rounds(void *context, const struct peers *peers, struct error *err)
{
    (void)context;
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t all[MOST * 50] = {0}, wanted[MOST * 50];
        size_t sizes[MOST], total = 0;
        for (size_t r = 0; r < peers->count; r++) {
            sizes[r] = message(wanted + total, round, r, r);
            if (r == peers->rank)
                memcpy(all + total, wanted + total, sizes[r]);
            total += sizes[r];
        }
        enum status status = peers_gather(peers, all, sizes, err);
        if (status != OK)
            return status;
        if (memcmp(all, wanted, total) != 0)
            return error_set(err, ERR_PROMISE, "round %d: other bytes", round);
    }
    return OK;
}

static void bytes_arrive_where_they_belong(void **state)
{
    (void)state;
    struct error ends[MOST];
    for (size_t count = 1; count <= MOST; count++) {
        thread_peers_run(ends, count, exchange_rounds, NULL);
        expect_all(ends, count, OK, NULL);
        thread_peers_run(ends, count, gather_rounds, NULL);
        expect_all(ends, count, OK, NULL);
    }
}

/* ---- most and settle --------------------------------------------------------------------------------------------- */

static enum status most_of_all(void *context, const struct peers *peers, struct error *err)
{
    (void)context;
    for (int highest = 0; highest < (int)peers->count; highest++) {
        int rank = (int)peers->rank, values[2] = {rank == highest ? -1 : -2 - rank, rank};
        enum status status = peers_most(peers, values, 2, err);
        if (status != OK)
            return status;
        if (values[0] != -1 || values[1] != (int)peers->count - 1)
            return error_set(err, ERR_PROMISE, "%d and %d, rank %d", values[0], values[1], highest);
    }
    return OK;
}

/* Rank `odd` and those behind it have another record; rank 0 has none but its own. */
static enum status compare_records(void *context, const struct peers *peers, struct error *err)
{
    (void)context;
    for (size_t odd = 1; odd <= peers->count; odd++) {
        char record[8] = "same";
        size_t rank, wanted = odd == peers->count ? 0 : odd;
        if (peers->rank >= odd)
            record[7] = (char)peers->rank;
        enum status status = peers_compare(&rank, peers, record, sizeof record, err);
        if (status != OK)
            return status;
        if (rank != wanted)
            return error_set(err, ERR_PROMISE, "rank %zu instead of %zu", rank, wanted);
    }
    return OK;
}

static void the_first_that_differs_is_named_to_all(void **state)
{
    (void)state;
    struct error ends[MOST];
    for (size_t count = 1; count <= MOST; count++) {
        thread_peers_run(ends, count, compare_records, NULL);
        expect_all(ends, count, OK, NULL);
    }
}

static void the_largest_value_is_known_to_all(void **state)
{
    (void)state;
    struct error ends[MOST];
    for (size_t count = 1; count <= MOST; count++) {
        thread_peers_run(ends, count, most_of_all, NULL);
        expect_all(ends, count, OK, NULL);
    }
}

/* Two settlements that go well around one in which the ranks of the mask fail. */
static enum status settle_thrice(void *context, const struct peers *peers, struct error *err)
{
    unsigned failing = *(const unsigned *)context;
    enum status status = peers_settle(peers, OK, err), own = OK;
    if (status != OK)
        return error_set(err, ERR_PROMISE, "the first settlement failed");
    if (failing & 1u << peers->rank)
        own = error_set(err, ERR_DATA, "photo %zu.png is bad", peers->rank);
    struct error told = {0};
    enum status settled = peers_settle(peers, own, err);
    if (peers_settle(peers, OK, &told) != OK)
        return error_set(err, ERR_PROMISE, "the third settlement failed");
    return settled;
}

static void a_failure_of_one_is_told_to_all(void **state)
{
    (void)state;
    struct error ends[MOST];
    for (size_t count = 1; count <= MOST; count++)
        for (unsigned failing = 0; failing < 1u << count; failing++) {
            thread_peers_run(ends, count, settle_thrice, &failing);
            size_t lowest = 0;
            while (failing && !(failing & 1u << lowest))
                lowest++;
            for (size_t r = 0; r < count; r++) {
                char own[64], others[64];
                snprintf(own, sizeof own, "photo %zu.png is bad", r);
                snprintf(others, sizeof others, "rank %zu: photo %zu.png is bad", lowest, lowest);
                expect(ends, r, failing ? ERR_DATA : OK, !failing ? NULL : failing & 1u << r ? own : others);
            }
        }
}

static enum status settle_without_a_text(void *context, const struct peers *peers, struct error *err)
{
    (void)context;
    (void)err;
    return peers_settle(peers, peers->rank == 1 ? ERR_IO : OK, NULL);
}

static void nobody_has_to_ask_for_the_text(void **state)
{
    (void)state;
    struct error ends[MOST];
    thread_peers_run(ends, 3, settle_without_a_text, NULL);
    expect_all(ends, 3, ERR_IO, NULL);
}

/* ---- peers over threads ------------------------------------------------------------------------------------------ */

/* Rank 1 ends after two settlements, the others would like three. */
static enum status leave_early(void *context, const struct peers *peers, struct error *err)
{
    enum status own = *(const enum status *)context;
    for (int i = 0; i < 3; i++) {
        if (i == 2 && peers->rank == 1)
            return own == OK ? OK : error_set(err, own, "tired");
        enum status status = peers_settle(peers, OK, err);
        if (status != OK)
            return status;
    }
    return OK;
}

static void nobody_waits_for_a_rank_that_has_ended(void **state)
{
    (void)state;
    static const enum status status[] = {OK, ERR_SYSTEM};
    struct error ends[MOST];
    for (size_t count = 2; count <= MOST; count++)
        for (int i = 0; i < 2; i++) {
            enum status own = status[i];
            thread_peers_run(ends, count, leave_early, &own);
            for (size_t r = 0; r < count; r++)
                expect(ends, r, r == 1 ? own : ERR_IO, r != 1 ? "rank 1 has ended" : own == OK ? NULL : "tired");
        }
}

static enum status disagree_in_sizes(void *context, const struct peers *peers, struct error *err)
{
    (void)context;
    uint8_t in[6] = {0}, out[6];
    size_t sent[3] = {2, 2, 2}, received[3] = {2, 2, 2};
    received[1] += peers->rank == 2;
    return peers_exchange(peers, out, received, in, sent, err);
}

static enum status make_different_calls(void *context, const struct peers *peers, struct error *err)
{
    (void)context;
    uint8_t in[6] = {0}, out[6];
    size_t sizes[3] = {2, 2, 2};
    return peers->rank == 0 ? peers_gather(peers, in, sizes, err) : peers_exchange(peers, out, sizes, in, sizes, err);
}

static void ranks_that_do_not_fit_together_are_told(void **state)
{
    (void)state;
    struct error ends[3];
    thread_peers_run(ends, 3, disagree_in_sizes, NULL);
    expect_all(ends, 3, ERR_PROMISE, "rank 1 has 2 bytes, 3 are expected");
    thread_peers_run(ends, 3, make_different_calls, NULL);
    expect_all(ends, 3, ERR_PROMISE, "rank 1 makes another call");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(things_are_dealt_in_even_blocks),
        cmocka_unit_test(bytes_arrive_where_they_belong),
        cmocka_unit_test(the_largest_value_is_known_to_all),
        cmocka_unit_test(the_first_that_differs_is_named_to_all),
        cmocka_unit_test(a_failure_of_one_is_told_to_all),
        cmocka_unit_test(nobody_has_to_ask_for_the_text),
        cmocka_unit_test(nobody_waits_for_a_rank_that_has_ended),
        cmocka_unit_test(ranks_that_do_not_fit_together_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

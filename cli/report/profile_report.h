/* The tables of --profile: where a run's time went, operator by operator, and what was not the network. */
#ifndef FREEZETUNE_PROFILE_REPORT_H
#define FREEZETUNE_PROFILE_REPORT_H

#include <stdio.h>

#include "cli/shell/json.h"
#include "cli/shell/table.h"
#include "core/net/profile.h"

/*   operator         kernel     pass      calls  photos  ms a photo  GFLOP/s  share %
 *   layer3.0.conv2   winograd   forward      20     320       0.812    284.9      1.9
 * Every step and pass that took time, in the order of the network. GFLOP/s counts a convolution as its definition does;
 * the share is that of the network's time. ERR_SYSTEM without memory. */
MUST_CHECK enum status profile_report(FILE *out, enum table_format format, const struct profile_sums *sums,
                                      struct error *err);

/* A part of a run's wall time. */
struct profile_part {
    const char *name;
    double seconds;
};

/*   part                  seconds  share %
 *   waiting for photos       1.20      0.9
 * The parts, "the rest" and "all", which is `total` seconds. ERR_SYSTEM without memory. */
MUST_CHECK enum status profile_report_parts(FILE *out, const struct profile_part *parts, size_t count, double total,
                                            struct error *err);

/* "profile": {"seconds": total, "parts": [{"part", "seconds"}], "operators": [{"operator", "kernel", "pass", "calls",
 * "photos", "seconds", "gflops"}]}, in an open object. `parts` may be NULL with count 0. */
void profile_report_json(struct json *json, const struct profile_sums *sums, const struct profile_part *parts,
                         size_t count, double total);

#endif

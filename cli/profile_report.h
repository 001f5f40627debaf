/* The table of --profile: where a run's time went, operator by operator. */
#ifndef FREEZETUNE_PROFILE_REPORT_H
#define FREEZETUNE_PROFILE_REPORT_H

#include <stdio.h>

#include "cli/table.h"
#include "core/net/profile.h"

/*   operator         kernel     pass      photos  ms a photo  GFLOP/s  share
 *   layer3.0.conv2   winograd   forward      320       0.812    284.9  1.9 %
 * Every step and pass that took time, in the order of the network. GFLOP/s counts a convolution as its definition does.
 * ERR_SYSTEM without memory. */
MUST_CHECK enum status profile_report(FILE *out, enum table_format format, const struct profile *profile,
                                      struct error *err);

#endif

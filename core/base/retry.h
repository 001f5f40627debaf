/* Calls of the system that fail for a moment: they are tried again, after waits that grow.
 *
 *   EINTR                               at once, as often as it comes
 *   EMFILE, ENFILE, ENOMEM              about this system, not about the file: 7 times, 1.4 s together
 *   EAGAIN, EBUSY, EIO, ESTALE,
 *   ETIMEDOUT                           a disk or a share that hiccups: 3 times, 21 ms together
 *
 * Anything else (ENOENT, EACCES, ...) is an answer. The waits hold up the calling thread alone.
 */
#ifndef FREEZETUNE_RETRY_H
#define FREEZETUNE_RETRY_H

#include <stdbool.h>

/* Of one call, or of one file; begins as {0}. */
struct retry {
    int tries;
};

/* Whether to try again after a failure with this errno; waits before it says yes. */
bool retry_after(struct retry *retry, int error);

/* Is it the system that has none left (descriptors, memory)? The file is then not to blame. */
bool retry_system_is_out(int error);

/* Is it a disk or a share that hiccups, and may answer a moment later? */
bool retry_is_passing(int error);

#endif

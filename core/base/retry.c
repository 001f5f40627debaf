#include "core/base/retry.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

bool retry_system_is_out(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

bool retry_is_passing(int error)
{
    return error == EAGAIN || error == EBUSY || error == EIO || error == ESTALE || error == ETIMEDOUT;
}

bool retry_after(struct retry *retry, int error)
{
    static const long waits[] = {1, 4, 16, 64, 256, 512, 512}; /* ms */
    int most = retry_system_is_out(error) ? (int)(sizeof waits / sizeof *waits) : retry_is_passing(error) ? 3 : 0;
    if (error == EINTR)
        return true;
    if (retry->tries >= most)
        return false;
    long wait = waits[retry->tries++];
    nanosleep(&(struct timespec){.tv_nsec = wait * 1000000}, NULL);
    return true;
}

#define _POSIX_C_SOURCE 200809L
#include "cli/shell/signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    if (caught)
        _exit(128 + number);
    caught = number;
}

static void catch_one(int number)
{
    struct sigaction old, now;
    memset(&now, 0, sizeof now);
    now.sa_handler = on_signal;
    now.sa_flags = SA_RESTART; /* reads and writes go on: only the loop asks for the flag */
    sigemptyset(&now.sa_mask);
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(number, &now, NULL);
}

void signals_catch(void)
{
    catch_one(SIGINT);
    catch_one(SIGTERM);
}

bool signals_stop(void)
{
    return caught != 0;
}

int signals_exit_code(void)
{
    return caught ? 128 + (int)caught : 0;
}

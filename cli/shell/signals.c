#define _POSIX_C_SOURCE 200809L
#include "cli/shell/signals.h"

#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

enum { SAVED = 75 }; /* EX_TEMPFAIL of sysexits.h: "the user is invited to try again" */

/* A job manager sends SIGUSR1 first and SIGTERM when it is about to lose patience: that is no second wish. */
static void on_signal(int number)
{
    if (number == SIGALRM)
        number = SIGUSR1;
    if (caught && caught != SIGUSR1 && number != SIGUSR1)
        _exit(128 + number);
    if (!caught)
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

void signals_catch_save(void)
{
    catch_one(SIGUSR1);
}

void signals_save_after(long long seconds)
{
    catch_one(SIGALRM);
    alarm(seconds > INT_MAX ? (unsigned)INT_MAX : (unsigned)seconds);
}

bool signals_stop(void)
{
    return caught != 0;
}

int signals_exit_code(void)
{
    return caught == SIGUSR1 ? SAVED : caught ? 128 + (int)caught : 0;
}

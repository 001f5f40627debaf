#include "tests/support/emulator.h"

#include <stdlib.h>

const char *emulator(void)
{
    const char *command = getenv("TEST_EMULATOR");
    return command && *command ? command : NULL;
}

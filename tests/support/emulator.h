/* Test programs of another processor, run by an emulator (make check-aarch64): what it cannot do is skipped, and what
 * would take it too long is done in part. Each place says which and why. */
#ifndef FREEZETUNE_EMULATOR_H
#define FREEZETUNE_EMULATOR_H

/* The command that runs such a program, named by TEST_EMULATOR: a test that starts itself again starts it by that.
 * NULL: this processor runs it. */
const char *emulator(void);

#endif

/* A temporary folder for each test, or for a group of them: setup and teardown for cmocka. */
#ifndef FREEZETUNE_OWN_FOLDER_H
#define FREEZETUNE_OWN_FOLDER_H

/* The path of the folder, between setup and teardown. */
extern char folder[256];

/* Makes the folder empty, below $TMPDIR, /dev/shm or /tmp; a failure ends the test. `state` is not used and may be
 * NULL. */
int folder_setup(void **state);

/* Removes the folder with all it holds. */
int folder_teardown(void **state);

#endif

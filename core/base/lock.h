/* Locks of a byte of a file, by the open file (F_OFD_SETLK): two descriptors of one process count as two, and the lock
 * ends with the last descriptor, whatever kills the process. Unlike flock they hold between machines wherever the file
 * system carries POSIX locks (NFS), and a file has as many as it has bytes, which need not be there.
 *
 * type: F_RDLCK (shared; the file is open for reading) or F_WRLCK (alone; open for writing). Nothing here waits.
 */
#ifndef FREEZETUNE_LOCK_H
#define FREEZETUNE_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

/* False with errno when it was not given: lock_is_held says whether another has it, or the file system refuses. */
bool lock_try(int fd, off_t byte, short type);
void lock_give_back(int fd, off_t byte);

/* Of the errno of lock_try: another has it. Other values: there are no locks here, or none are left (ENOLCK). */
bool lock_is_held(int error);

/* Would lock_try fail because another has it? Takes nothing, so those who ask do not see one another; the file may be
 * open for reading alone. False where that cannot be found out. */
bool lock_look(int fd, off_t byte, short type);

/* The process that keeps lock_try from being given, as far as this machine and user can see; 0 for none. */
long lock_holder(int fd, off_t byte, short type);

#endif

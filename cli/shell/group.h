/* The processes that this one works with. freezetune has none; freezetune-mpi has those that mpirun or srun started
 * with it (group_mpi.c stands in the place of group.c there). */
#ifndef FREEZETUNE_GROUP_H
#define FREEZETUNE_GROUP_H

#include "core/train/peers.h"

/* The first thing that the program does. A rank other than 0 prints nothing from then on. */
void group_open(int *argc, char ***argv);
/* The last thing, with the exit code of this process: returns that of all, the largest one. */
int group_close(int code);

const struct peers *group_peers(void);

/* Bytes of memory that what connects the processes takes in each of them. */
size_t group_memory(void);

#endif

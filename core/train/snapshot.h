/* A copy of what a run changes in its network: the trained parameters, and the running statistics that move. */
#ifndef FREEZETUNE_SNAPSHOT_H
#define FREEZETUNE_SNAPSHOT_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/net/freeze.h"
#include "core/net/net.h"

struct snapshot;

/* Bytes of one. */
size_t snapshot_bytes(const struct net *net, const struct freeze *freeze);

/* Room for one; net is borrowed. ERR_SYSTEM without memory. */
MUST_CHECK enum status snapshot_create(struct snapshot **out, struct net *net, const struct freeze *freeze,
                                       struct error *err);
void snapshot_destroy(struct snapshot *snapshot);

/* The snapshot becomes what the network is now. */
void snapshot_take(struct snapshot *snapshot);
/* Network and snapshot change places: once to work on what was taken, once more to go on. */
void snapshot_swap(struct snapshot *snapshot);

#endif

/* What the control groups of Linux allow this process: processor time and memory, as containers and job managers set
 * them. Version 1, version 2 and both at once.
 *
 * /proc/self/cgroup names the group in each hierarchy, /proc/self/mountinfo where it is mounted. The group's own limit
 * and those of all groups above it hold, so the least of them is taken, as far up as the mount shows:
 *
 *             processor time                        memory
 *   v2        cpu.max: "QUOTA PERIOD", "max ..."    memory.max: bytes, "max"
 *   v1        cpu.cfs_quota_us (-1: none),          memory.limit_in_bytes (none: about 2^63)
 *             cpu.cfs_period_us
 *
 * (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of the kernel, cgroups(7).)
 */
#ifndef FREEZETUNE_CGROUP_H
#define FREEZETUNE_CGROUP_H

#include <stdint.h>

enum { CGROUP_PATH = 4096 };

struct cgroup_limits {
    double processors;                 /* quota / period; 0: no limit */
    uint64_t memory;                   /* bytes; 0: no limit */
    char processors_from[CGROUP_PATH]; /* the file that sets it, without `root`; "": none */
    char memory_from[CGROUP_PATH];
};

/* OVERWRITES *out. `root` is put before every path: "" for the system, a folder with proc/ and sys/ for a test. What
 * cannot be read or understood sets no limit, so there is no error. Reads at most some hundred small files. */
void cgroup_limits_read(struct cgroup_limits *out, const char *root);

#endif

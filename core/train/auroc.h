/* How well a score tells two groups apart: the area under the ROC curve, which is the chance that a member of one
 * group, drawn by chance, scores higher than one of the other, ties counting half (Hanley and McNeil, Radiology 143,
 * 1982).
 * 0.5: not at all, 1: always. */
#ifndef FREEZETUNE_AUROC_H
#define FREEZETUNE_AUROC_H

#include <stddef.h>

struct auroc {
    double area, low, high; /* 95 % interval, within [0, 1] */
};

/* Of higher[n] against lower[m], n and m >= 1; SORTS both. The interval is normal, with the variance of DeLong, DeLong
 * and Clarke-Pearson (Biometrics 44, 1988): the variances of each member's share of the other group that it is right
 * against, divided by n and by m; where that is 0, as nobody is out of place or a group has one member, Wilson's for
 * min(n, m) photos. */
struct auroc auroc_measure(double *higher, size_t n, double *lower, size_t m);

#endif

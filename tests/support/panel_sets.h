/* The tables of products and packing of bfloat16 (core/ops/panel.h), of every instruction set of this processor. */
#ifndef FREEZETUNE_PANEL_SETS_H
#define FREEZETUNE_PANEL_SETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ops/panel.h"

struct panel_set {
    const char *name;
    const struct panel_lanes *lanes;
    bool fused;   /* c * scale + shift is rounded once */
    bool flushes; /* denormals are zeros */
    bool tiles;   /* pairs are added up within a step */
};
enum { PANEL_SETS_MOST = 5 };

extern struct panel_set panel_sets[PANEL_SETS_MOST];
extern size_t panel_sets_count;

/* Group fixtures of cmocka: find them, and fail where the last is not the one in use; name them. */
int panel_sets_find(void **state);
int panel_sets_report(void **state);

/* The bits of bfloat16 that v is stored as. */
uint16_t stored_bits(double v);

#endif

/* The rectangle at random that torchvision's RandomResizedCrop cuts out. Up to ten tries: an area and an aspect, and
 * the first pair that fits the picture is taken, at a random place.
 */
#ifndef FREEZETUNE_BOX_H
#define FREEZETUNE_BOX_H

struct box {
    int top, left, height, width;
};

/* The smallest part of the area, and the smallest width over height, which is also the smallest height over width. */
#define BOX_LEAST_AREA 0.08
#define BOX_LEAST_ASPECT (3.0 / 4)

/* Uniform in [0, 1): area and aspect of try 1, of try 2, ..., then top and left. */
enum { BOX_TRIES = 10, BOX_DRAWS = 2 * BOX_TRIES + 2 };

/* RandomResizedCrop(scale=(0.08, 1), ratio=(3/4, 4/3)) of a height x width photo: the part of the area, and width over
 * height. When no try fits, the largest box in the middle whose aspect is allowed. */
struct box box_crop(int height, int width, const float draws[BOX_DRAWS]);

#endif

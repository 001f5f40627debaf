/* Rectangles at random, as torchvision draws them: the crop of RandomResizedCrop and the hole of RandomErasing. Up to
 * ten tries: an area and an aspect, and the first pair that fits the picture is taken, at a random place. */
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

/* RandomErasing(scale=(0.02, 0.33), ratio=(0.3, 3.3)) of a square: the part of the area, and height over width; smaller
 * than the square both ways. All 0 when no try fits, and for a square so small that the hole has no pixel. */
struct box box_erase(int side, const float draws[BOX_DRAWS]);

#endif

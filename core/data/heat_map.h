/* A map of numbers laid over a picture as colour: where a network has looked. */
#ifndef FREEZETUNE_HEAT_MAP_H
#define FREEZETUNE_HEAT_MAP_H

#include <stddef.h>
#include <stdint.h>

/* The colour of a value, 0 to 1 (others are taken for the nearer of the two): turbo, from blue over green to red, which
 * changes more evenly than jet (Mikhailov, "Turbo, an improved rainbow colormap for visualization", 2019). Its opacity,
 * rgba[3] of 255, rises with the value from 0 to HEAT_OPAQUE: the picture shows where nothing is, and who sees red and
 * green alike reads the value from the opacity. */
enum { HEAT_OPAQUE = 190 };
void heat_colour(uint8_t rgba[4], float value);

/* The largest of count numbers, at least 0: what a map is divided by, so that what speaks for a class lies in 0 to 1
 * and what speaks against it below. */
float heat_most(const float *map, size_t count);

/* out[height,width,3] = pixels[height,width,3] under map[rows,columns] / most (most 0: under nothing), with out_stride
 * bytes from one row of out to the next. Between the centres of its cells the map is bilinear; beyond the outer ones it
 * stays. out may be pixels. */
void heat_overlay(uint8_t *out, size_t out_stride, const uint8_t *pixels, size_t height, size_t width, const float *map,
                  size_t rows, size_t columns, float most);

#endif

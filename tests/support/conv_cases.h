/* Convolutions for the tests of kernels: one pixel, one row, odd sides and channels, all strides and paddings, sums
 * longer than a kernel's pieces. Every kernel fits some of them. */
#ifndef FREEZETUNE_TESTS_CONV_CASES_H
#define FREEZETUNE_TESTS_CONV_CASES_H

#include "core/ops/conv.h"

struct conv_case {
    size_t h, w, c, k, kernel, stride, pad, images;
};

static const struct conv_case conv_cases[] = {
    {1, 1, 1, 1, 1, 1, 0, 1},   {1, 1, 37, 19, 1, 1, 0, 3},   {5, 7, 3, 5, 1, 1, 0, 2},
    {9, 6, 7, 16, 1, 2, 0, 3},  {7, 7, 33, 17, 1, 2, 0, 5},   {4, 4, 2, 3, 1, 1, 1, 2},
    {1, 1, 2, 3, 3, 1, 1, 2},   {2, 3, 5, 3, 3, 1, 1, 1},     {3, 3, 1, 1, 3, 1, 1, 1},
    {3, 17, 5, 7, 3, 1, 1, 2},  {17, 3, 7, 5, 3, 1, 1, 2},    {4, 4, 16, 8, 3, 1, 1, 3},
    {7, 7, 32, 48, 3, 1, 1, 5}, {13, 14, 19, 21, 3, 1, 1, 2}, {8, 12, 4, 9, 3, 1, 1, 1},
    {5, 70, 3, 2, 3, 1, 1, 1},  {6, 5, 3, 5, 3, 1, 0, 2},     {9, 9, 6, 5, 3, 2, 1, 3},
    {10, 7, 5, 4, 3, 2, 1, 2},  {8, 8, 3, 4, 3, 2, 0, 1},     {16, 17, 3, 11, 7, 2, 3, 2},
    {11, 15, 3, 4, 7, 2, 3, 1}, {7, 7, 2, 3, 7, 1, 3, 1},     {7, 9, 2, 3, 7, 2, 0, 2},
    {6, 6, 3, 2, 7, 1, 1, 1},   {6, 6, 300, 9, 3, 1, 1, 1},   {28, 30, 20, 12, 3, 1, 1, 2},
    {6, 5, 9, 530, 1, 1, 0, 3}, {3, 37, 600, 70, 1, 1, 0, 1}, {9, 11, 40, 36, 3, 2, 1, 3},
    {13, 14, 9, 5, 3, 1, 1, 5}, {7, 61, 3, 4, 3, 1, 1, 3},    {10, 30, 40, 33, 3, 1, 1, 5}};
enum { CONV_CASES = sizeof conv_cases / sizeof *conv_cases };

/* The shape of a case, which must be one. */
struct conv_shape conv_case_shape(const struct conv_case *one, enum precision precision);

#endif

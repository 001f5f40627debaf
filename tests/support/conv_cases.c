#include "tests/support/conv_cases.h"

#include "tests/support/test.h"

struct conv_shape conv_case_shape(const struct conv_case *one, enum precision precision)
{
    struct conv_shape shape;
    assert_true(conv_shape_init(&shape, one->h, one->w, one->c, one->k, one->kernel, one->stride, one->pad));
    shape.precision = precision;
    return shape;
}

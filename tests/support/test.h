/* What every unit test includes: cmocka, with the headers that it wants before itself. */
#ifndef FREEZETUNE_TEST_H
#define FREEZETUNE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif

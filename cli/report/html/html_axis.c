#include "cli/report/html/html_axis.h"

#include <math.h>

/* The smallest of 1, 2, 5, 10 times a power of ten that is not below x. */
static double nice_above(double x)
{
    double power = pow(10, floor(log10(x)));
    double part = x / power;
    double nice = part <= 1 + 1e-9 ? 1 : part <= 2 + 1e-9 ? 2 : part <= 5 + 1e-9 ? 5 : 10;
    return nice * power;
}

static void make_usable(double *low, double *high)
{
    if (!(isfinite(*low) && isfinite(*high) && *low <= *high)) {
        *low = 0;
        *high = 1;
    }
    if (*high - *low < 1e-9 * (fabs(*high) + 1e-9)) {
        double wide = *low == 0 ? 1 : fabs(*low) / 2;
        *low = *low >= 0 && *low - wide < 0 ? 0 : *low - wide;
        *high += wide;
    }
}

struct axis axis_nice(double low, double high, size_t most, double from, double to)
{
    make_usable(&low, &high);
    double step = nice_above((high - low) / (double)(most - 1));
    double first = floor(low / step + 1e-9), last = ceil(high / step - 1e-9);
    /* Rounding the ends outwards may add a tick. */
    while (last - first + 1 > (double)most) {
        step = nice_above(step * 1.5);
        first = floor(low / step + 1e-9);
        last = ceil(high / step - 1e-9);
    }
    return (struct axis){.low = first * step, .high = last * step, .from = from, .to = to, .step = step};
}

struct axis axis_whole(double low, double high, size_t most, double from, double to)
{
    if (!(isfinite(low) && isfinite(high) && low < high)) {
        low = isfinite(low) ? low : 0;
        high = low + 1;
    }
    double step = nice_above((high - low) / (double)(most - 1));
    return (struct axis){.low = low, .high = high, .from = from, .to = to, .step = step < 1 ? 1 : step};
}

struct axis axis_log(double low, double high, double from, double to)
{
    if (!(isfinite(low) && isfinite(high) && low > 0 && low < high)) {
        low = isfinite(low) && low > 0 ? low : 1e-3;
        high = low * 10;
    }
    return (struct axis){.low = low, .high = high, .from = from, .to = to, .step = 10, .log = true};
}

double axis_at(const struct axis *axis, double value)
{
    double share = axis->log ? log(value / axis->low) / log(axis->high / axis->low)
                             : (value - axis->low) / (axis->high - axis->low);
    return axis->from + share * (axis->to - axis->from);
}

bool axis_tick(double *value, const struct axis *axis, size_t i)
{
    double at;
    if (axis->log)
        at = pow(10, ceil(log10(axis->low) - 1e-9) + (double)i);
    else
        at = (ceil(axis->low / axis->step - 1e-6) + (double)i) * axis->step;
    if (at > (axis->log ? axis->high * (1 + 1e-9) : axis->high + 1e-6 * axis->step))
        return false;
    *value = at;
    return true;
}

int axis_digits(const struct axis *axis)
{
    if (axis->log)
        return 0;
    double digits = -floor(log10(axis->step) + 1e-9);
    return digits > 0 ? (int)digits : 0;
}

#include "cli/shell/numbers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *number_count(char out[NUMBER_TEXT], uint64_t value)
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, value), end = 0;
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            out[end++] = ',';
        out[end++] = digits[i];
    }
    out[end] = '\0';
    return out;
}

/* `value` with three significant digits (all of them from 100 on) and the first unit that leaves it below 1000. */
static char *scaled(char out[NUMBER_TEXT], double value, const char *const *units, size_t count)
{
    size_t unit = 0;
    while (unit + 1 < count && value >= 999.5) {
        value /= 1000;
        unit++;
    }
    int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(out, NUMBER_TEXT, "%.*f %s", decimals, value, units[unit]);
    return out;
}

char *number_bytes(char out[NUMBER_TEXT], uint64_t bytes)
{
    static const char *const units[] = {"KB", "MB", "GB", "TB"};
    if (bytes < 1000) {
        snprintf(out, NUMBER_TEXT, "%d bytes", (int)bytes);
        return out;
    }
    return scaled(out, (double)bytes / 1000, units, 4);
}

char *number_flop(char out[NUMBER_TEXT], double flop)
{
    static const char *const units[] = {"MFLOP", "GFLOP", "TFLOP", "PFLOP"};
    return scaled(out, flop / 1e6, units, 4);
}

char *number_seconds(char out[NUMBER_TEXT], double seconds)
{
    if (seconds < 0.095)
        snprintf(out, NUMBER_TEXT, "under 0.1 s");
    else if (seconds < 9.95)
        snprintf(out, NUMBER_TEXT, "%.2f s", seconds);
    else if (seconds < 59.95)
        snprintf(out, NUMBER_TEXT, "%.1f s", seconds);
    else if (seconds < 3599.5)
        snprintf(out, NUMBER_TEXT, "%d min %02d s", (int)(seconds + 0.5) / 60, (int)(seconds + 0.5) % 60);
    else
        snprintf(out, NUMBER_TEXT, "%.0f h %02d min", floor(seconds / 3600), (int)(fmod(seconds, 3600) / 60));
    return out;
}

char *number_rough(char out[NUMBER_TEXT], double seconds)
{
    double whole = seconds < 595 ? 10 * floor(seconds / 10 + 0.5) : 60 * floor(seconds / 60 + 0.5);
    if (seconds < 9.95)
        snprintf(out, NUMBER_TEXT, seconds < 0.095 ? "under 0.1 s" : "%.1f s", seconds);
    else if (seconds < 59.5)
        snprintf(out, NUMBER_TEXT, "%.0f s", seconds);
    else if (whole < 600)
        snprintf(out, NUMBER_TEXT, "%d min %02d s", (int)whole / 60, (int)whole % 60);
    else if (whole < 3600)
        snprintf(out, NUMBER_TEXT, "%d min", (int)whole / 60);
    else
        snprintf(out, NUMBER_TEXT, "%.0f h %02d min", floor(whole / 3600), (int)(fmod(whole, 3600) / 60));
    return out;
}

char *number_about(char out[NUMBER_TEXT], double seconds)
{
    char rough[NUMBER_TEXT];
    snprintf(out, NUMBER_TEXT, "%s%.40s", seconds < 0.095 ? "" : "about ", number_rough(rough, seconds));
    return out;
}

char *number_clock(char out[NUMBER_TEXT], double seconds)
{
    double whole = floor(seconds < 0 ? 0 : seconds > 1e9 ? 1e9 : seconds + 0.5);
    int second = (int)fmod(whole, 60), minute = (int)fmod(whole / 60, 60), hour = (int)(whole / 3600);
    if (hour)
        snprintf(out, NUMBER_TEXT, "%d:%02d:%02d", hour, minute, second);
    else
        snprintf(out, NUMBER_TEXT, "%d:%02d", minute, second);
    return out;
}

char *number_percent(char out[NUMBER_TEXT], double fraction)
{
    snprintf(out, NUMBER_TEXT, "%.1f %%", 100 * fraction);
    return out;
}

/* %g with few digits writes 10 as 1e+01. Below `exact`, where every whole number is a value of the type, such a text is
 * the value itself and may stand in full. */
static void whole(char out[NUMBER_TEXT], double value, double exact)
{
    if (fabs(value) < exact && strstr(out, "e+"))
        snprintf(out, NUMBER_TEXT, "%.0f", value);
}

char *number_float(char out[NUMBER_TEXT], float value)
{
    if (isnan(value)) {
        memcpy(out, "nan", 4);
        return out;
    }
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(out, NUMBER_TEXT, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value)
            break;
    }
    whole(out, (double)value, 0x1p24);
    return out;
}

char *number_double(char out[NUMBER_TEXT], double value)
{
    if (isnan(value)) {
        memcpy(out, "nan", 4);
        return out;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, NUMBER_TEXT, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    whole(out, value, 0x1p53);
    return out;
}

/* Warnings and remarks on stderr, while the program works. Results go to stdout; errors end the program (main.c). */
#ifndef FREEZETUNE_REMARK_H
#define FREEZETUNE_REMARK_H

#include <stdbool.h>

/* One line on stderr: "freezetune: warning: ..." with control bytes escaped; wrapped where stderr is a terminal
 * (wrap.h). A progress line that stands there is cleared first. Silent after remarks_silence (--quiet). */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same without a prefix, for remarks: "weights: resnet50.safetensors". */
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));
void remarks_silence(void);
bool remarks_shown(void);

#endif

/* Reads paths of weight files from stdin, one a line, and answers each with a line: "0" when it is read, else the
 * status and the error. For scripts/parity/safetensors_differential.py. */
#include <stdio.h>
#include <string.h>

#include "weights/weight_file.h"

int main(void)
{
    char path[4096];
    while (fgets(path, sizeof path, stdin)) {
        struct weight_file *file;
        struct error err = {0};
        path[strcspn(path, "\n")] = '\0';
        enum status status = weight_file_open(&file, path, &err);
        printf("%d\t%s\n", (int)status, err.text);
        fflush(stdout);
        if (status == OK)
            weight_file_close(file);
    }
    return 0;
}

#include <stdio.h>
int main(void)
{
    puts("freezetune " FREEZETUNE_VERSION);
    return 0;
}

/* uninitialised.c: a branch on a byte that nobody wrote. memcheck must find it. */
#include <stdio.h>

int main(void)
{
    volatile char bytes[64];
    if (bytes[17] == 'x')
        puts("x");
    puts("end");
    return 0;
}

/* A small block given back as one byte more than it has. */
#include "misuse.h"

int main(void)
{
    char *volatile block = take(64);
    say("%p\n", (void *)block);
#ifdef MISUSE_LIBC
    free(block);
#else
    sdallocx(block, 65, 0);
#endif
    say("survived\n");
    return 0;
}

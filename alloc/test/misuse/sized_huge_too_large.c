/* A huge block given back as one byte more than it has. */
#include "misuse.h"

int main(void)
{
    char *volatile block = take((size_t)8 << 20);
    say("%p\n", (void *)block);
#ifdef MISUSE_LIBC
    free(block);
#else
    sdallocx(block, ((size_t)8 << 20) + 1, MALLOCX_TCACHE_NONE);
#endif
    say("survived\n");
    return 0;
}

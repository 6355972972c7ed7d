/* A block given back into an explicit cache that was never made. */
#include "misuse.h"

int main(void)
{
    char *volatile block = take(64);
    say("%p\n", (void *)block);
#ifdef MISUSE_LIBC
    free(block);
#else
    dallocx(block, MALLOCX_TCACHE(7));
#endif
    say("survived\n");
    return 0;
}

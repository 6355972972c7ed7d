/* A mapping of the program at a multiple of 4 MiB, where a chunk of ours could be. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *pages = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return 3;
    return misuse(argv, (void *)(((uintptr_t)pages + 0x3fffff) & ~(uintptr_t)0x3fffff), NULL);
}

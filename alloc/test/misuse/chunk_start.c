/* The start of the chunk that a block lies in: the allocator keeps its own data there. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(64);
    return misuse(argv, (void *)((uintptr_t)block & ~(uintptr_t)0x3fffff), block);
}

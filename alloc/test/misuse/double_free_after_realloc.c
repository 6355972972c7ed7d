/* The old address of a block that realloc has moved, freed. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *volatile block = take(64);
    char *volatile moved = realloc(block, 10000);
    if (moved == NULL || moved == block)
        return 3;
    return misuse(argv, block, block);
}

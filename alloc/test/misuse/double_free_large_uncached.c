/* A large block beyond what a thread cache holds, freed twice. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *volatile block = take(2 << 20);
    char *neighbour = take(64);
    free(block);
    (void)neighbour;
    return misuse(argv, block, block);
}

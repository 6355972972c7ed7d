/* A block of the largest small class freed twice. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *volatile block = take(32768);
    free(block);
    return misuse(argv, block, block);
}

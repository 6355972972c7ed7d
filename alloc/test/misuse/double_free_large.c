/* A large block (a run of its own) freed twice. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *volatile block = take(50000);
    free(block);
    return misuse(argv, block, block);
}

/* A huge block (whole chunks) freed twice. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *volatile block = take(6 << 20);
    free(block);
    return misuse(argv, block, block);
}

/* A small block freed twice in a row. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *volatile block = take(64);
    free(block);
    return misuse(argv, block, block);
}

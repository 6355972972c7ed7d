/* A small block freed, some of its neighbours freed, then freed again. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *blocks[10];
    for (int i = 0; i < 10; i++)
        blocks[i] = take(64);
    for (int i = 0; i < 10; i++)
        free(blocks[i]);
    return misuse(argv, blocks[3], blocks[3]);
}

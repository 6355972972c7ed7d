/* A small block freed again after all blocks of its run were freed and the pages given back. */
#include "misuse.h"

enum { N = 400000 };

int main(int argc, char **argv)
{
    (void)argc;
    static char *blocks[N];
    for (int i = 0; i < N; i++)
        blocks[i] = take(64);
    for (int i = 0; i < N; i++)
        free(blocks[i]);
    malloc_trim(0);
    return misuse(argv, blocks[N / 2], blocks[N / 2]);
}

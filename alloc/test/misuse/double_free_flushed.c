/* A small block freed again after so many frees that the cache gave it back to its run. One block
 * in sixteen stays, so that its run lives on. */
#include "misuse.h"

enum { N = 400000 };

int main(int argc, char **argv)
{
    (void)argc;
    static char *blocks[N];
    for (int i = 0; i < N; i++)
        blocks[i] = take(64);
    for (int i = 0; i < N; i++) {
        if (i % 16 != 0)
            free(blocks[i]);
    }
    return misuse(argv, blocks[1], blocks[1]);
}

/* A chunk into a huge block, where a chunk of its own could start. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(12 << 20);
    return misuse(argv, block + (4 << 20), block);
}

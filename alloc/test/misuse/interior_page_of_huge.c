/* A page into a huge block. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(6 << 20);
    return misuse(argv, block + 4096, block);
}

/* A page into a large block. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(100000);
    return misuse(argv, block + 4096, block);
}

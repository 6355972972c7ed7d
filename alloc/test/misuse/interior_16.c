/* Sixteen bytes into a small block: aligned as every block is. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(64);
    return misuse(argv, block + 16, block);
}

/* Sixteen bytes into a block whose class is no power of two. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(48);
    return misuse(argv, block + 16, block);
}

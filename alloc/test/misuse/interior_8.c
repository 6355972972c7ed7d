/* Eight bytes into a small block. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(64);
    return misuse(argv, block + 8, block);
}

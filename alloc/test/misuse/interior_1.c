/* One byte into a small block: misaligned as well. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(64);
    return misuse(argv, block + 1, block);
}

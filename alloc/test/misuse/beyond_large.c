/* The page behind a large block: free, and no block starts there. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(3 << 20);
    return misuse(argv, block + (3 << 20) + 8192, block);
}

/* A page into a small block that is larger than a page. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(14000);
    return misuse(argv, block + 4096, block);
}

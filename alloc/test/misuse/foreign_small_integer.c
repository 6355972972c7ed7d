/* A small integer taken for a pointer (aligned, as a block would be). */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    uintptr_t number = argv[1] != NULL && argv[2] != NULL ? strtoul(argv[2], NULL, 0) : 16;
    return misuse(argv, (void *)number, NULL);
}

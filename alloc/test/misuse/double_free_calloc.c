/* A block of calloc freed twice; its second word was zero. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *volatile block = calloc(1, 64);
    if (block == NULL)
        return 3;
    class_bytes = malloc_usable_size(block);
    free(block);
    return misuse(argv, block, block);
}

/* The address of a function. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    return misuse(argv, (void *)(uintptr_t)main, NULL);
}

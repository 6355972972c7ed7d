/* An aligned address where nothing is mapped. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    return misuse(argv, (void *)(uintptr_t)0x123456789010, NULL);
}

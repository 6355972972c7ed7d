/* An address that no user memory can have. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    return misuse(argv, (void *)(uintptr_t)0xfeedfacecafebee0, NULL);
}

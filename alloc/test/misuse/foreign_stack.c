/* An address on the stack. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    _Alignas(16) char local[64] = {1};
    return misuse(argv, local, NULL);
}

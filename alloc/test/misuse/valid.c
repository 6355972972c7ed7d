/* No misuse: a live block, so that the test knows that silence and survival are possible. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(64);
    return misuse(argv, block, block);
}

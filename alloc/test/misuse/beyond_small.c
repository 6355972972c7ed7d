/* An address of a run behind its last live block: never handed out. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    char *block = take(3500); /* the class is 3584; the fifth region of a fresh run is untouched */
    return misuse(argv, block + 5 * 3584 + 16, block);
}

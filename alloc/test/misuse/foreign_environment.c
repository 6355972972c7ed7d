/* A string of the environment. */
#include "misuse.h"

int main(int argc, char **argv)
{
    (void)argc;
    return misuse(argv, argv[0], NULL);
}

/* A static object. */
#include "misuse.h"

static _Alignas(16) char object[64] = {1};

int main(int argc, char **argv)
{
    (void)argc;
    return misuse(argv, object, NULL);
}

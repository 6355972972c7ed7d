/* overflow.c: beside a heap of ours in use, a read behind a static array, or with SHIFT a shift by
 * more than an int holds. The address and the undefined-behaviour sanitizer must find them. */
#include <ashlar/ashlar.h>
#include <string.h>

static int table[10];

int main(int argc, char **argv)
{
    (void)argv;
    char *block = ashlar_malloc(100);
    memset(block, argc, 100);
#ifdef SHIFT
    int result = argc << (block[3] + 31);
#else
    int result = table[argc * 12];
#endif
    ashlar_free(block);
    return result & table[0];
}

/* resolver.c: a library whose IFUNC resolver allocates. With LD_BIND_NOW the dynamic linker runs it for
 * caller.c before a preloaded library is relocated. */
#include <stdlib.h>
#include <string.h>

static char *early_block;

static int answer(void)
{
    return early_block && strcmp(early_block, "early") == 0;
}

static void *resolve(void)
{
    early_block = malloc(100);
    if (early_block) {
        strcpy(early_block, "early");
        early_block = realloc(early_block, 200);
    }
    free(malloc(10));
    return (void *)answer;
}

char *early_take(void);

char *early_take(void)
{
    return early_block;
}

int early(void) __attribute__((ifunc("resolve")));

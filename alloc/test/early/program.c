/* program.c: the early block is whole, and may be sized, grown and freed later. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

int call_early(void);
char *early_take(void);

int main(void)
{
    int whole = call_early();
    char *block = early_take();
    /* Early blocks do not know their size: what is left of their pages is told. */
    const char *from = malloc_usable_size(block) > 10000 ? "early" : "heap";
    block = realloc(block, 100000);
    printf("%s %s %s\n", whole ? "whole" : "broken", block, from);
    free(block);
    return 0;
}

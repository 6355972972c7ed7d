/* demo.c: a small heap for `make picture`: some of every kind, a few freed again. Its output is the
 * picture in alloc/README.md, compared by picture.bats. */
#include "../../include/ashlar/ashlar.h"

#include <string.h>

static void fill(void **blocks, int n, size_t size)
{
    for (int i = 0; i < n; i++) {
        blocks[i] = ashlar_malloc(size);
        memset(blocks[i], i, size);
    }
}

static void drop(void **blocks, int n)
{
    for (int i = 0; i < n; i++) {
        ashlar_free(blocks[i]);
    }
}

int main(void)
{
    static void *nodes[600], *lines[50], *records[40], *tables[3], *images[3], *film;
    fill(nodes, 600, 48);
    fill(lines, 50, 200);
    fill(records, 40, 1000);
    fill(tables, 3, 100 << 10);
    fill(images, 3, 1200 << 10);
    fill(&film, 1, 9 << 20);
    drop(records, 40);
    drop(tables + 1, 1);
    drop(images, 1);
    drop(&film, 1);
    ashlar_picture(1);
    return ashlar_check() ? 0 : 1;
}

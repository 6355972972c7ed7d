/* replay.c: a fixed series of operations of one thread, then the picture of the heap and the
 * offsets of the blocks within their chunks. Two runs must print the same, whatever addresses the
 * system chose and whatever the environment holds. Usage: replay [SEED]. Linked with
 * libashlar_prefixed.a.
 */
#include "doors.h"

#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 3000, STEPS = 40000, CHUNK = 4 << 20 };

int main(int argc, char **argv)
{
    static void *blocks[SLOTS];
    uint64_t rng = argc > 1 ? strtoull(argv[1], NULL, 10) * 2 + 1 : 1;
    uint64_t offsets = 14695981039346656037u; /* FNV-1a over every offset handed out */
    for (int step = 0; step < STEPS; step++) {
        int i = (int)(draw(&rng) % SLOTS);
        int lg = 4 + (int)(draw(&rng) % 14);
        if (draw(&rng) % 4000 == 0)
            lg = 23;
        size_t size = draw(&rng) % ((size_t)1 << lg) + 1;
        if (blocks[i] != NULL && step % 3 == 0) {
            blocks[i] = door.realloc(blocks[i], size);
        } else {
            door.free(blocks[i]);
            blocks[i] =
                step % 16 == 0 ? door.memalign((size_t)1 << (lg % 13), size) : door.malloc(size);
        }
        if (blocks[i] == NULL) {
            fprintf(stderr, "replay: out of memory at step %d\n", step);
            return 1;
        }
        offsets = (offsets ^ (uintptr_t)blocks[i] % CHUNK) * 1099511628211u;
    }
    door.picture(1);
    dprintf(1, "offsets %016llx\n", (unsigned long long)offsets);
    return 0;
}

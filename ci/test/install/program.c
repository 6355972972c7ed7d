/* program.c: a user's program on an installed Ashlar: threads allocate, and the library's own
 * figures prove that it served them. With -DPREFIXED the names are those of libashlar_prefixed.a,
 * and the C library's malloc must not have come from Ashlar.
 */
#include <ashlar/ashlar.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef PREFIXED
#define allocate ashlar_malloc
#define release ashlar_free
#else
#define allocate malloc
#define release free
#endif

enum { THREADS = 4, BLOCKS = 1000 };

static void *work(void *arg)
{
    static _Thread_local char *volatile blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = allocate(i + 1);
        memset(blocks[i], (int)i, i + 1);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        if (blocks[i][i] != (char)i) {
            *(int *)arg = 1;
        }
        release(blocks[i]);
    }
    return NULL;
}

static uint64_t mallocs(void)
{
    struct ashlar_stats stats;
    ashlar_stats_get(&stats);
    return stats.mallocs;
}

int main(void)
{
    pthread_t threads[THREADS];
    int damaged = 0;
    uint64_t before = mallocs();
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, &damaged) != 0) {
            return 2;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    uint64_t served = mallocs() - before;
    before = mallocs();
    char *volatile own = malloc(100000);
    bool malloc_is_ours = mallocs() != before;
    free(own);
    printf("version %s, %s, %s, malloc is %s\n", ashlar_version(),
           served >= THREADS * BLOCKS ? "served" : "not served", damaged ? "damaged" : "whole",
           malloc_is_ours ? "ours" : "the C library's");
    return served < THREADS * BLOCKS || damaged;
}

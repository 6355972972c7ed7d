/* race.c: two threads write one block of our heap without a word to each other. The thread
 * sanitizer must find it; built with ORDERED it must not, for a mutex orders them. */
#include <ashlar/ashlar.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *count(void *block)
{
    for (int i = 0; i < 100000; i++) {
#ifdef ORDERED
        pthread_mutex_lock(&lock);
#endif
        ++*(volatile int *)block;
#ifdef ORDERED
        pthread_mutex_unlock(&lock);
#endif
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    int *block = ashlar_calloc(1, sizeof(*block));
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, count, block) != 0)
            return 2;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ashlar_free(block);
    (void)lock;
    return 0;
}

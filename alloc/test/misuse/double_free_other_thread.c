/* A small block freed by a thread that has ended, then freed again by its owner. */
#include "misuse.h"

static void *free_it(void *block)
{
    free(block);
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t thread;
    char *volatile block = take(64);
    if (pthread_create(&thread, NULL, free_it, block) != 0 || pthread_join(thread, NULL) != 0)
        return 3;
    return misuse(argv, block, block);
}

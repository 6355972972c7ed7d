/* A small block freed by its owner, then freed again by another thread. */
#include "misuse.h"

static char **arguments;

static void *free_again(void *block)
{
    return (void *)(intptr_t)misuse(arguments, block, block);
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t thread;
    void *result;
    arguments = argv;
    char *volatile block = take(64);
    free(block);
    if (pthread_create(&thread, NULL, free_again, block) != 0 || pthread_join(thread, &result) != 0)
        return 3;
    return (int)(intptr_t)result;
}

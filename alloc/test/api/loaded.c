/* loaded.c: the library loaded with dlopen into a program that has another malloc, then used from
 * threads that existed before and threads made after, and from a forked child.
 * Usage: loaded PATH. Prints one line; what fails is named. */
#include "ashlar/ashlar.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *(*lib_malloc)(size_t);
static void (*lib_free)(void *);
static atomic_bool ready;
static atomic_int failures;

static void use(void)
{
    char *blocks[100];
    for (int i = 0; i < 100; i++) {
        size_t size = (size_t)1 << (i % 23);
        blocks[i] = lib_malloc(size);
        if (blocks[i] == NULL) {
            atomic_fetch_add(&failures, 1);
            return;
        }
        blocks[i][0] = blocks[i][size - 1] = (char)i;
    }
    for (int i = 0; i < 100; i++) {
        if (blocks[i][0] != (char)i)
            atomic_fetch_add(&failures, 1);
        lib_free(blocks[i]);
    }
}

static void *waiting_thread(void *arg)
{
    while (!atomic_load(&ready))
        usleep(100);
    use();
    return arg;
}

static void *find(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL) {
        fprintf(stderr, "loaded: no symbol %s: %s\n", name, dlerror());
        _exit(1);
    }
    return symbol;
}

int main(int argc, char **argv)
{
    pthread_t before[4], after[4];
    if (argc != 2) {
        fprintf(stderr, "usage: loaded PATH-OF-LIBRARY\n");
        return 2;
    }
    for (int i = 0; i < 4; i++)
        pthread_create(&before[i], NULL, waiting_thread, NULL);
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "loaded: %s\n", dlerror());
        return 1;
    }
    /* POSIX has dlsym return functions as void *. */
    *(void **)&lib_malloc = find(library, "malloc");
    *(void **)&lib_free = find(library, "free");
    void (*stats)(struct ashlar_stats *);
    bool (*check)(void);
    *(void **)&stats = find(library, "ashlar_stats_get");
    *(void **)&check = find(library, "ashlar_check");
    use();
    atomic_store(&ready, true);
    for (int i = 0; i < 4; i++)
        pthread_create(&after[i], NULL, waiting_thread, NULL);
    for (int i = 0; i < 4; i++) {
        pthread_join(before[i], NULL);
        pthread_join(after[i], NULL);
    }
    pid_t pid = fork();
    if (pid == 0) {
        alarm(5);
        use();
        _exit(atomic_load(&failures) || !check() ? 1 : 0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    struct ashlar_stats s;
    stats(&s);
    bool holds = check();
    printf("mallocs %llu, failures %d, child %d, heap %s\n", (unsigned long long)s.mallocs,
           atomic_load(&failures), status, holds ? "holds" : "is broken");
    return s.mallocs == 900 && atomic_load(&failures) == 0 && status == 0 && holds ? 0 : 1;
}

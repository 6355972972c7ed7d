/* early.c: callers before main and after it: an IFUNC resolver (while the program is still being
 * relocated), the pre-initialisation array, constructors, atexit handlers and destructors.
 *
 * Blocks of each stage are freed in a later one. The last stage writes its verdict with write(2).
 * Built against libashlar.so, against libashlar.a with -static, and against the C library.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STAGES = 8 };
static unsigned char *volatile blocks[STAGES];
static int nstages;

/* A static program runs its resolvers before it has a thread pointer: no malloc can work there
 * (that of glibc crashes), so the static build leaves this stage out. */
#ifndef NO_IFUNC
#define HAVE_IFUNC 1
#else
#define HAVE_IFUNC 0
#endif

static void take(int stage)
{
    blocks[stage] = malloc(200);
    if (blocks[stage] == NULL)
        abort();
    for (int i = 0; i < 200; i++)
        blocks[stage][i] = (unsigned char)(stage + i);
    nstages++;
}

static void give_back(int stage)
{
    if (blocks[stage] == NULL)
        abort();
    for (int i = 0; i < 200; i++) {
        if (blocks[stage][i] != (unsigned char)(stage + i))
            abort();
    }
    unsigned char *grown = realloc(blocks[stage], 100000);
    if (grown == NULL || grown[199] != (unsigned char)(stage + 199))
        abort();
    free(grown);
    blocks[stage] = NULL;
}

#if HAVE_IFUNC
static int chosen_function(void)
{
    return 42;
}

/* Runs while the program is relocated; only what malloc itself needs may be relied upon. */
__attribute__((used)) static int (*resolve(void))(void)
{
    unsigned char *block = malloc(200);
    if (block != NULL) {
        for (int i = 0; i < 200; i++)
            block[i] = (unsigned char)i;
    }
    blocks[0] = block;
    return chosen_function;
}

int chosen(void) __attribute__((ifunc("resolve")));
#else
static int chosen(void)
{
    take(0);
    return 42;
}
#endif

static void before_everything(int argc, char **argv, char **envp)
{
    (void)argc, (void)argv, (void)envp;
    take(1);
}
/* Only an executable has this array; its entries run before every constructor. */
__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char **, char **) = before_everything;

__attribute__((constructor(101))) static void first_constructor(void)
{
    take(2);
    give_back(1);
}

__attribute__((constructor)) static void late_constructor(void)
{
    take(3);
    give_back(2);
}

static void at_exit(void)
{
    give_back(4);
    take(5);
    setvbuf(stdout, NULL, _IOFBF, 1 << 16); /* stdio allocates and is torn down after this */
    printf("at exit\n");
}

__attribute__((destructor)) static void late_destructor(void)
{
    give_back(5);
    take(6);
}

__attribute__((destructor(101))) static void last_destructor(void)
{
    give_back(6);
    free(malloc(1 << 20));
    static const char verdict[] = "all stages passed\n";
    if (write(1, verdict, sizeof verdict - 1) != sizeof verdict - 1)
        _exit(1);
}

int main(void)
{
    if (chosen() != 42)
        return 1;
    give_back(0);
    give_back(3);
    take(4);
    atexit(at_exit);
    return 0;
}

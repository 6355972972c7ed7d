/* no_memory.c: a process whose address space is bounded. Every door says NULL and ENOMEM, nothing
 * is lost, and after frees as much as before can be had again. Each test runs in a child, because
 * the bound (RLIMIT_AS) and the exhausted heap are the process's own.
 */
#include "doors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ROOM = 96 << 20,     /* what the child may map beyond what it has */
    RESERVED = 72 << 20, /* what the allocator may have mapped before */
};

static size_t address_space_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return strtoul(text, NULL, 10) * 4096;
}

static bool bound_address_space(void)
{
    struct rlimit limit;
    size_t used = address_space_bytes();
    limit.rlim_cur = limit.rlim_max = used + ROOM;
    return used > 0 && setrlimit(RLIMIT_AS, &limit) == 0;
}

/* Runs the test in a child that reports the number of the line that failed. */
#define NEED(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            dprintf(2, "# no_memory.c:%d: not so: %s (errno %d)\n", __LINE__, #condition, errno);  \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void in_child(void (*body)(void))
{
    if (slow_run()) {
        skip(); /* a sanitizer or valgrind needs the address space itself */
    }
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(20);
        NEED(bound_address_space());
        body();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

struct list {
    struct list *next;
};

static size_t fill(size_t size_bytes, struct list **out)
{
    size_t count = 0;
    errno = 0;
    for (struct list *block; (block = door.malloc(size_bytes)) != NULL; count++) {
        block->next = *out;
        *out = block;
    }
    return count;
}

static void drain(struct list *list)
{
    while (list != NULL) {
        struct list *next = list->next;
        door.free(list);
        list = next;
    }
}

static void exhaust(size_t size_bytes)
{
    struct list *blocks = NULL;
    size_t first = fill(size_bytes, &blocks);
    NEED(errno == ENOMEM);
    NEED(first * size_bytes >= ROOM / 2); /* the bound is met, not something else */
    NEED(first * size_bytes <= ROOM + RESERVED);
    drain(blocks);
    blocks = NULL;
    size_t second = fill(size_bytes, &blocks);
    NEED(errno == ENOMEM);
    NEED(second >= first / 10 * 8);
    drain(blocks);
    NEED(door.check == NULL || door.check());
}

static void exhaust_small(void)
{
    exhaust(48);
}
static void exhaust_medium(void)
{
    exhaust(3000);
}
static void exhaust_large(void)
{
    exhaust(100000);
}
static void exhaust_chunky(void)
{
    exhaust(1 << 20);
}
static void exhaust_huge(void)
{
    exhaust(5 << 20);
}

static void sizes_in_turn(void)
{
    /* What one size gave back serves the next. */
    static const size_t sizes[] = {48, 1 << 20, 3000, 5 << 20, 20000, 64};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct list *blocks = NULL;
        size_t count = fill(sizes[i], &blocks);
        NEED(errno == ENOMEM);
        NEED(door.stats == NULL || count * sizes[i] >= ROOM / 2);
        drain(blocks);
    }
    NEED(door.check == NULL || door.check());
}

static void every_door_fails(void)
{
    struct list *blocks = NULL;
    void *out = &out;
    fill(1 << 20, &blocks);
    fill(20000, &blocks);
    fill(2000, &blocks);
    fill(16, &blocks);
    enum { BIG = 8 << 20 };
    char *kept = (char *)blocks;
    blocks = blocks->next;
    memset(kept, 7, 16);
#define NEED_NO_MEMORY(call)                                                                       \
    do {                                                                                           \
        errno = 0;                                                                                 \
        NEED((call) == NULL);                                                                      \
        NEED(errno == ENOMEM);                                                                     \
    } while (0)
    NEED_NO_MEMORY(door.malloc(BIG));
    NEED_NO_MEMORY(door.calloc(BIG / 8, 8));
    NEED_NO_MEMORY(door.realloc(NULL, BIG));
    NEED_NO_MEMORY(door.realloc(kept, BIG));
    NEED_NO_MEMORY(door.reallocarray(kept, BIG, 2));
    NEED_NO_MEMORY(door.realloc(kept, (size_t)1 << 40));
    NEED_NO_MEMORY(door.aligned_alloc(64, BIG));
    NEED_NO_MEMORY(door.aligned_alloc((size_t)1 << 30, 64));
    NEED_NO_MEMORY(door.memalign(4096, BIG));
    NEED_NO_MEMORY(door.valloc(BIG));
    NEED_NO_MEMORY(door.pvalloc(BIG));
    if (door.stats != NULL)
        errno = EDOM;
    NEED(door.posix_memalign(&out, 64, BIG) == ENOMEM);
    NEED(door.stats == NULL || errno == EDOM);
    NEED(out == &out);
    for (int i = 0; i < 16; i++)
        NEED(kept[i] == 7);
    door.free(kept);
    drain(blocks);
    void *again = door.malloc(BIG);
    NEED(again != NULL);
    door.free(again);
    NEED(door.check == NULL || door.check());
}

static void growing_until_it_fails(void)
{
    size_t size = 1000;
    char *block = door.malloc(size);
    NEED(block != NULL);
    pattern_fill(block, size, 8);
    for (;;) {
        errno = 0;
        char *grown = door.realloc(block, size + size / 4);
        if (grown == NULL)
            break;
        block = grown;
        size += size / 4;
        NEED(pattern_holds(block, 1000, 8));
    }
    NEED(errno == ENOMEM);
    NEED(size > ROOM / 4);
    NEED(pattern_holds(block, 1000, 8));
    block[size - 1] = 1;
    block = door.realloc(block, 2000); /* shrinking needs no memory */
    NEED(block != NULL);
    NEED(pattern_holds(block, 1000, 8));
    door.free(block);
}

#define IN_CHILD(body)                                                                             \
    static void test_##body(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        in_child(body);                                                                            \
    }
IN_CHILD(exhaust_small)
IN_CHILD(exhaust_medium)
IN_CHILD(exhaust_large)
IN_CHILD(exhaust_chunky)
IN_CHILD(exhaust_huge)
IN_CHILD(sizes_in_turn)
IN_CHILD(every_door_fails)
IN_CHILD(growing_until_it_fails)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exhaust_small),    TEST(test_exhaust_medium),         TEST(test_exhaust_large),
        TEST(test_exhaust_chunky),   TEST(test_exhaust_huge),           TEST(test_sizes_in_turn),
        TEST(test_every_door_fails), TEST(test_growing_until_it_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

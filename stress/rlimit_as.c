/* rlimit_as.c: an address space of 256 MiB more than the process has, filled and emptied, size by
 * size. Every failure is NULL and ENOMEM; a block survives a realloc that cannot be; after the
 * frees a second round reaches at least four fifths of the first.
 */
#include "memory.h"
#include "scenario.h"
#include "tag.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 256 << 20, ROUNDS = 3 };

struct link {
    struct link *next;
    uint64_t size;
};

static const struct doors *door;
static uint64_t step;

static size_t fill(size_t size, struct link **list)
{
    size_t count = 0;
    for (;; count++) {
        if (count % 4096 == 0)
            run_note(0, step++, "malloc", NULL, size, count);
        errno = 0;
        struct link *block = door->malloc(size);
        if (block == NULL)
            break;
        *block = (struct link){*list, size};
        memset((char *)block + size - 8, (int)(size & 0x7f), 8);
        *list = block;
    }
    RUN_EXPECT(0, errno == ENOMEM, "malloc(%zu) failed with errno %d", size, errno);
    return count;
}

static void drain(struct link **list)
{
    while (*list != NULL) {
        struct link *block = *list;
        RUN_EXPECT(0, ((char *)block)[block->size - 1] == (char)(block->size & 0x7f),
                   "block %p of %llu bytes was changed", (void *)block,
                   (unsigned long long)block->size);
        *list = block->next;
        door->free(block);
    }
}

/* With the heap full: what cannot be leaves what is. */
static void fail_in_every_way(struct link *list)
{
    size_t offset, size = list->size;
    struct link saved = *list;
    errno = 0;
    RUN_EXPECT(0, door->realloc(list, (size_t)1 << 40) == NULL && errno == ENOMEM,
               "realloc to 1 TiB did not fail with ENOMEM");
    RUN_EXPECT(0, memcmp(list, &saved, sizeof saved) == 0, "a failed realloc changed the block");
    errno = 0;
    RUN_EXPECT(0, door->calloc(1 << 20, 1 << 10) == NULL && errno == ENOMEM,
               "calloc of 1 GiB did not fail with ENOMEM");
    errno = 0;
    RUN_EXPECT(0, door->memalign(1u << 30, 64) == NULL && errno == ENOMEM,
               "memalign to 1 GiB did not fail with ENOMEM");
    void *out = &out;
    RUN_EXPECT(0, door->posix_memalign(&out, 4096, 1u << 30) == ENOMEM && out == &out,
               "posix_memalign of 1 GiB did not fail with ENOMEM");
    tag_write(list + 1, size - sizeof *list - 8, 1, true);
    RUN_EXPECT(0, tag_holds(list + 1, size - sizeof *list - 8, size, 1, true, &offset),
               "the block is not usable after failures");
}

static void one_size(size_t size)
{
    size_t counts[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        struct link *list = NULL;
        counts[round] = fill(size, &list);
        RUN_EXPECT(0, counts[round] > 0, "not one block of %zu bytes", size);
        fail_in_every_way(list);
        drain(&list);
        RUN_EXPECT(0, counts[round] * size >= ROOM / 2,
                   "round %d of %zu bytes: only %zu MiB could be had", round, size,
                   counts[round] * size >> 20);
        RUN_EXPECT(0, counts[round] >= counts[0] / 5 * 4,
                   "round %d of %zu bytes: %zu blocks after %zu in the first", round, size,
                   counts[round], counts[0]);
        RUN_EXPECT(0, door->check(), "the heap's invariants do not hold");
    }
}

static int run_rlimit_as(struct run *run)
{
    static const size_t sizes[] = {48, 3000, 1 << 20, 20000, 6 << 20, 80};
    door = run->door;
    if (memory_is_shared())
        return run_skip(run, "a sanitizer needs the address space itself");
    pid_t pid = fork(); /* the limit cannot be taken back in this process */
    if (pid == 0) {
        size_t used = memory_mapped_bytes();
        struct rlimit limit = {used + ROOM, used + ROOM};
        run_in_child();
        RUN_EXPECT(0, used > 0 && setrlimit(RLIMIT_AS, &limit) == 0,
                   "cannot bound the address space");
        door->free(door->malloc(1));
        struct ashlar_stats before = doors_stats(door);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            one_size(sizes[i]);
            doors_purge(door);
        }
        struct ashlar_stats after = doors_stats(door);
        RUN_EXPECT(0, after.allocated_bytes == before.allocated_bytes,
                   "allocated was %zu bytes at the start and is %zu at the end",
                   before.allocated_bytes, after.allocated_bytes);
        _exit(RUN_PASS);
    }
    int status = 0;
    RUN_EXPECT(0, pid > 0 && waitpid(pid, &status, 0) == pid, "cannot fork");
    RUN_EXPECT(0, WIFEXITED(status) && WEXITSTATUS(status) == RUN_PASS,
               "the bounded process ended with wait status 0x%x", (unsigned)status);
    atomic_store(&run->operations, ROUNDS * sizeof sizes / sizeof sizes[0]);
    return RUN_PASS;
}

const struct scenario scenario_rlimit_as = {
    .name = "rlimit-as",
    .summary = "a bounded address space filled and emptied: ENOMEM, nothing lost, full recovery",
    .default_secs = 10,
    .default_threads = 1,
    .run = run_rlimit_as,
};

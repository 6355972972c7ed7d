/* forkstorm.c: a process that forks while its threads allocate. The child inherits a heap in which
 * threads that no longer exist were at work, and must be able to use all of it.
 *
 *     main      the main thread forks, eight workers allocate and use stdio
 *     worker    two of the workers fork themselves
 *     signal    a handler forks in whatever its thread was just doing; the child goes on with that
 *     bare      _Fork: no handler of anybody runs
 *
 * A child checks and frees blocks of every thread, reallocates others, takes a block of every
 * class, makes a thread, uses stdio, forks a grandchild that does the same, and checks the heap. A
 * child that does not end within five seconds hangs: its stacks are written by gdb where there is
 * one.
 */
#include "memory.h"
#include "scenario.h"
#include "sizes.h"
#include "tag.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 400, HANG_MS = 5000, FORKS = 1000, HANDLER_SIGNAL = SIGUSR1 };
enum { WORKER_RINGS = RUN_THREADS_MAX / 2 };

/* A slot is seen by a child at any moment: `block` is set last and cleared first. */
struct slot {
    _Atomic(char *) block; /* NULL: free or in transit */
    size_t size;
    uint64_t key;
};

static struct worker {
    struct slot slots[SLOTS];
    pthread_t thread;
} * workers;

enum kind { BY_FORK, BY_BARE_FORK };

static const struct doors *door;
static atomic_bool stop;
static atomic_bool use_stdio;   /* the workers do, and children may */
static atomic_int forks_wanted; /* by workers of the variant `worker` */
static atomic_int forks_done;
static _Atomic pid_t signal_child; /* what a handler made; -1 while none */
static atomic_int signal_kind;
static volatile sig_atomic_t handler_made_child; /* set in the child of a handler */

static void child_expect(bool condition, const char *what)
{
    if (!condition)
        run_fail(0, "in a child: %s (errno %d)", what, errno);
}

static void free_block(char *block, size_t size, uint64_t key)
{
    size_t offset;
    child_expect(tag_holds(block, size, size, key, false, &offset), "a block was changed");
    door->free(block);
}

/* Blocks of all threads, alive ones and those that do not exist any more. */
static void use_inherited_blocks(unsigned part)
{
    for (unsigned w = 0; w < the_run.threads; w++) {
        for (unsigned i = part; i < SLOTS; i += 2) {
            struct slot *slot = &workers[w].slots[i];
            size_t offset, size = slot->size;
            char *block = atomic_exchange(&slot->block, NULL);
            if (block == NULL)
                continue;
            if (i % 16 == part) {
                char *moved = door->realloc(block, size + size / 2 + 16);
                child_expect(moved != NULL, "realloc failed");
                child_expect(tag_holds(moved, size, size, slot->key, false, &offset),
                             "realloc lost the contents");
                door->free(moved);
            } else {
                free_block(block, size, slot->key);
            }
        }
    }
}

/* Blocks of every class, and a huge one. Of the large ones one each is enough, and cheaper where
 * the system backs them by huge pages. */
static void use_every_class(uint64_t key)
{
    char *blocks[240];
    size_t sizes[240], count = 0;
    for (size_t size = 16; size <= SIZES_LARGE_MAX; size = sizes_next_class(size)) {
        for (int i = 0; i < (size <= SIZES_SMALL_MAX ? 2 : 1) && count < 238; i++) {
            sizes[count] = size;
            blocks[count++] = door->malloc(size);
        }
    }
    sizes[count] = 6 << 20;
    blocks[count++] = door->malloc(6 << 20);
    for (size_t i = 0; i < count; i++) {
        child_expect(blocks[i] != NULL, "malloc failed");
        tag_write(blocks[i], sizes[i], key + i, false);
    }
    for (size_t i = 0; i < count; i++)
        free_block(blocks[i], sizes[i], key + i);
}

static void *thread_of_a_child(void *arg)
{
    use_every_class(77);
    return arg;
}

static void use_stdio_and_threads(void)
{
    pthread_t thread;
    int code = pthread_create(&thread, NULL, thread_of_a_child, NULL);
    child_expect(code == 0, "cannot create a thread");
    FILE *file = fopen("/dev/null", "w");
    child_expect(file != NULL, "fopen failed");
    for (int i = 0; i < 50; i++)
        fprintf(file, "line %d of %s\n", i, "a child");
    fclose(file);
    char *text = NULL;
    size_t room = 0;
    file = open_memstream(&text, &room);
    child_expect(file != NULL, "open_memstream failed");
    fprintf(file, "%d", 12345);
    fclose(file);
    child_expect(text != NULL && strcmp(text, "12345") == 0, "stdio lost a number");
    free(text);
    pthread_join(thread, NULL);
}

/* Waits for a process for HANG_MS at most. Returns its status, or -1 if it hangs. */
static int await(pid_t pid)
{
    int status = 0;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int ready;
        while ((ready = poll(&poll_fd, 1, HANG_MS)) < 0 && errno == EINTR)
            ;
        close(fd);
        if (ready == 0)
            return -1;
    }
    pid_t reaped;
    while ((reaped = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    return reaped == pid ? status : -1;
}

static _Noreturn void grandchild(enum kind kind, bool check)
{
    alarm(HANG_MS / 1000 + 5); /* the last resort; the child looks earlier */
    use_inherited_blocks(1);
    use_every_class(5);
    if (kind == BY_FORK && atomic_load(&use_stdio))
        use_stdio_and_threads();
    if (check)
        child_expect(door->check(), "the grandchild's heap does not hold");
    _exit(RUN_PASS);
}

/* Walking the whole heap costs more than all the rest, so only one child in eight does it. */
static _Noreturn void child(enum kind kind)
{
    bool check = atomic_load(&forks_done) % 8 == 0;
    run_in_child();
    alarm(HANG_MS / 1000 + 5); /* the last resort; the parent looks earlier */
    use_inherited_blocks(0);
    use_every_class(3);
    if (kind == BY_FORK && atomic_load(&use_stdio))
        use_stdio_and_threads();
    pid_t pid = kind == BY_FORK ? fork() : _Fork();
    child_expect(pid >= 0, "the child cannot fork");
    if (pid == 0)
        grandchild(kind, check);
    use_every_class(4);
    int status = await(pid);
    child_expect(status != -1, "the grandchild hangs");
    child_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the grandchild failed");
    if (check)
        child_expect(door->check(), "the child's heap does not hold");
    _exit(RUN_PASS);
}

/* Where a child hangs, as far as gdb can tell. */
static void show_stacks(pid_t pid)
{
    char command[120];
    snprintf(command, sizeof command,
             "gdb -q -batch -p %d -ex 'thread apply all bt 12' >&2 2>/dev/null", pid);
    if (system(command) != 0)
        dprintf(2, "no stacks of %d: gdb is missing or failed\n", pid);
}

static void reap(unsigned ring, pid_t pid, const char *variant)
{
    int status = await(pid);
    if (status == -1) {
        show_stacks(pid);
        kill(pid, SIGKILL);
        run_fail(ring, "variant %s: child %d hangs, %d forks done", variant, pid,
                 atomic_load(&forks_done));
    }
    RUN_EXPECT(ring, WIFEXITED(status) && WEXITSTATUS(status) == RUN_PASS,
               "variant %s: child %d ended with wait status 0x%x, %d forks done", variant, pid,
               (unsigned)status, atomic_load(&forks_done));
    the_run.repro_ops = (uint64_t)atomic_fetch_add(&forks_done, 1) + 2;
    atomic_fetch_add(&the_run.operations, 1);
}

/* A worker's own use of stdio, whose locks a fork must leave usable. */
static void stdio_step(FILE *file, uint64_t step)
{
    if (file == NULL || !atomic_load_explicit(&use_stdio, memory_order_relaxed))
        return;
    fprintf(file, "%llu\n", (unsigned long long)step);
    if (step % 64 == 0) {
        FILE *other = fopen("/dev/null", "w");
        if (other != NULL) {
            fprintf(other, "%llu\n", (unsigned long long)step);
            fclose(other);
        }
    }
}

static void worker_step(unsigned me, uint64_t step)
{
    struct rng rng = rng_at(the_run.seed, me, step);
    /* Mostly its own slots, now and then another thread's: blocks die far from home. */
    unsigned owner = rng_below(&rng, 8) == 0 ? (unsigned)rng_below(&rng, the_run.threads) : me;
    struct slot *slot = &workers[owner].slots[rng_below(&rng, SLOTS)];
    if (owner != me) {
        /* Only the owner writes size and key, so a foreign block is taken and freed unseen. */
        door->free(atomic_exchange(&slot->block, NULL));
        return;
    }
    char *block = atomic_exchange(&slot->block, NULL);
    size_t offset, old_size = slot->size, size = (size_t)rng_log(&rng, 12);
    if (rng_below(&rng, 200) == 0)
        size = 16384 + (size_t)rng_log(&rng, 18);
    if (block != NULL) {
        run_note(me, step, "free", block, old_size, 0);
        RUN_EXPECT(me, tag_holds(block, old_size, old_size, slot->key, false, &offset),
                   "block %p of %zu bytes was changed at offset %zu", (void *)block, old_size,
                   offset);
        if (rng_below(&rng, 4) != 0) {
            door->free(block);
            return;
        }
    }
    run_note(me, step, "realloc", block, old_size, size);
    char *moved = door->realloc(block, size);
    RUN_EXPECT(me, moved != NULL, "no memory for %zu bytes", size);
    slot->size = size;
    slot->key = mix64(the_run.seed ^ mix64(step) ^ me);
    tag_write(moved, size, slot->key, false);
    atomic_store(&slot->block, moved);
}

static void fork_in_worker(unsigned me)
{
    if (atomic_load(&forks_wanted) <= 0 || atomic_fetch_sub(&forks_wanted, 1) <= 0)
        return;
    pid_t pid = fork();
    RUN_EXPECT(me, pid >= 0, "cannot fork (errno %d)", errno);
    if (pid == 0)
        child(BY_FORK);
    reap(me, pid, "worker");
}

static void *work(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    FILE *file = fopen("/dev/null", "w");
    for (uint64_t step = 1; !atomic_load_explicit(&stop, memory_order_relaxed); step++) {
        worker_step(me, step);
        if (handler_made_child)
            child(atomic_load(&signal_kind) == BY_FORK ? BY_FORK : BY_BARE_FORK);
        if (step % 16 == 0)
            stdio_step(file, step);
        if (step % 64 == me) /* holds the locks of all pools, and for long: forks meet them held */
            doors_purge(door);
        if (me < 2)
            fork_in_worker(me);
        if (step % 128 == 0)
            usleep(500); /* the children need some of the CPUs */
    }
    if (file != NULL)
        fclose(file);
    for (int i = 0; i < SLOTS; i++)
        door->free(atomic_exchange(&workers[me].slots[i].block, NULL));
    return NULL;
}

static void forks_of_main(enum kind kind, int count, const char *variant)
{
    for (int i = 0; i < count; i++) {
        struct rng rng = rng_at(the_run.seed, RUN_THREADS_MAX - 1, (uint64_t)i);
        usleep((useconds_t)rng_below(&rng, 300));
        run_note(RUN_THREADS_MAX - 1, (uint64_t)i, variant, NULL, 0, 0);
        pid_t pid = kind == BY_FORK ? fork() : _Fork();
        RUN_EXPECT(RUN_THREADS_MAX - 1, pid >= 0, "cannot fork (errno %d)", errno);
        if (pid == 0)
            child(kind);
        reap(RUN_THREADS_MAX - 1, pid, variant);
    }
}

static void forks_of_workers(int count)
{
    int target = atomic_load(&forks_done) + count;
    atomic_store(&forks_wanted, count);
    while (atomic_load(&forks_done) < target)
        usleep(1000);
}

static void on_signal(int number)
{
    (void)number;
    int saved = errno;
    pid_t pid = atomic_load(&signal_kind) == BY_FORK ? fork() : _Fork();
    if (pid == 0) {
        handler_made_child = 1; /* the child returns into what its thread was doing */
        run_in_child();
        alarm(HANG_MS / 1000 + 5);
    } else {
        atomic_store(&signal_child, pid);
    }
    errno = saved;
}

static void forks_of_handlers(enum kind kind, int count)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(HANDLER_SIGNAL, &action, NULL);
    atomic_store(&signal_kind, kind);
    /* A handler may have interrupted stdio, whose own state is not made for what follows. */
    atomic_store(&use_stdio, false);
    usleep(20000); /* every worker has left stdio */
    for (int i = 0; i < count; i++) {
        struct rng rng = rng_at(the_run.seed, RUN_THREADS_MAX - 2, (uint64_t)i);
        usleep((useconds_t)rng_below(&rng, 300));
        atomic_store(&signal_child, -1);
        pthread_kill(workers[rng_below(&rng, the_run.threads)].thread, HANDLER_SIGNAL);
        pid_t pid;
        for (int waited = 0; (pid = atomic_load(&signal_child)) == -1; waited++) {
            RUN_EXPECT(0, waited < HANG_MS * 10, "variant signal: the handler hangs in fork");
            usleep(100);
        }
        reap(RUN_THREADS_MAX - 2, pid, "signal");
    }
    atomic_store(&use_stdio, true);
}

static bool wanted(const char *variant)
{
    return strcmp(the_run.variant, "all") == 0 || strcmp(the_run.variant, variant) == 0;
}

static int run_forkstorm(struct run *run)
{
    /* Of the forks asked for, each variant gets its share; a variant alone gets all. */
    static const struct {
        const char *name;
        int share; /* of 10 */
    } variants[] = {{"main", 4}, {"worker", 3}, {"signal", 2}, {"bare", 1}};
    int forks = run->ops != 0 ? (int)run->ops : FORKS;
    door = run->door;
    if (memory_is_shared())
        return run_skip(run, "a sanitizer's own locks do not survive forks of threads");
    if (run->threads > WORKER_RINGS)
        run->threads = WORKER_RINGS;
    run->repro_ops = 1;
    workers = memory_map(run->threads * sizeof *workers);
    door->free(door->malloc(1));
    struct ashlar_stats before = doors_stats(door);
    atomic_store(&use_stdio, true);
    for (unsigned i = 0; i < run->threads; i++) {
        int code = pthread_create(&workers[i].thread, NULL, work, (void *)(uintptr_t)i);
        RUN_EXPECT(i, code == 0, "cannot create thread %u: %s", i, strerror(code));
    }
    usleep(50000);
    for (int i = 0; i < 4; i++) {
        if (!wanted(variants[i].name))
            continue;
        int count = strcmp(run->variant, "all") == 0 ? forks * variants[i].share / 10 : forks;
        switch (i) {
        case 0:
            forks_of_main(BY_FORK, count, "main");
            break;
        case 1:
            forks_of_workers(count);
            break;
        case 2:
            forks_of_handlers(BY_FORK, count - count / 2);
            forks_of_handlers(BY_BARE_FORK, count / 2);
            break;
        default:
            forks_of_main(BY_BARE_FORK, count, "bare");
            break;
        }
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < run->threads; i++)
        pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; i < run->threads; i++) {
        for (int j = 0; j < SLOTS; j++)
            door->free(atomic_exchange(&workers[i].slots[j].block, NULL));
    }
    RUN_EXPECT(0, door->check(), "the parent's heap does not hold");
    struct ashlar_stats after = doors_stats(door);
    if (strcmp(door->name, "ashlar") == 0) /* else stdio and threads allocate from it as well */
        RUN_EXPECT(0, after.allocated_bytes == before.allocated_bytes,
                   "allocated was %zu bytes at the start and is %zu at the end",
                   before.allocated_bytes, after.allocated_bytes);
    printf("%d forks\n", atomic_load(&forks_done));
    return RUN_PASS;
}

const struct scenario scenario_forkstorm = {
    .name = "forkstorm",
    .summary = "1000 forks (or --ops) while threads allocate; children use all of the heap",
    .variants = "main|worker|signal|bare",
    .default_secs = 60,
    .default_threads = 8,
    .run = run_forkstorm,
};

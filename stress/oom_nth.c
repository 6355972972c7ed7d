/* oom_nth.c: every system call for memory fails once. For each script and every n, a fresh process
 * in which exactly call n fails; then all calls from n on; then calls at random (fault.h).
 *
 *     script            blocks of many sizes under the fault: a failure must be NULL and ENOMEM,
 * and the contents of all other blocks must hold heal, script      the same again without a fault:
 * now nothing may fail afterwards        the heap's invariants hold, nothing is allocated, no
 * mapping is lost
 *
 * One case alone: ASHLAR_STRESS_FAULT=nth:5 ashlar-stress oom-nth --variant large --seed 1
 */
#include "fault.h"
#include "memory.h"
#include "scenario.h"
#include "sizes.h"
#include "tag.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { NOT_REACHED = 3 }; /* exit status of a case that passed because the fault never came */
enum { SLOTS = 4000, LARGE_SLOTS = 12, SCRIPT_THREADS = 3 };

struct entry {
    char *block;
    size_t size;
    uint64_t key;
};

static const struct doors *door;
static bool may_fail;          /* the fault is armed */
static atomic_ullong failures; /* allocations that gave NULL */

struct script {
    unsigned thread;
    uint64_t step;
    struct entry *entries;
    size_t nentries;
};

/* Passes the result on after having judged a NULL. */
static char *judged(struct script *s, void *block, size_t size)
{
    if (block == NULL) {
        int code = errno;
        RUN_EXPECT(s->thread, may_fail, "no memory for %zu bytes without a fault (errno %d)", size,
                   code);
        RUN_EXPECT(s->thread, code == ENOMEM, "NULL for %zu bytes with errno %d", size, code);
        atomic_fetch_add(&failures, 1);
    }
    return block;
}

static void put(struct script *s, struct entry *e, char *block, size_t size)
{
    *e = (struct entry){block, size, mix64(the_run.seed ^ mix64(s->step) ^ s->thread)};
    if (block != NULL)
        tag_write(block, size, e->key, false);
}

static void check_entry(struct script *s, const struct entry *e, size_t visible)
{
    size_t offset;
    RUN_EXPECT(s->thread, tag_holds(e->block, e->size, visible, e->key, false, &offset),
               "block %p of %zu bytes was changed at offset %zu", (void *)e->block, e->size,
               offset);
}

static void step_allocate(struct script *s, struct entry *e, struct rng *rng, size_t size)
{
    uint64_t kind = rng_below(rng, 8);
    size_t offset;
    void *block = NULL;
    run_note(s->thread, s->step, "allocate", NULL, size, kind);
    errno = 0;
    if (kind == 0) {
        block = judged(s, door->calloc(1, size), size);
        RUN_EXPECT(s->thread, block == NULL || tag_is_zero(block, size, s->step, false, &offset),
                   "calloc of %zu bytes is not zero at offset %zu", size, offset);
    } else if (kind == 1) {
        block = judged(s, door->memalign((size_t)16 << rng_below(rng, 18), size), size);
    } else if (kind == 2) {
        int code = door->posix_memalign(&block, 4096, size);
        RUN_EXPECT(s->thread,
                   code == 0 || (code == ENOMEM && may_fail && block == NULL && errno == 0),
                   "posix_memalign gave %d, errno %d, pointer %p", code, errno, block);
    } else {
        block = judged(s, door->malloc(size), size);
    }
    put(s, e, block, size);
}

static void step_free(struct script *s, struct entry *e)
{
    check_entry(s, e, e->size);
    run_note(s->thread, s->step, "free", e->block, e->size, 0);
    errno = EDOM;
    door->free(e->block);
    RUN_EXPECT(s->thread, errno == EDOM, "free set errno to %d", errno);
    e->block = NULL;
}

static void step_realloc(struct script *s, struct entry *e, size_t size)
{
    run_note(s->thread, s->step, "realloc", e->block, e->size, size);
    errno = 0;
    char *block = judged(s, door->realloc(e->block, size), size);
    if (block == NULL) {
        check_entry(s, e, e->size); /* a failed realloc has touched nothing */
        return;
    }
    struct entry moved = {block, e->size, e->key};
    check_entry(s, &moved, size < e->size ? size : e->size);
    put(s, e, block, size);
}

static size_t draw_large(struct rng *rng)
{
    return rng_below(rng, 4) == 0 ? (3 << 20) + (size_t)rng_below(rng, 5 << 20)
                                  : 16384 + (size_t)rng_log(rng, 21);
}

static void free_all(struct script *s)
{
    for (size_t i = 0; i < s->nentries; i++, s->step++) {
        if (s->entries[i].block != NULL)
            step_free(s, &s->entries[i]);
    }
}

/* Blocks of every small size, enough for some chunks; half go and come again. */
static void script_small(struct script *s, size_t nslots)
{
    s->nentries = nslots;
    for (size_t i = 0; i < nslots * 2; i++, s->step++) {
        struct rng rng = rng_at(the_run.seed, s->thread, s->step);
        struct entry *e = &s->entries[i < nslots ? i : rng_below(&rng, nslots)];
        if (e->block == NULL)
            step_allocate(s, e, &rng, (size_t)rng_log(&rng, 13));
        else if (rng_below(&rng, 4) == 0)
            step_realloc(s, e, (size_t)rng_log(&rng, 13));
        else
            step_free(s, e);
    }
    free_all(s);
    doors_purge(door);
}

/* Large and huge blocks that grow, shrink and move, with purges between. */
static void script_large(struct script *s, size_t nsteps)
{
    s->nentries = LARGE_SLOTS;
    for (size_t i = 0; i < nsteps; i++, s->step++) {
        struct rng rng = rng_at(the_run.seed, s->thread, s->step);
        struct entry *e = &s->entries[rng_below(&rng, LARGE_SLOTS)];
        size_t size = draw_large(&rng);
        if (e->block == NULL)
            step_allocate(s, e, &rng, size);
        else if (rng_below(&rng, 3) == 0)
            step_free(s, e);
        else
            step_realloc(s, e, rng_below(&rng, 2) == 0 ? e->size * 3 / 2 + 1 : size);
        if (i % 32 == 31)
            doors_purge(door);
    }
    free_all(s);
    doors_purge(door);
}

static _Atomic(struct entry *) market[16]; /* whole entries, in the stress's own memory */

static void *script_thread(void *arg)
{
    struct script s = {.thread = (unsigned)(uintptr_t)arg};
    size_t bytes = SLOTS * sizeof *s.entries;
    s.entries = memory_map(bytes);
    script_small(&s, SLOTS / 16);
    script_large(&s, 16);
    /* A block of this thread outlives it, and one of another thread dies here. */
    struct entry *mine = memory_map(sizeof *mine);
    struct rng rng = rng_at(the_run.seed, s.thread, s.step);
    step_allocate(&s, mine, &rng, 1000);
    struct entry *theirs = atomic_exchange(&market[rng_below(&rng, 16)], mine);
    if (theirs != NULL && theirs->block != NULL)
        step_free(&s, theirs);
    memory_unmap(s.entries, bytes);
    return NULL;
}

static void script_threads(void)
{
    struct script s = {.thread = SCRIPT_THREADS};
    for (int round = 0; round < 2; round++)
        run_threads(&the_run, SCRIPT_THREADS, script_thread);
    for (int i = 0; i < 16; i++) {
        struct entry *left = atomic_exchange(&market[i], NULL);
        if (left != NULL && left->block != NULL)
            step_free(&s, left);
    }
}

static void run_script(const char *name)
{
    struct script s = {.thread = 0};
    s.entries = memory_map(SLOTS * sizeof *s.entries);
    if (strcmp(name, "small") == 0)
        script_small(&s, SLOTS);
    else if (strcmp(name, "large") == 0)
        script_large(&s, 120);
    else
        script_threads();
    memory_unmap(s.entries, SLOTS * sizeof *s.entries);
}

/* One case in this process, which the environment has armed. */
static int run_case(struct run *run)
{
    alarm(30);
    size_t mapped_start = memory_mapped_bytes();
    struct ashlar_stats start = doors_stats(door);
    may_fail = true;
    run_script(run->variant);
    fault_heal();
    may_fail = false;
    RUN_EXPECT(0, door->check(), "the heap's invariants do not hold after the fault");
    struct ashlar_stats faulted = doors_stats(door);
    RUN_EXPECT(0, faulted.allocated_bytes == start.allocated_bytes,
               "%zu bytes are allocated after the script, %zu before", faulted.allocated_bytes,
               start.allocated_bytes);
    run_script(run->variant);
    RUN_EXPECT(0, door->check(), "the heap's invariants do not hold after healing");
    struct ashlar_stats healed = doors_stats(door);
    RUN_EXPECT(0, healed.allocated_bytes == start.allocated_bytes,
               "%zu bytes are allocated after healing, %zu before", healed.allocated_bytes,
               start.allocated_bytes);
    /* Address space that the allocator does not know of is lost. An end that munmap refused to take
     * is one chunk at most; threads leave the C library's stacks and arenas behind. */
    size_t mapped = memory_mapped_bytes() - mapped_start, slack = 4 << 20;
    slack += fault_injected() * 2 * SIZES_CHUNK;
    if (strcmp(run->variant, "threads") != 0 && !memory_is_shared())
        RUN_EXPECT(0, mapped <= healed.mapped_bytes + slack,
                   "%zu KiB are mapped, the allocator knows of %zu KiB", mapped >> 10,
                   healed.mapped_bytes >> 10);
    return fault_injected() > 0 ? RUN_PASS : NOT_REACHED;
}

/* Starts a case in a process of its own and gives its exit status. */
static int spawn_case(struct run *run, const char *script, const char *fault)
{
    char variable[80], seed[32];
    snprintf(variable, sizeof variable, FAULT_VARIABLE "=%s", fault);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)run->seed);
    char *argv[] = {run->argv[0], "oom-nth", "--variant",   (char *)(uintptr_t)script,
                    "--seed",     seed,      "--allocator", (char *)(uintptr_t)run->door->name,
                    NULL};
    enum { ENV_MAX = 512 };
    char *envp[ENV_MAX];
    int count = 0;
    for (char **at = environ; *at != NULL && count < ENV_MAX - 2; at++)
        envp[count++] = *at;
    envp[count++] = variable;
    envp[count] = NULL;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int status = 0, code = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, envp);
    posix_spawn_file_actions_destroy(&actions);
    RUN_EXPECT(0, code == 0, "cannot start a case: %s", strerror(code));
    RUN_EXPECT(0, waitpid(pid, &status, 0) == pid, "cannot wait for a case");
    atomic_fetch_add(&run->operations, 1);
    RUN_EXPECT(0,
               WIFEXITED(status) &&
                   (WEXITSTATUS(status) == RUN_PASS || WEXITSTATUS(status) == NOT_REACHED),
               "script %s with fault %s ended with wait status 0x%x", script, fault,
               (unsigned)status);
    return WEXITSTATUS(status);
}

/* All n of one script. Returns how many calls it makes. */
static uint64_t every_call(struct run *run, const char *script, const char *form)
{
    char fault[40];
    for (uint64_t n = 1;; n++) {
        snprintf(fault, sizeof fault, "%s:%llu", form, (unsigned long long)n);
        run_note(0, n, form, script, n, 0);
        if (spawn_case(run, script, fault) == NOT_REACHED)
            return n - 1;
    }
}

static void one_script(struct run *run, const char *script)
{
    char fault[60];
    uint64_t nth = every_call(run, script, "nth"), from = every_call(run, script, "from");
    RUN_EXPECT(0, nth > 0 && from > 0, "script %s makes no system call at all", script);
    for (uint64_t i = 0; i < 20; i++) {
        snprintf(fault, sizeof fault, "random:%llu:%d", (unsigned long long)(run->seed + i),
                 i % 2 ? 500 : 100);
        spawn_case(run, script, fault);
    }
    printf("%s: every call failed alone (%llu), with all after it (%llu), and 20 times at random\n",
           script, (unsigned long long)nth, (unsigned long long)from);
}

static int run_oom_nth(struct run *run)
{
    static const char *const scripts[] = {"small", "large", "threads"};
    const char *fault = getenv(FAULT_VARIABLE);
    door = run->door;
    if (strcmp(door->name, "ashlar") != 0)
        return run_skip(run,
                        "only the calls of the allocator that is linked in can be made to fail");
    if (fault != NULL) {
        if (fault_is_valid(fault) && strcmp(run->variant, "all") != 0)
            return run_case(run);
        fprintf(stderr,
                "ashlar-stress: %s=%s needs a form nth:N, from:N or random:SEED:PER_MILLE "
                "and --variant SCRIPT\n",
                FAULT_VARIABLE, fault);
        return RUN_USAGE;
    }
    for (int i = 0; i < 3; i++) {
        if (strcmp(run->variant, "all") == 0 || strcmp(run->variant, scripts[i]) == 0)
            one_script(run, scripts[i]);
    }
    return RUN_PASS;
}

const struct scenario scenario_oom_nth = {
    .name = "oom-nth",
    .summary = "every system call for memory fails once, then from there on, then at random",
    .variants = "small|large|threads",
    .default_secs = 60,
    .default_threads = 1,
    .run = run_oom_nth,
};

/* process.c (test): serials of threads, epochs over forks of every kind, the clock and the CPUs. */
#include "../../os/process.h"
#include "../../os/pages.h"
#include "../../util/config.h"
#include "faults.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 50

static void boot(void)
{
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
}

static void *serial_of_thread(void *out)
{
    *(uint32_t *)out = process_thread_serial();
    return (void *)(uintptr_t)(process_thread_serial() != *(uint32_t *)out); /* stays the same */
}

static void serials_are_unique(void)
{
    pthread_t threads[THREADS];
    uint32_t serials[THREADS + 1];
    boot();
    serials[THREADS] = process_thread_serial();
    for (int i = 0; i < THREADS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, serial_of_thread, &serials[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *changed;
        pthread_join(threads[i], &changed);
        REQUIRE(!changed);
    }
    REQUIRE_EQUAL(process_thread_serial(), serials[THREADS]);
    for (int i = 0; i <= THREADS; i++) {
        REQUIRE(serials[i] != 0 && !process_serial_is_dead(serials[i]));
        for (int j = 0; j < i; j++) {
            REQUIRE(serials[i] != serials[j]);
        }
    }
    REQUIRE_EQUAL(process_epoch(), 0);
}

static void works_before_the_start(void)
{
    uint32_t serial = process_thread_serial();
    REQUIRE(serial != 0);
    boot();
    REQUIRE_EQUAL(process_thread_serial(), serial);
    REQUIRE_EQUAL(process_epoch(), 0);
}

/* What the ancestors gave out, for their descendants to compare with. */
static uint32_t parent, other, grandparent;

static void require_new_epoch(uint32_t epoch)
{
    uint32_t mine = process_thread_serial();
    REQUIRE(mine > parent && mine > other);
    REQUIRE_EQUAL(process_epoch(), epoch);
    REQUIRE(process_serial_is_dead(parent) && process_serial_is_dead(other));
    REQUIRE(!process_serial_is_dead(mine));
    REQUIRE_EQUAL(process_thread_serial(), mine);
}

static void part_grandchild(void)
{
    require_new_epoch(2);
    REQUIRE(process_serial_is_dead(grandparent));
}

static void part_child(void)
{
    require_new_epoch(1);
    uint32_t in_thread;
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, serial_of_thread, &in_thread) == 0);
    pthread_join(thread, NULL);
    REQUIRE(in_thread > process_thread_serial() && !process_serial_is_dead(in_thread));
    grandparent = parent;
    parent = process_thread_serial();
    other = in_thread;
    REQUIRE_EQUAL(unit_child(part_grandchild).exit, 0);
    REQUIRE_EQUAL(process_epoch(), 1); /* the fork of a child is nothing to its parent */
}

static void give_out_serials(void)
{
    pthread_t thread;
    parent = process_thread_serial();
    REQUIRE(pthread_create(&thread, NULL, serial_of_thread, &other) == 0);
    pthread_join(thread, NULL);
}

static void forks_start_epochs(void)
{
    boot();
    give_out_serials();
    REQUIRE_EQUAL(unit_child(part_child).exit, 0);
    REQUIRE_EQUAL(unit_child(part_child).exit, 0);
    REQUIRE_EQUAL(process_epoch(), 0);
    REQUIRE_EQUAL(process_thread_serial(), parent);
    REQUIRE(!process_serial_is_dead(parent));
}

static void require_child(pid_t pid, uint32_t epoch)
{
    int status;
    if (pid == 0) {
        require_new_epoch(epoch);
        _exit(0);
    }
    REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

/* Not only fork(), which runs handlers, but whatever copies the process. */
static void clones_start_epochs(void)
{
    boot();
    give_out_serials();
    require_child(_Fork(), 1);
    require_child((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), 1);
}

/* Where the system cannot wipe, fork() is still seen. */
static void fork_is_seen_without_wiping(void)
{
    faults.madvises_left = 0;
    errno = EDOM;
    boot();
    REQUIRE_EQUAL(errno, EDOM);
    give_out_serials();
    REQUIRE_EQUAL(unit_child(part_child).exit, 0);
}

/* The first look in a child may be that of several threads at once. */
static _Atomic unsigned ready;
static void *look_together(void *out)
{
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < 8) {
    }
    *(uint32_t *)out = process_thread_serial();
    return NULL;
}

static void part_threads_first(void)
{
    pthread_t threads[8];
    uint32_t serials[8];
    for (int i = 0; i < 8; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, look_together, &serials[i]) == 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < 8; i++) {
        REQUIRE(!process_serial_is_dead(serials[i]) && serials[i] > parent);
        for (int j = 0; j < i; j++) {
            REQUIRE(serials[i] != serials[j]);
        }
    }
    REQUIRE_EQUAL(process_epoch(), 1);
}

static void threads_settle_an_epoch_once(void)
{
    boot();
    give_out_serials();
    for (int i = 0; i < 8; i++) {
        REQUIRE_EQUAL(unit_child(part_threads_first).exit, 0);
    }
}

static void clock_is_monotonic(void)
{
    uint64_t first = process_now_ms(), last = first;
    while (last < first + 20) {
        uint64_t now = process_now_ms();
        REQUIRE(now >= last);
        last = now;
    }
    faults.clock_ms = 123456789;
    REQUIRE_EQUAL(process_now_ms(), 123456789);
}

static unsigned cpus_with(const char *quota)
{
    faults.file_text = quota;
    errno = EDOM;
    unsigned n = process_cpus();
    REQUIRE_EQUAL(errno, EDOM);
    return n;
}

static void cpus_that_may_be_used(void)
{
    cpu_set_t set;
    REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
    unsigned all = (unsigned)CPU_COUNT(&set);
    REQUIRE(process_cpus() >= 1 && process_cpus() <= all);
    REQUIRE_EQUAL(cpus_with("max 100000\n"), all);
    REQUIRE_EQUAL(cpus_with("50000 100000\n"), 1);
    REQUIRE_EQUAL(cpus_with("100000 100000\n"), 1);
    REQUIRE_EQUAL(cpus_with("100001 100000\n"), all < 2 ? all : 2);
    REQUIRE_EQUAL(cpus_with("99900000 100000\n"), all < 999 ? all : 999);
    REQUIRE_EQUAL(cpus_with("1000 100000\n"), 1);
    REQUIRE_EQUAL(cpus_with(""), all);
    REQUIRE_EQUAL(cpus_with("words"), all);
    REQUIRE_EQUAL(cpus_with("100000 0\n"), all);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set)) {
            CPU_ZERO(&set);
            CPU_SET(cpu, &set);
            break;
        }
    }
    REQUIRE(sched_setaffinity(0, sizeof set, &set) == 0);
    REQUIRE_EQUAL(cpus_with("99900000 100000\n"), 1);
}

/* The files of control groups, as pairs of a path and its contents. */
static const char *const (*group_files)[2];

static const char *group_file(const char *path)
{
    for (unsigned i = 0; group_files[i][0]; i++) {
        if (strcmp(group_files[i][0], path) == 0) {
            return group_files[i][1];
        }
    }
    return NULL;
}

static unsigned cpus_in(const char *const (*files)[2])
{
    group_files = files;
    faults.file_at = group_file;
    errno = EDOM;
    unsigned n = process_cpus();
    REQUIRE_EQUAL(errno, EDOM);
    return n;
}

#define SELF "/proc/self/cgroup"
#define V2 "/sys/fs/cgroup"
#define V1 "/sys/fs/cgroup/cpu"

/* The machine may have one CPU only; then every answer is 1, and the tests below cannot tell. */
static void quota_of_version_2(void)
{
    static const char *const of_the_group[][2] = {
        {SELF, "0::/a/b\n"}, {V2 "/a/b/cpu.max", "100000 100000\n"}, {NULL, NULL}};
    static const char *const of_the_parent[][2] = {{SELF, "0::/a/b\n"},
                                                   {V2 "/a/b/cpu.max", "max 100000\n"},
                                                   {V2 "/a/cpu.max", "50000 100000\n"},
                                                   {NULL, NULL}};
    static const char *const of_the_root[][2] = {
        {SELF, "0::/not/seen/here\n"}, {V2 "/cpu.max", "100000 100000\n"}, {NULL, NULL}};
    static const char *const outside[][2] = {
        {SELF, "0::/../b\n"}, {V2 "/../b/cpu.max", "100000 100000\n"}, {NULL, NULL}};
    static const char *const of_another[][2] = {
        {SELF, "0::/a\n"}, {V2 "/ab/cpu.max", "100000 100000\n"}, {NULL, NULL}};
    static const char *const nothing[][2] = {{NULL, NULL}};
    unsigned all = cpus_in(nothing);
    REQUIRE_EQUAL(cpus_in(of_the_group), 1);
    REQUIRE_EQUAL(cpus_in(of_the_parent), 1);
    REQUIRE_EQUAL(cpus_in(of_the_root), 1);
    REQUIRE_EQUAL(cpus_in(outside), all);
    REQUIRE_EQUAL(cpus_in(of_another), all);
}

static void quota_of_version_1(void)
{
    static const char *const one[][2] = {{SELF, "5:memory:/m\n4:cpuset:/x\n3:cpu,cpuacct:/a\n"},
                                         {V1 "/a/cpu.cfs_quota_us", "30000\n"},
                                         {V1 "/a/cpu.cfs_period_us", "100000\n"},
                                         {NULL, NULL}};
    static const char *const none[][2] = {{SELF, "3:cpuacct,cpu:/a\n"},
                                          {V1 "/a/cpu.cfs_quota_us", "-1\n"},
                                          {V1 "/a/cpu.cfs_period_us", "100000\n"},
                                          {NULL, NULL}};
    static const char *const of_the_root[][2] = {{SELF, "3:cpu:/docker/1234\n0::/\n"},
                                                 {V1 "/cpu.cfs_quota_us", "100000\n"},
                                                 {V1 "/cpu.cfs_period_us", "100000\n"},
                                                 {NULL, NULL}};
    static const char *const of_cpuset[][2] = {{SELF, "3:cpuset:/a\n"},
                                               {V1 "/a/cpu.cfs_quota_us", "30000\n"},
                                               {V1 "/a/cpu.cfs_period_us", "100000\n"},
                                               {NULL, NULL}};
    static const char *const nothing[][2] = {{NULL, NULL}};
    unsigned all = cpus_in(nothing);
    REQUIRE_EQUAL(cpus_in(one), 1);
    REQUIRE_EQUAL(cpus_in(none), all);
    REQUIRE_EQUAL(cpus_in(of_the_root), 1);
    REQUIRE_EQUAL(cpus_in(of_cpuset), all);
}

static void knows_where_it_runs(void)
{
    cpu_set_t set;
    REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
    unsigned limit = process_cpu_limit();
    REQUIRE(limit >= 1 && CPU_ISSET(limit - 1, &set));
    for (unsigned cpu = limit; cpu < CPU_SETSIZE; cpu++) {
        REQUIRE(!CPU_ISSET(cpu, &set));
    }
    CPU_ZERO(&set);
    CPU_SET(limit - 1, &set);
    REQUIRE(sched_setaffinity(0, sizeof set, &set) == 0);
    REQUIRE_EQUAL(process_cpu(), limit - 1);
    REQUIRE_EQUAL(process_cpu_limit(), limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(serials_are_unique),
        UNIT(works_before_the_start),
        UNIT(forks_start_epochs),
        UNIT(clones_start_epochs),
        UNIT(fork_is_seen_without_wiping),
        UNIT(threads_settle_an_epoch_once),
        UNIT(clock_is_monotonic),
        UNIT(cpus_that_may_be_used),
        UNIT(quota_of_version_2),
        UNIT(quota_of_version_1),
        UNIT(knows_where_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

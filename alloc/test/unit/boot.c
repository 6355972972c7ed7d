/* boot.c (test): the start happens once, whoever comes first and however many, and leaves no trace. */
#include "../../api/boot.h"
#include "../../os/mutex.h"
#include "../../os/process.h"
#include "../../thread/thread.h"
#include "../../util/conf.h"
#include "faults.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static void starts_once(void)
{
    setenv("ASHLAR_CONF", "narenas:3,confirm_conf:true", 1);
    REQUIRE(!boot_done);
    errno = EDOM;
    unit_capture();
    boot();
    REQUIRE_CONTAINS(unit_captured(), "ashlar: narenas:3\n");
    REQUIRE_EQUAL(errno, EDOM);
    REQUIRE(boot_done);
    REQUIRE_EQUAL(conf.narenas, 3);
    setenv("ASHLAR_CONF", "narenas:4,confirm_conf:true", 1);
    unit_capture();
    boot();
    boot_slow(); /* by one who saw it undone */
    REQUIRE_SAME(unit_captured(), "");
    REQUIRE_EQUAL(conf.narenas, 3);
}

static _Atomic unsigned waiting;

static void *boot_together(void *arg)
{
    atomic_fetch_add(&waiting, 1);
    while (atomic_load(&waiting) < 8) {
    }
    boot();
    return tcache_secret && conf.narenas == 2 ? NULL : arg; /* arg is not NULL */
}

static void many_start_together(void)
{
    pthread_t threads[8];
    setenv("ASHLAR_CONF", "narenas:2,x:1", 1);
    unit_capture();
    for (unsigned i = 0; i < 8; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, boot_together, &conf) == 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        void *bad;
        pthread_join(threads[i], &bad);
        REQUIRE(!bad); /* nobody goes on before it is done */
    }
    REQUIRE_SAME(unit_captured(), "ashlar: unknown option \"x:1\" from ASHLAR_CONF; ignored\n");
}

/* A zeroed block must not carry its key; and the key must not tell what protects the stack, which the
 * C library takes from the same random bytes. */
static void secret_is_secret(void)
{
    uint64_t random[2];
    boot();
    memcpy(random, (const void *)getauxval(AT_RANDOM), sizeof random);
    REQUIRE(tcache_secret % 2 == 1);
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE((tcache_secret ^ random[i]) >> 8 != 0);
        REQUIRE((tcache_secret ^ random[i]) << 8 != 0);
    }
    uint64_t zeroed[2] = {0, 0};
    REQUIRE(tcache_key(zeroed) != zeroed[1]);
}

static void part_child(void)
{
    REQUIRE_EQUAL(process_epoch(), 1);
}

static void forks_are_seen(void)
{
    boot();
    REQUIRE_EQUAL(process_epoch(), 0);
    REQUIRE_EQUAL(unit_child(part_child).exit, 0);
}

static void *have_a_cache(void *arg)
{
    REQUIRE(thread_cache());
    return arg;
}

static void caches_end_with_their_threads(void)
{
    pthread_t thread;
    struct thread_totals t;
    boot();
    REQUIRE(pthread_create(&thread, NULL, have_a_cache, NULL) == 0);
    pthread_join(thread, NULL);
    thread_totals(&t);
    REQUIRE_EQUAL(t.ncaches, 1); /* of this thread, which has just asked */
}

static void part_larger_pages(void)
{
    faults.sysconf_gives = 65536;
    boot();
}

static void larger_pages_are_refused(void)
{
    REQUIRE_ABORTS(part_larger_pages, "ashlar: built for pages of 4096 bytes, the system has pages "
                                      "of 65536; build with -DLG_PAGE=...\n");
}

/* Programs close standard error before they exit. */
static void lines_at_exit_have_their_descriptor(void)
{
    boot();
    REQUIRE_EQUAL(boot_exit_fd, STDERR_FILENO);
}

static void a_copy_is_made_for_stats_print(void)
{
    setenv("ASHLAR_CONF", "stats_print:true", 1);
    unit_capture();
    boot();
    close(STDERR_FILENO);
    REQUIRE(boot_exit_fd >= 100);
    REQUIRE(fcntl(boot_exit_fd, F_GETFD) & FD_CLOEXEC);
    REQUIRE_EQUAL(write(boot_exit_fd, "still here", 10), 10);
    REQUIRE_SAME(unit_captured(), "still here");
}

static void figures_can_go_to_a_file(void)
{
    char name[] = "/tmp/boot_unit_XXXXXX", text[100], conf_text[200];
    close(mkstemp(name));
    snprintf(conf_text, sizeof conf_text, "stats_print:true,stats_print_file:%s", name);
    setenv("ASHLAR_CONF", conf_text, 1);
    boot();
    REQUIRE(boot_exit_fd >= 100);
    REQUIRE_EQUAL(write(boot_exit_fd, "one", 3), 3);
    int fd = open(name, O_RDWR | O_APPEND);
    REQUIRE_EQUAL(write(fd, "two", 3), 3);
    REQUIRE_EQUAL(write(boot_exit_fd, "three", 5), 5); /* appended: processes share it */
    REQUIRE_EQUAL(pread(fd, text, sizeof text, 0), 11);
    REQUIRE(memcmp(text, "onetwothree", 11) == 0);
    unlink(name);
}

static void a_file_that_cannot_be_opened_is_named(void)
{
    setenv("ASHLAR_CONF", "stats_print:true,stats_print_file:/no/such/place", 1);
    unit_capture();
    boot();
    REQUIRE_SAME(unit_captured(), "ashlar: stats_print_file:/no/such/place cannot be opened (errno 2); "
                                  "standard error is used\n");
    REQUIRE(boot_exit_fd >= 100);
}

static void *into_the_stop(void *arg)
{
    boot();
    thread_cache();
    return arg;
}

/* A fork while another thread is at its first steps. */
static void part_after_a_stranded_thread(void)
{
    boot();
    REQUIRE(boot_done && thread_cache());
}

static void fork_in_the_middle(void)
{
    for (int i = 0; i < 8; i++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, into_the_stop, NULL) == 0);
        REQUIRE_EQUAL(unit_child(part_after_a_stranded_thread).exit, 0);
        pthread_join(thread, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(starts_once),
        UNIT(many_start_together),
        UNIT(secret_is_secret),
        UNIT(forks_are_seen),
        UNIT(caches_end_with_their_threads),
        UNIT(larger_pages_are_refused),
        UNIT(lines_at_exit_have_their_descriptor),
        UNIT(a_copy_is_made_for_stats_print),
        UNIT(figures_can_go_to_a_file),
        UNIT(a_file_that_cannot_be_opened_is_named),
        UNIT(fork_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

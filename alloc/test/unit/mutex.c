/* mutex.c (test): exclusion, sleepers that wake, and owners that a fork left behind. */
#include "../../os/mutex.h"
#include "../../os/pages.h"
#include "../../os/process.h"
#include "../../util/config.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 20000

static struct mutex mutex = MUTEX_INIT;

static uint32_t word(void)
{
    return atomic_load(&mutex.word);
}

static void start(pthread_t *thread, void *(*body)(void *))
{
    REQUIRE(pthread_create(thread, NULL, body, NULL) == 0);
}

static void *nothing(void *arg)
{
    return arg;
}

/* Once a thread was made, the C library does not call the process single-threaded any more. */
static void become_many(void)
{
    pthread_t thread;
    start(&thread, nothing);
    pthread_join(thread, NULL);
}

static void require_word_states(void)
{
    uint32_t mine = process_thread_serial() << 1;
    REQUIRE_EQUAL(sizeof mutex, 4);
    REQUIRE_EQUAL(word(), 0);
    REQUIRE(!mutex_is_mine(&mutex));
    REQUIRE(mutex_lock(&mutex));
    REQUIRE_EQUAL(word(), mine);
    REQUIRE(mutex_is_mine(&mutex));
    REQUIRE(!mutex_try(&mutex));
    mutex_unlock(&mutex);
    REQUIRE_EQUAL(word(), 0);
    REQUIRE(mutex_try(&mutex));
    REQUIRE_EQUAL(word(), mine);
    mutex_unlock(&mutex);
}

static void word_tells_the_owner(void)
{
    require_word_states();
    become_many();
    require_word_states();
}

static size_t counter;

static void *count(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 5 == 0) {
            while (!mutex_try(&mutex)) {
            }
        } else {
            mutex_lock(&mutex);
        }
        size_t seen = counter;
        if (i % 1000 == 0) {
            usleep(1); /* long enough for the others to sleep */
        }
        counter = seen + 1;
        mutex_unlock(&mutex);
    }
    return arg;
}

static void excludes(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        start(&threads[i], count);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    REQUIRE_EQUAL(counter, THREADS * ROUNDS);
    REQUIRE_EQUAL(word(), 0);
}

static _Atomic unsigned woken;

static void *wait_for_it(void *arg)
{
    errno = EDOM;
    bool whole = mutex_lock(&mutex);
    atomic_fetch_add(&woken, whole && errno == EDOM);
    mutex_unlock(&mutex);
    return arg;
}

static void sleepers_wake(void)
{
    pthread_t threads[THREADS];
    become_many();
    mutex_lock(&mutex);
    uint32_t mine = word();
    for (int i = 0; i < THREADS; i++) {
        start(&threads[i], wait_for_it);
    }
    while (word() == mine) {
        usleep(100);
    }
    REQUIRE_EQUAL(word(), mine | 1); /* somebody sleeps on it, and it is still mine */
    REQUIRE(mutex_is_mine(&mutex));
    usleep(2000);
    REQUIRE_EQUAL(woken, 0);
    mutex_unlock(&mutex);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    REQUIRE_EQUAL(woken, THREADS);
}

static struct mutex_waits waits;

static void *wait_and_count(void *arg)
{
    REQUIRE(mutex_lock_counted(&mutex, &waits));
    mutex_unlock(&mutex);
    return arg;
}

/* A free lock costs no waiting; sleepers are counted, each by itself, and for how long. */
static void waits_are_counted(void)
{
    pthread_t threads[THREADS];
    become_many();
    REQUIRE(mutex_lock_counted(&mutex, &waits));
    REQUIRE_EQUAL(mutex_owner(&mutex), process_thread_serial());
    REQUIRE_EQUAL(waits.spun + waits.slept + waits.ns + waits.waiting_max, 0);
    for (int i = 0; i < THREADS; i++) {
        start(&threads[i], wait_and_count);
    }
    while (atomic_load(&waits.waiting) < THREADS || !(word() & 1)) {
        usleep(100);
    }
    usleep(2000);
    mutex_unlock(&mutex);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    REQUIRE_EQUAL(waits.spun + waits.slept, THREADS);
    REQUIRE(waits.slept >= 1);
    REQUIRE_EQUAL(waits.waiting, 0);
    REQUIRE_EQUAL(waits.waiting_max, THREADS);
    REQUIRE(waits.ns_max >= 2000000 && waits.ns >= waits.ns_max);
}

static _Atomic bool held;

static void *hold_for_ever(void *arg)
{
    mutex_lock(&mutex);
    atomic_store(&held, true);
    for (;;) {
        pause();
    }
    return arg;
}

static void *sleep_on_it(void *arg)
{
    mutex_lock(&mutex);
    return arg;
}

static void leave_it_held(bool with_a_sleeper)
{
    pthread_t holder, sleeper;
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    process_thread_serial();
    start(&holder, hold_for_ever);
    while (!atomic_load(&held)) {
        usleep(100);
    }
    if (with_a_sleeper) {
        start(&sleeper, sleep_on_it);
        while (!(word() & 1)) {
            usleep(100);
        }
    }
}

static void part_takes_over(void)
{
    REQUIRE(!mutex_try(&mutex)); /* busy: its owner may have left a mess */
    REQUIRE(!mutex_lock(&mutex));
    REQUIRE(mutex_is_mine(&mutex));
    mutex_unlock(&mutex);
    REQUIRE(mutex_lock(&mutex)); /* only once */
    mutex_unlock(&mutex);
    REQUIRE(mutex_try(&mutex));
    mutex_unlock(&mutex);
}

static void dead_owner(void)
{
    leave_it_held(false);
    REQUIRE_EQUAL(unit_child(part_takes_over).exit, 0);
    REQUIRE(!mutex_try(&mutex)); /* it lives on in the parent */
}

static void dead_owner_and_sleeper(void)
{
    leave_it_held(true);
    REQUIRE_EQUAL(unit_child(part_takes_over).exit, 0);
}

static _Atomic unsigned whole, taken_over;

static void *lock_once(void *arg)
{
    atomic_fetch_add(mutex_lock(&mutex) ? &whole : &taken_over, 1);
    usleep(100);
    mutex_unlock(&mutex);
    return arg;
}

static void part_threads_take_over(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        start(&threads[i], lock_once);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    REQUIRE_EQUAL(taken_over, 1);
    REQUIRE_EQUAL(whole, THREADS - 1);
}

static void one_of_many_takes_over(void)
{
    leave_it_held(true);
    for (int i = 0; i < 10; i++) {
        REQUIRE_EQUAL(unit_child(part_threads_take_over).exit, 0);
    }
}

static void part_own_lock_over_fork(void)
{
    REQUIRE(!mutex_is_mine(&mutex)); /* the serial is a new one */
    REQUIRE(!mutex_lock(&mutex));
    mutex_unlock(&mutex);
}

/* A handler of a signal may fork while its own thread holds a lock. */
static void own_lock_over_fork(void)
{
    process_boot(pages_map(PAGE_SIZE, PAGE_SIZE));
    mutex_lock(&mutex);
    REQUIRE_EQUAL(unit_child(part_own_lock_over_fork).exit, 0);
    REQUIRE(mutex_is_mine(&mutex));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(word_tells_the_owner),
        UNIT(excludes),
        UNIT(sleepers_wake),
        UNIT(waits_are_counted),
        UNIT(dead_owner),
        UNIT(dead_owner_and_sleeper),
        UNIT(one_of_many_takes_over),
        UNIT(own_lock_over_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tuning.c: small programs whose memory shows what an option does. alloc/TUNING.md has the figures.
 *
 *     tuning burst [SECONDS]   200 MiB of 1 KiB blocks, all freed, then a little work each 50 ms
 *     tuning threads           64 threads, one after the other, use many sizes, free all and stay
 *     tuning huge              64 MiB of 1 KiB blocks, then one block of 64 MiB
 *     tuning rounds            100 times: twelve blocks of 2 MiB, written and freed
 *
 * It knows no allocator: preload one. Resident memory and huge pages are what the kernel says in
 * /proc/self/smaps_rollup, which is read without allocating; faults are those of getrusage.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
enum { THREADS = 64, THREAD_BLOCKS = 2000, BURST_BLOCKS = 200 << 10 };

/* A line `KEY:   N kB` of smaps_rollup. */
static long rollup_kib(const char *key)
{
    char text[4096];
    int fd = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (len <= 0) {
        perror("tuning: /proc/self/smaps_rollup");
        exit(2);
    }
    close(fd);
    text[len] = '\0';
    char *line = strstr(text, key);
    return line ? strtol(line + strlen(key), NULL, 10) : -1;
}

static long resident_kib(void)
{
    return rollup_kib("\nRss:");
}

static void rest_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* A block whose every page is written. */
static void *written(size_t size)
{
    void *block = malloc(size);
    if (!block) {
        fputs("tuning: out of memory\n", stderr);
        exit(2);
    }
    return memset(block, 1, size);
}

/* Pointers that live outside every heap. */
static void **table(size_t count)
{
    void *at = mmap(NULL, count * sizeof(void *), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        perror("tuning: mmap");
        exit(2);
    }
    memset(at, 0, count * sizeof(void *)); /* so that it counts before and after */
    return at;
}

static void fill(void **blocks, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        blocks[i] = written(size);
    }
}

static void drop(void **blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(blocks[i]);
    }
}

static void burst(long seconds)
{
    void **blocks = table(BURST_BLOCKS);
    long before = resident_kib();
    fill(blocks, BURST_BLOCKS, 1024);
    printf("peak_kib %ld\n", resident_kib() - before);
    drop(blocks, BURST_BLOCKS);
    printf("freed_kib %ld\n", resident_kib() - before);
    for (long ms = 0; ms < seconds * 1000; ms += 50) {
        rest_ms(50);
        fill(blocks, 200, 1024);
        drop(blocks, 200);
    }
    printf("later_kib %ld\n", resident_kib() - before);
}

static pthread_barrier_t arrived, leave;

static void *use_many_sizes(void *arg)
{
    void **blocks = arg;
    for (size_t i = 0; i < THREAD_BLOCKS; i++) {
        blocks[i] = written(16 + i * 37 % 4000);
    }
    drop(blocks, THREAD_BLOCKS);
    fill(blocks, 8, 200 << 10);
    drop(blocks, 8);
    pthread_barrier_wait(&arrived);
    pthread_barrier_wait(&leave);
    return NULL;
}

/* What 64 threads add to resident memory while they stay. They work one after the other, so that no
 * figure depends on who was faster. */
static void threads(void)
{
    pthread_t ids[THREADS];
    void **blocks = table(THREADS * THREAD_BLOCKS);
    long before = resident_kib();
    pthread_barrier_init(&arrived, NULL, 2);
    pthread_barrier_init(&leave, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&ids[i], NULL, use_many_sizes, blocks + i * THREAD_BLOCKS) != 0) {
            fputs("tuning: no thread to be had\n", stderr);
            exit(2);
        }
        pthread_barrier_wait(&arrived);
    }
    printf("staying_kib %ld\n", resident_kib() - before);
    pthread_barrier_wait(&leave);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
    }
}

static void huge(void)
{
    void **blocks = table(64 << 10);
    fill(blocks, 64 << 10, 1024);
    long small = rollup_kib("\nAnonHugePages:");
    fill(blocks, 1, 64 * MIB);
    printf("small_blocks_huge_kib %ld\n", small);
    printf("one_block_huge_kib %ld\n", rollup_kib("\nAnonHugePages:") - small);
}

static long faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void rounds(void)
{
    void *blocks[12];
    long before = faults();
    for (int round = 0; round < 100; round++) {
        fill(blocks, 12, 2 * MIB);
        drop(blocks, 12);
    }
    printf("faults %ld\nfreed_kib %ld\n", faults() - before, resident_kib());
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IONBF, 0);
    if (strcmp(what, "burst") == 0) {
        burst(argc > 2 ? atol(argv[2]) : 3);
    } else if (strcmp(what, "threads") == 0) {
        threads();
    } else if (strcmp(what, "huge") == 0) {
        huge();
    } else if (strcmp(what, "rounds") == 0) {
        rounds();
    } else {
        fprintf(stderr, "tuning: unknown '%s'; give burst, threads, huge or rounds\n", what);
        return 2;
    }
    return 0;
}

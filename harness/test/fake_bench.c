/* fake_bench.c: speaks like ashlar-bench and misbehaves on demand, so that the harness's tests
 * depend on no timing. An allocator's registry entry sets FAKE (env = FAKE=crash), so that one
 * contender fails while the other runs.
 *
 *     FAKE=crash | hang | hang-while:FILE | oom | damaged | killed | dirty | mute | refuse |
 *          slow:PER_CENT | shaky | grow:0 | grow:half | grow:1 | crash-at:SIZE |
 *          fat:PER_CENT | busy:PER_CENT | waste:PER_CENT (of pages, told with --layout)
 *          binary | flood | half | tail | babble   garbage: bytes of every value; 300 MB without a
 *                         newline; half a line; a line, a NUL and more; the bytes as last words
 *          daemon:FILE    leaves four processes behind, two of them in a session of their own, and
 *                         writes their numbers to FILE
 *          glutton        takes 256 MiB, if it gets them
 *          meet:FILE      waits until a second one runs; they meet in FILE
 *          fade:N:PER_CENT  slow until FAKE_LOG counts N runs
 *          deaf             obeys no plant
 *          slow-if:TEXT:PER_CENT  slow when the library's path has TEXT
 *          fail-below:OPS   ends badly with less work than that
 *     FAKE_LOG=FILE    appends one letter a run: a test counts the processes
 *
 * "pinned" in its result is the processor that it is pinned to, -1 for none.
 *
 * When it is watched (ASHLAR_PHASE_FD, ASHLAR_LIVE_FD) its memory is known: 32 MiB resident for
 * 16 MiB live, for 0.4 s from BEGIN on: however long a step takes on a busy machine, no reading
 * between BEGIN and DRAINED finds the one without the other. Then it gives them back; FAKE_MEMORY
 * makes it do otherwise:
 *
 *     FAKE_MEMORY=keep         keeps them
 *                 lazy         hands them back lazily (MADV_FREE): still in Rss
 *                 unmarked     announces no phases
 *                 unpublished  tells no live bytes
 *                 fail         ends with a damaged block
 *
 * The time it reports is made up: ops * 100 ns, times `slow`, with a little spread from a hash of
 * the block count that it finds in FAKE_LOG, or with a large one for `shaky`. `grow` multiplies it
 * by that power of --size, which must then be a square.
 *
 * It obeys ASHLAR_PLANT_<cell> as libashlar-planted.so does (harness/plant/plant.c), with one call
 * of the allocator an operation, and with units that cost 50 ns (stall), 100 (miss), 500 (fault),
 * or 4 KiB (leak); an `instr` is a round more of `busy`.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const list =
    "{\"name\":\"toy\",\"imitates\":\"nothing\",\"entry_points\":[\"malloc\",\"free\"]}\n"
    "{\"name\":\"paged\",\"imitates\":\"nothing\",\"entry_points\":[\"pvalloc\",\"free\"]}\n";

static void say(const char *text)
{
    if (write(1, text, strlen(text)) < 0)
        _exit(99);
}

static int refuse(const char *line, int code)
{
    dprintf(2, "ashlar-bench: %s\n", line);
    return code;
}

static const char *value_of(int argc, char **argv, const char *option, const char *otherwise)
{
    for (int i = 2; i + 1 < argc; i++)
        if (strcmp(argv[i], option) == 0)
            return argv[i + 1];
    return otherwise;
}

static bool has(int argc, char **argv, const char *option)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

/* How many runs came before this one, by the log's length. */
static long count_run(void)
{
    const char *path = getenv("FAKE_LOG");
    int fd = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0666) : -1;
    struct stat status = {.st_size = (long)getpid()};

    if (fd >= 0) {
        fstat(fd, &status);
        if (write(fd, "x", 1) != 1)
            _exit(99);
        close(fd);
    }
    return (long)status.st_size;
}

/* Says in FILE that it hangs, and does so as long as FILE is there. */
static void hang_while(const char *path)
{
    int fd = open(path, O_WRONLY);

    if (fd < 0)
        return;
    if (write(fd, "hangs\n", 6) != 6)
        _exit(99);
    close(fd);
    while (access(path, F_OK) == 0)
        usleep(10000);
}

/* The factor by which an operation costs more at this size. */
static unsigned long growth(const char *fake, unsigned long size)
{
    unsigned long root = 1;

    if (fake == NULL || strncmp(fake, "grow:", 5) != 0 || strcmp(fake, "grow:0") == 0)
        return 1;
    if (strcmp(fake, "grow:1") == 0)
        return size;
    while (root * root < size)
        root++;
    return root;
}

/* ---- garbage ---- */

#define FLOOD_BLOCKS 4800 /* of 64 KiB */

static void put(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, bytes, len);

        if (done <= 0)
            _exit(99);
        bytes += done;
        len -= (size_t)done;
    }
}

static void put_every_byte(int fd)
{
    char bytes[256];

    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    put(fd, bytes, sizeof bytes);
}

static int babble(const char *fake)
{
    static char block[65536];

    if (strcmp(fake, "binary") == 0) {
        put_every_byte(1);
        put_every_byte(2);
        return 0;
    }
    if (strcmp(fake, "flood") == 0) {
        memset(block, 'x', sizeof block);
        for (int i = 0; i < FLOOD_BLOCKS; i++)
            put(1, block, sizeof block);
        return 0;
    }
    if (strcmp(fake, "half") == 0) {
        say("{\"schema\":\"ashlar-bench-1\",\"elapsed_ns\":12");
        return 0;
    }
    if (strcmp(fake, "tail") == 0) {
        say("{\"elapsed_ns\":1000,\"vmhwm_kib\":1000}\n");
        put(1, "\0more", 5);
        return 0;
    }
    if (strcmp(fake, "babble") == 0) {
        put_every_byte(2);
        return 3;
    }
    return -1;
}

/* ---- company ---- */

/* Writes its number to the file, lets go of `told`, and stays. */
static void stay(const char *path, int told)
{
    char line[32];
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);

    snprintf(line, sizeof line, "%d\n", (int)getpid());
    put(fd, line, strlen(line));
    close(fd);
    close(told);
    for (;;)
        pause();
}

/* An orphan with a child: in this group with this output, or in a session of its own without. */
static void leave_behind(const char *path, bool own_session)
{
    int told[2];
    char none;

    if (pipe(told) != 0)
        _exit(99);
    if (fork() == 0) {
        close(told[0]);
        if (own_session) {
            setsid();
            close(1);
            close(2);
        }
        if (fork() != 0)
            _exit(0);
        fork();
        stay(path, told[1]);
    }
    close(told[1]);
    wait(NULL);
    if (read(told[0], &none, 1) != 0) /* until both have let go */
        _exit(99);
    close(told[0]);
}

/* With an odd number of letters in the file one is waiting for another. */
static void meet(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0666);
    struct stat status;

    put(fd, "x", 1);
    do
        usleep(1000);
    while (fstat(fd, &status) == 0 && status.st_size % 2 != 0);
    close(fd);
}

static int eat(void)
{
    const size_t bite = (size_t)8 << 20;

    for (int i = 0; i < 32; i++) {
        void *memory = mmap(NULL, bite, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return refuse("no memory for another bite", 4);
        memset(memory, 1, bite);
    }
    return -1;
}

static int pinned(void)
{
    cpu_set_t set;
    int cpu = 0;

    if (sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) != 1)
        return -1;
    while (!CPU_ISSET((size_t)cpu, &set))
        cpu++;
    return cpu;
}

static int misbehave(const char *fake, const char *size, unsigned long ops)
{
    if (strncmp(fake, "fail-below:", 11) == 0 && ops < strtoul(fake + 11, NULL, 10))
        return refuse("too little work", 1);
    if (strncmp(fake, "crash-at:", 9) == 0 && strcmp(fake + 9, size) == 0)
        raise(SIGSEGV);
    if (strcmp(fake, "crash") == 0)
        raise(SIGSEGV);
    if (strcmp(fake, "killed") == 0)
        raise(SIGKILL);
    if (strcmp(fake, "hang") == 0)
        for (;;)
            pause();
    if (strncmp(fake, "hang-while:", 11) == 0)
        hang_while(fake + 11);
    if (strcmp(fake, "oom") == 0)
        return refuse("no memory for block 17", 4);
    if (strcmp(fake, "damaged") == 0)
        return refuse("block 17 was damaged", 1);
    if (strcmp(fake, "refuse") == 0)
        return refuse("I will not", 3);
    if (strcmp(fake, "mute") == 0)
        return 0;
    if (strcmp(fake, "glutton") == 0)
        return eat();
    if (strncmp(fake, "meet:", 5) == 0)
        meet(fake + 5);
    if (strncmp(fake, "daemon:", 7) == 0) {
        leave_behind(fake + 7, false);
        leave_behind(fake + 7, true);
    }
    return babble(fake);
}

/* ---- memory that is known ---- */

#define HELD_BYTES ((size_t)32 << 20)
#define CHUNK_BYTES ((size_t)1 << 20)
#define HELD_MS 400

enum phase { READY, BEGIN, ACTIVE, DRAINED, IDLE, END };

static bool does(const char *what)
{
    const char *memory = getenv("FAKE_MEMORY");

    return memory != NULL && strcmp(memory, what) == 0;
}

static void announce(enum phase phase)
{
    struct timespec now;
    struct {
        unsigned phase, thread;
        unsigned long long ns;
    } record = {phase, 0, 0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    record.ns = (unsigned long long)now.tv_sec * 1000000000 + (unsigned long long)now.tv_nsec;
    if (!does("unmarked") &&
        write(atoi(getenv("ASHLAR_PHASE_FD")), &record, sizeof record) != sizeof record)
        _exit(99);
}

/* total, peak and pid stand 128 bytes apart. */
static volatile long long *live_page(void)
{
    volatile long long *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(getenv("ASHLAR_LIVE_FD")), 0);

    if (page == MAP_FAILED)
        _exit(99);
    if (!does("unpublished"))
        page[32] = getpid();
    return page;
}

static void use_memory(unsigned idle_ms)
{
    volatile long long *page = live_page();
    char *held = mmap(NULL, HELD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    announce(READY);
    for (size_t done = 0; done < HELD_BYTES; done += CHUNK_BYTES) {
        memset(held + done, 1, CHUNK_BYTES);
        page[0] += CHUNK_BYTES / 2;
    }
    page[16] = page[0];
    announce(BEGIN);
    announce(ACTIVE);
    usleep(HELD_MS * 1000);
    page[0] = 0;
    if (does("lazy"))
        madvise(held, HELD_BYTES, MADV_FREE);
    else if (!does("keep"))
        munmap(held, HELD_BYTES);
    announce(DRAINED);
    announce(IDLE);
    usleep(idle_ms * 1000);
    announce(END);
}

/* TEXT:PER_CENT */
static unsigned long slowness_if(const char *rule)
{
    const char *library = getenv("LD_PRELOAD"), *colon = strrchr(rule, ':');
    char text[256] = "";

    if (library == NULL || colon == NULL || colon - rule >= (long)sizeof text)
        _exit(99);
    memcpy(text, rule, (size_t)(colon - rule));
    return strstr(library, text) != NULL ? strtoul(colon + 1, NULL, 10) : 0;
}

/* Units of that kind an operation; 0: none are planted. */
static double planted(const char *kind)
{
    const char *cell = getenv("ASHLAR_CELL"), *fake = getenv("FAKE"), *order;
    char name[64], what[8];
    double burst, period;

    if (cell == NULL || (fake != NULL && strcmp(fake, "deaf") == 0) ||
        snprintf(name, sizeof name, "ASHLAR_PLANT_%s", cell) >= (int)sizeof name)
        return 0;
    order = getenv(name);
    if (order == NULL)
        return 0;
    if (sscanf(order, "%7[a-z]:%lf:%lf", what, &burst, &period) != 3)
        _exit(99);
    return strcmp(what, kind) == 0 ? burst / period : 0;
}

/* By how many per cent it is slower than usual, after so many runs. */
static unsigned long slowness(const char *fake, long runs)
{
    char *end;
    long until;

    if (strncmp(fake, "slow:", 5) == 0)
        return strtoul(fake + 5, NULL, 10);
    if (strncmp(fake, "slow-if:", 8) == 0)
        return slowness_if(fake + 8);
    if (strncmp(fake, "fade:", 5) != 0)
        return 0;
    until = strtol(fake + 5, &end, 10);
    return runs < until && *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
}

/* Instructions that follow the work alone: ops rounds, and so many per cent more. */
static void be_busy(unsigned long ops, unsigned long more)
{
    volatile unsigned long round =
        ops * (100 + more) / 100 * 10 + (unsigned long)((double)ops * planted("instr"));

    while (round > 0)
        round--;
}

/* What --layout adds to the result; "" without it. */
static const char *layout(bool wanted, const char *fake, char text[128])
{
    int waste = fake != NULL && strncmp(fake, "waste:", 6) == 0 ? atoi(fake + 6) : 20;

    snprintf(text, 128, ",\"layout\":{\"page_waste\":0.%02d,\"internal_waste\":0.1}", waste);
    return wanted ? text : "";
}

static void print_result(const char *workload, const char *threads, unsigned long ops,
                         const char *size, const char *fake, bool null, bool describe,
                         bool with_layout)
{
    bool idle = describe || null;
    long runs = idle ? 0 : count_run();
    long spread = fake != NULL && strcmp(fake, "shaky") == 0 ? 97 : 2;
    unsigned long noise = (unsigned long)(runs * 7919 % spread);
    unsigned long slow = fake != NULL && !idle ? slowness(fake, runs) : 0;
    unsigned long ns =
        ops * (100 + slow) * (100 + noise) / 100 * growth(fake, strtoul(size, NULL, 10));
    double planted_ns = 50 * planted("stall") + 100 * planted("miss") + 500 * planted("fault");
    int leak_kib = null ? 0 : (int)(4 * planted("leak") * (double)ops);
    int fat = fake != NULL && strncmp(fake, "fat:", 4) == 0 ? atoi(fake + 4) : 0;
    char line[1024], text[128];

    ns += idle ? 0 : (unsigned long)((double)ops * planted_ns);
    snprintf(
        line, sizeof line,
        "{\"schema\":\"%s\",\"workload\":\"%s\",\"params\":\"toy=1\",\"threads\":%s,\"seed\":1,"
        "\"ops\":%lu,\"entry_points\":[\"%s\",\"free\"],\"elapsed_ns\":%lu,\"vmhwm_kib\":%d,"
        "\"null\":%s,\"pinned\":%d,\"check_failures\":%d%s}\n",
        describe ? "ashlar-bench-describe-1" : "ashlar-bench-1", workload, threads, ops,
        strcmp(workload, "paged") == 0 ? "pvalloc" : "malloc", ns,
        null ? 1000 : 1000 + 19000 * (100 + fat) / 100 + leak_kib, null ? "true" : "false",
        pinned(), fake != NULL && strcmp(fake, "dirty") == 0 && !null ? 3 : 0,
        layout(with_layout, fake, text));
    say(line);
}

int main(int argc, char **argv)
{
    const char *fake = getenv("FAKE");
    bool describe = has(argc, argv, "--describe"), null = has(argc, argv, "--null");
    const char *size = value_of(argc, argv, "--size", "1");
    unsigned long ops = strtoul(value_of(argc, argv, "--ops", "1000"), NULL, 10);
    int code;

    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        say(list);
        return 0;
    }
    if (argc < 2 || (strcmp(argv[1], "toy") != 0 && strcmp(argv[1], "paged") != 0)) {
        char line[256];

        snprintf(line, sizeof line, "unknown workload '%s'; choose one of toy, paged",
                 argc > 1 ? argv[1] : "");
        return refuse(line, 2);
    }
    if (has(argc, argv, "--colour"))
        return refuse("toy: unknown option '--colour'; 'ashlar-bench toy --help' lists the options",
                      2);
    if (fake != NULL && !describe && !null && (code = misbehave(fake, size, ops)) >= 0)
        return code;
    if (getenv("ASHLAR_PHASE_FD") != NULL && !describe && !null) {
        if (does("fail"))
            return refuse("block 17 was damaged", 1);
        use_memory((unsigned)atoi(value_of(argc, argv, "--idle-ms", "0")));
    }
    if (fake != NULL && strncmp(fake, "busy:", 5) == 0 && !describe && !null)
        be_busy(ops, strtoul(fake + 5, NULL, 10));
    print_result(argv[1], value_of(argc, argv, "--threads", "1"), ops, size, fake, null, describe,
                 has(argc, argv, "--layout"));
    return 0;
}

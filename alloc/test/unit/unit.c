/* unit.c: see unit.h. */
#include "unit.h"
#include "faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_MAX 60 /* a body that takes longer hangs; it is ended by SIGALRM */
enum { FAILED = 99 };  /* the exit status of a child whose REQUIRE failed */

static int failures = -1; /* the file of failures, shared by all descendants of a test */
static int real_stderr = -1, captured_fd = -1;

/* Only in a build that counts coverage. What ends by _exit or by a signal must write its counts itself,
 * and must find the true system calls for that. */
extern void __gcov_dump(void) __attribute__((weak));

static void write_counts(int signal_number)
{
    (void)signal_number;
    if (__gcov_dump) {
        faults_none();
        __gcov_dump();
    }
}

static _Noreturn void leave(int status)
{
    write_counts(0);
    _exit(status);
}

_Noreturn void unit_fail(const char *file, int line, const char *what)
{
    dprintf(failures, "%s:%d: %s\n", file, line, what);
    leave(FAILED);
}

void unit_equal(uintmax_t have, uintmax_t want, const char *file, int line, const char *what)
{
    char text[512];
    if (have != want) {
        snprintf(text, sizeof text, "%s: %ju is not %ju (0x%jx, 0x%jx)", what, have, want, have,
                 want);
        unit_fail(file, line, text);
    }
}

void unit_contains(const char *text, const char *part, const char *file, int line)
{
    char what[1024];
    if (!strstr(text, part)) {
        snprintf(what, sizeof what, "\"%s\" is not in \"%.800s\"", part, text);
        unit_fail(file, line, what);
    }
}

void unit_same(const char *have, const char *want, const char *file, int line)
{
    char what[1024];
    if (strcmp(have, want) != 0) {
        snprintf(what, sizeof what, "\"%.480s\" is not \"%.480s\"", have, want);
        unit_fail(file, line, what);
    }
}

static int new_file(void)
{
    int fd = memfd_create("unit", MFD_CLOEXEC);
    if (fd < 0) {
        perror("memfd_create");
        exit(2);
    }
    return fd;
}

static void read_file(int fd, char *text, size_t size)
{
    ssize_t len = pread(fd, text, size - 1, 0);
    text[len > 0 ? len : 0] = '\0';
}

void unit_capture(void)
{
    captured_fd = new_file();
    real_stderr = dup(STDERR_FILENO);
    dup2(captured_fd, STDERR_FILENO);
}

const char *unit_captured(void)
{
    static char text[16384];
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    read_file(captured_fd, text, sizeof text);
    close(captured_fd);
    return text;
}

/* cmocka catches the signals of a crash; in a child they must end it, without a core file. */
static void be_a_child(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGABRT};
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        signal(crashes[i], SIG_DFL);
    }
    if (__gcov_dump) {
        signal(SIGABRT, write_counts); /* returns, and abort ends the process as ever */
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    alarm(SECONDS_MAX);
}

static void end_of(pid_t pid, struct unit_end *end)
{
    int status = 0;
    waitpid(pid, &status, 0);
    end->exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

void unit_run(void **state)
{
    const struct unit_body *body = *state;
    struct unit_end end;
    failures = new_file();
    fflush(NULL); /* a child that ends by exit() would write it again */
    pid_t pid = fork();
    if (pid == 0) {
        be_a_child();
        body->run();
        leave(0);
    }
    end_of(pid, &end);
    read_file(failures, end.text, sizeof end.text);
    close(failures);
    if (end.signal) {
        fail_msg("%sdied by signal %d (%s)", end.text, end.signal, strsignal(end.signal));
    }
    if (end.exit != 0) {
        fail_msg("%s", end.text);
    }
}

struct unit_end unit_child(void (*part)(void))
{
    struct unit_end end;
    int fd = new_file();
    pid_t pid = fork();
    if (pid == 0) {
        be_a_child();
        dup2(fd, STDERR_FILENO);
        part();
        leave(0);
    }
    end_of(pid, &end);
    read_file(fd, end.text, sizeof end.text);
    close(fd);
    if (end.exit == FAILED) {
        leave(FAILED); /* the failure is written down already */
    }
    return end;
}

void unit_aborts(void (*part)(void), const char *text, const char *file, int line)
{
    struct unit_end end = unit_child(part);
    unit_same(end.text, text, file, line);
    unit_equal((uintmax_t)end.signal, SIGABRT, file, line, "signal == SIGABRT");
}

void unit_deterministic(void (*part)(void))
{
    struct unit_end one = unit_child(part);
    /* The second finds other addresses free: the system fills this hole before it maps lower. */
    void *hole = mmap(NULL, (size_t)3 << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(hole != MAP_FAILED);
    struct unit_end two = unit_child(part);
    munmap(hole, (size_t)3 << 30);
    REQUIRE_EQUAL(one.signal, 0);
    REQUIRE(one.text[0]);
    REQUIRE_SAME(two.text, one.text);
}

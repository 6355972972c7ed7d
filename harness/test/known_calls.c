/* known_calls.c: calls getppid so often that everybody can say how often, wherever a tracer could
 * lose sight of it.
 *
 *     known-calls N       N times each in the main thread, in three threads, in a forked child, in
 *                         a program that a vforked child becomes, and after a signal that stopped
 *                         the whole process: 7 N in all, and N times getpgrp beside them
 *     known-calls N here  N times, in the main thread alone
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 3

extern char **environ;

static long times;

static void call(long number)
{
    for (long i = 0; i < times; i++)
        syscall(number);
}

static void *call_in_thread(void *unused)
{
    call(SYS_getppid);
    return unused;
}

static void wait_for(pid_t child)
{
    int status;

    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        _exit(1);
}

static void call_in_threads(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, call_in_thread, NULL) != 0)
            _exit(1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void call_in_children(char *self, char *n)
{
    char *argv[] = {self, n, "here", NULL};
    pid_t child = fork();

    if (child == 0) {
        call(SYS_getppid);
        _exit(0);
    }
    wait_for(child);
    if (posix_spawn(&child, self, NULL, NULL, argv, environ) != 0)
        _exit(1);
    wait_for(child);
}

/* A child says "go on" every 10 ms until the pipe tells that we did. */
static void call_after_a_stop(void)
{
    int done[2];
    pid_t child, parent = getpid();

    if (pipe(done) != 0)
        _exit(1);
    child = fork();
    if (child == 0) {
        struct pollfd end = {.fd = done[0]};

        close(done[1]);
        while (poll(&end, 1, 10) == 0)
            kill(parent, SIGCONT);
        _exit(0);
    }
    kill(parent, SIGSTOP);
    call(SYS_getppid);
    close(done[1]);
    wait_for(child);
    close(done[0]);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    times = atol(argv[1]);
    call(SYS_getppid);
    if (argc > 2 && strcmp(argv[2], "here") == 0)
        return 0;
    call(SYS_getpgrp);
    call_in_threads();
    call_in_children(argv[0], argv[1]);
    call_after_a_stop();
    return 0;
}

/* trace.c: see trace.h. Linked into ashlar-launch, which counts, and into ashlar, which asks
 * beforehand whether that will do.
 */
#include "process/trace.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* By the kernel's numbers, made from <sys/syscall.h> when this was built. */
static const char *const names[] = {
#include <syscall_names.inc>
};

#define NAMES (sizeof names / sizeof names[0])

/* Calls that have no name here: of a younger kernel than the headers. */
#define NAMELESS "other"

static uint64_t counts[NAMES];
static uint64_t count_nameless;

bool trace_seize(pid_t child)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

    return ptrace(PTRACE_SEIZE, child, NULL, (void *)options) == 0;
}

/* The stop at a call's exit looks the same from outside; the kernel knows which one it is. */
static void count_entry(pid_t thread)
{
    struct __ptrace_syscall_info info;
    long len = ptrace(PTRACE_GET_SYSCALL_INFO, thread, (void *)sizeof info, &info);

    if (len < (long)offsetof(struct __ptrace_syscall_info, entry.args) ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return;
    if (info.entry.nr < NAMES && names[info.entry.nr] != NULL)
        counts[info.entry.nr]++;
    else
        count_nameless++;
}

static bool stops_the_group(int sig)
{
    return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

void trace_answer(pid_t thread, int status)
{
    int event = status >> 16, sig;

    if (!WIFSTOPPED(status))
        return; /* a thread or a child has ended */
    sig = WSTOPSIG(status);
    if (event == PTRACE_EVENT_STOP && stops_the_group(sig)) {
        ptrace(PTRACE_LISTEN, thread, NULL, NULL); /* stays stopped until its SIGCONT */
        return;
    }
    if (sig == (SIGTRAP | 0x80))
        count_entry(thread);
    if (sig == (SIGTRAP | 0x80) || event != 0)
        sig = 0; /* else it is a signal on its way to the program */
    ptrace(PTRACE_SYSCALL, thread, NULL, (void *)(long)sig);
}

void trace_each(void (*put)(void *context, const char *name, uint64_t calls), void *context)
{
    for (size_t i = 0; i < NAMES; i++)
        if (counts[i] > 0)
            put(context, names[i], counts[i]);
    if (count_nameless > 0)
        put(context, NAMELESS, count_nameless);
}

/* ---- beforehand ---- */

/* Seizes and stops a child that does nothing, and asks what a count asks. */
static int try_on(pid_t child)
{
    struct __ptrace_syscall_info info;
    int status;

    if (!trace_seize(child) || ptrace(PTRACE_INTERRUPT, child, NULL, NULL) != 0)
        return errno;
    while (waitpid(child, &status, __WALL) < 0)
        if (errno != EINTR)
            return errno;
    if (!WIFSTOPPED(status))
        return ESRCH;
    return ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof info, &info) > 0 ? 0 : errno;
}

const char *trace_problem(void)
{
    static char text[160];
    static bool tried;
    int error;
    pid_t child;

    if (tried)
        return text[0] != '\0' ? text : NULL;
    tried = true;
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    error = child > 0 ? try_on(child) : errno;
    if (child > 0) {
        kill(child, SIGKILL);
        while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
            continue;
    }
    if (error == EIO)
        snprintf(text, sizeof text, "this kernel is older than 5.3");
    else if (error != 0)
        snprintf(text, sizeof text, "ptrace: %s", strerror(error));
    return text[0] != '\0' ? text : NULL;
}

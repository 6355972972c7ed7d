/* deny.c: runs a command to which a system call is refused, and to anything that it starts.
 *
 *     deny perf_event_open ERRNO COMMAND...     the call fails with that number
 *     deny ptrace ERRNO COMMAND...
 *
 * A seccomp filter, as container engines use them; it needs no rights. Exit status: the command's;
 * 99 where the kernel takes no filter, with one line on stderr.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* -1: no call that is known here. */
static int call_of(const char *name)
{
    return strcmp(name, "perf_event_open") == 0 ? SYS_perf_event_open
           : strcmp(name, "ptrace") == 0        ? SYS_ptrace
                                                : -1;
}

int main(int argc, char **argv)
{
    int call = argc > 3 ? call_of(argv[1]) : -1;
    unsigned number = argc > 3 ? (unsigned)atoi(argv[2]) : 0;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (number & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

    if (number == 0 || call < 0) {
        fputs("deny: usage: deny perf_event_open|ptrace ERRNO COMMAND...\n", stderr);
        return 99;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        fprintf(stderr, "deny: this kernel takes no filter (%s)\n", strerror(errno));
        return 99;
    }
    execvp(argv[3], argv + 3);
    fprintf(stderr, "deny: %s: %s\n", argv[3], strerror(errno));
    return 99;
}

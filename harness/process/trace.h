/* trace.h: the system calls of a program and of all that it starts, counted one by one and by name.
 *
 *     the launcher                          the program
 *     trace_seize()     PTRACE_SEIZE   -->  waits for its word to begin
 *                       event exec     <--  execve: from here on every call stops it twice
 *     trace_answer()    entry          <--  counted, goes on
 *     trace_answer()    exit           <--  not counted, goes on
 *
 * ptrace sees every call, of every thread and every child, needs no rights over one's own children
 * and no counter of the processor. It costs two switches to the launcher a call, so nothing is
 * timed under it. Calls that the kernel answers in user space (vDSO) are none.
 *
 * One program at a time; nothing is allocated.
 */
#ifndef ASHLAR_PROCESS_TRACE_H
#define ASHLAR_PROCESS_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Attaches to a child that has not called exec yet. False with errno where that is not allowed. */
bool trace_seize(pid_t child);

/* Answers what wait4(-1, ..., __WALL) has said of a traced thread: counts the call if this is one,
 * and lets the thread go on. */
void trace_answer(pid_t thread, int status);

/* Calls `put` with each name that was counted, in the order of the kernel's numbers. */
void trace_each(void (*put)(void *context, const char *name, uint64_t calls), void *context);

/* NULL when programs can be traced here, else why not. Tries it on a child of its own. */
const char *trace_problem(void);

#endif

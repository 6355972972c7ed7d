/* command.h: a tool run as the user would run it: git, a build, this command itself.
 *
 *     child.h       what is measured: a clean environment, the launcher, counters
 *     command.h     what helps: the user's environment, in a process group of its own
 *
 * Ctrl-C stops the whole group and waits until it is gone, so that whoever cleans up afterwards
 * cleans up behind everybody. Variables by which a calling git hook or make would misdirect an
 * inner git or make (GIT_DIR, MAKEFLAGS and the like) are not handed on.
 */
#ifndef ASHLAR_PROCESS_COMMAND_H
#define ASHLAR_PROCESS_COMMAND_H

#include "base/failure.h"

struct command_order {
    char *const *argv;  /* argv[0] is looked for in PATH */
    const char *dir;    /* where it runs, a folder that exists; NULL: here */
    const char *log;    /* file for all that it says; NULL: kept in memory */
    bool interruptible; /* false: runs on after Ctrl-C, to clean up */

    /* Called every now and then while it runs, for whoever tells how it goes; NULL: nobody. */
    void (*meanwhile)(void *context);
    void *context;
};

struct command {
    int exit;        /* of the program; 128 + the signal that ended it */
    char *out, *err; /* what it said; "" with a log */
};

/* False when it could not be run, or with EXIT_INTERRUPTED. Free it only after true. */
bool command_run(struct command *command, const struct command_order *order, struct failure *why);

/* The last line of what it said, errors first; "" when it said nothing. */
const char *command_last_line(struct command *command);

void command_free(struct command *command);

#endif

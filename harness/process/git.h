/* git.h: git as a tool that reads a repository and keeps worktrees, and does not change what the
 * user has there: no hook runs. */
#ifndef ASHLAR_PROCESS_GIT_H
#define ASHLAR_PROCESS_GIT_H

#include "process/command.h"

/* Runs `git -C REPO WORD...`; words end with NULL. `clean_up`: also after Ctrl-C. True when git
 * ran, whatever its exit code. */
bool git_run(const char *repo, const char *const *words, bool clean_up, struct command *command,
             struct failure *why);

/* The same, for those that want what it prints alone: trimmed, on the heap; NULL when it ended with
 * another code than 0, or why says that it did not run. */
char *git_text(const char *repo, const char *const *words, struct failure *why);

/* git's own word for what was wrong, without its "fatal: ". */
const char *git_complaint(struct command *command);

#endif

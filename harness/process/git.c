/* git.c: see git.h. */
#include "process/git.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

bool git_run(const char *repo, const char *const *words, bool clean_up, struct command *command,
             struct failure *why)
{
    struct words argv = {0};
    struct command_order order = {.interruptible = !clean_up};
    bool ok;

    words_add(&argv, "git");
    words_add(&argv, "-C");
    words_add(&argv, repo);
    words_add(&argv, "-c");
    words_add(&argv, "core.hooksPath=/dev/null");
    for (; *words != NULL; words++)
        words_add(&argv, *words);
    order.argv = argv.at;
    ok = command_run(command, &order, why);
    words_free(&argv);
    return ok;
}

char *git_text(const char *repo, const char *const *words, struct failure *why)
{
    struct command command;
    char *text = NULL;

    if (!git_run(repo, words, false, &command, why))
        return NULL;
    if (command.exit == 0)
        text = text_copy(text_trim(command.out));
    command_free(&command);
    return text;
}

const char *git_complaint(struct command *command)
{
    const char *line = command_last_line(command);

    return strncmp(line, "fatal: ", 7) == 0 ? line + 7 : line;
}

/* bisect_step.c: see bisect_step.h. */
#include "verbs/bisect_step.h"

#include "allocators/revision.h"
#include "base/member.h"
#include "base/place.h"
#include "base/text.h"
#include "process/child.h"
#include "process/git.h"
#include "verbs/gate_report.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What `git bisect run` makes of exit codes. */
enum { STEP_GOOD = 0, STEP_BAD = 1, STEP_SKIP = 125, STEP_STOP = 255 };

/* ---- the gate ---- */

static bool run_gate(const json_t *order, const char *commit, struct command *command,
                     struct failure *why)
{
    struct words argv = {0};
    char *ashlar = place_of("ashlar");
    char *good = text_format("good=rev:%s", member_text(order, "good"));
    char *other = text_format("%.12s=rev:%s", commit, commit);
    struct command_order what = {.dir = member_text(order, "dir"), .interruptible = true};
    json_t *word;
    size_t i;
    bool ok;

    words_add(&argv, ashlar);
    words_add(&argv, "gate");
    json_array_foreach(json_object_get(order, "gate"), i, word)
        words_add(&argv, json_string_value(word));
    words_add(&argv, "--json");
    words_add(&argv, "--quiet");
    words_add(&argv, "--");
    words_add(&argv, good);
    words_add(&argv, other);
    what.argv = argv.at;
    ok = command_run(command, &what, why);
    words_free(&argv);
    free(ashlar);
    free(good);
    free(other);
    return ok;
}

/* ---- its verdict ---- */

/* All tests that have a word, in one line. */
static char *sentences(const json_t *ruling, const char *word)
{
    char *text = NULL;
    size_t size = 0, i;
    FILE *out = open_memstream(&text, &size);
    const char *between = "";
    json_t *test;

    if (out == NULL)
        return text_copy("");
    json_array_foreach(json_object_get(ruling, "tests"), i, test)
    {
        if (strcmp(member_text(test, "word"), word) != 0)
            continue;
        fputs(between, out);
        gate_report_sentence(test, out);
        between = "; ";
    }
    fclose(out);
    return text;
}

static json_t *verdict(const char *commit, const char *word, const char *told, json_t *tests)
{
    return json_pack("{s:s,s:s,s:s,s:O*}", "commit", commit, "verdict", word, "told", told, "tests",
                     tests);
}

static json_t *verdict_of(const json_t *ruling, const char *commit)
{
    static const struct {
        const char *word, *verdict;
    } rules[] = {{"failed", "failed"},      {"regression", "bad"}, {"inconclusive", "unsure"},
                 {"unconfirmed", "unsure"}, {"within", "good"},    {"reported", "none"}};

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        char *told;
        json_t *out;

        if (gate_report_count(ruling, rules[i].word) == 0)
            continue;
        told = sentences(ruling, rules[i].word);
        out = verdict(commit, rules[i].verdict, told, json_object_get(ruling, "tests"));
        free(told);
        return out;
    }
    return verdict(commit, "none",
                   "the gate has no test: the cell is left out under one of the two", NULL);
}

/* Without a ruling the gate said why in its last line. Where the good revision is built, a missing
 * allocator is this commit's own. */
static json_t *without_ruling(const char *commit, struct command *command, struct failure *why)
{
    const char *line = command_last_line(command);

    if (strncmp(line, "ashlar gate: ", 13) == 0)
        line += 13;
    if (command->exit == EXIT_FAILED)
        return verdict(commit, "unbuilt", line, NULL);
    fail(why, command->exit, "%s", line);
    return NULL;
}

json_t *bisect_judge(const json_t *order, const char *commit, struct failure *why)
{
    struct revision_options repository = {.repo = member_text(order, "repo")};
    struct command command;
    json_t *ruling, *out;
    char *subject;

    if (!run_gate(order, commit, &command, why))
        return NULL;
    ruling = json_loads(command.out, 0, NULL);
    out = ruling != NULL ? verdict_of(ruling, commit) : without_ruling(commit, &command, why);
    json_decref(ruling);
    command_free(&command);
    if (out == NULL)
        return NULL;
    subject = revision_subject(&repository, commit);
    json_object_set_new(out, "subject", json_string(subject));
    free(subject);
    return out;
}

/* ---- under git ---- */

/* Appended in one write, so that whoever reads meanwhile sees whole lines. */
static bool append_line(const char *folder, const json_t *line, struct failure *why)
{
    char *path = text_format("%s/" BISECT_STEPS, folder);
    char *text = json_dumps(line, JSON_COMPACT), *whole = text_format("%s\n", text);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    ssize_t len = (ssize_t)strlen(whole);
    bool ok = fd >= 0 && write(fd, whole, (size_t)len) == len;

    if (fd >= 0)
        close(fd);
    if (!ok)
        fail(why, EXIT_USAGE, "cannot write %s; set TMPDIR to a place with room", path);
    free(text);
    free(whole);
    free(path);
    return ok;
}

static int stop(const char *folder, const struct failure *why)
{
    char *path = text_format("%s/" BISECT_STOP, folder);
    json_t *what = json_pack("{s:i,s:s}", "exit_code", why->exit_code, "text", why->text);

    json_dump_file(what, path, 0); /* without it git's exit code tells that it stopped */
    json_decref(what);
    free(path);
    return STEP_STOP;
}

int bisect_step(const char *folder)
{
    const char *words[] = {"rev-parse", "--verify", "BISECT_HEAD", NULL};
    char *path = text_format("%s/" BISECT_ORDER, folder), *commit;
    json_t *order = json_load_file(path, 0, NULL), *out = NULL;
    struct failure why = {.exit_code = EXIT_USAGE};
    const char *word;
    int code = STEP_SKIP;

    child_catch_interrupts();
    commit = git_text(".", words, &why);
    if (order == NULL || commit == NULL)
        fail(&why, EXIT_USAGE, "%s is no bisection's; `ashlar bisect` starts its steps itself",
             folder);
    else
        out = bisect_judge(order, commit, &why);
    word = member_text(out, "verdict");
    if (out == NULL || !append_line(folder, out, &why))
        code = stop(folder, &why);
    else if (strcmp(word, "good") == 0)
        code = STEP_GOOD;
    else if (strcmp(word, "bad") == 0)
        code = STEP_BAD;
    json_decref(out);
    json_decref(order);
    free(commit);
    free(path);
    return code;
}

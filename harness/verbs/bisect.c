/* bisect.c: `ashlar bisect`, which commit made a cell worse?
 *
 *     GOOD, BAD --> is BAD a regression against GOOD at all? --no--> exit 3
 *         |
 *     git bisect run, in a worktree of its own without files
 *         |-- step: gate GOOD against a commit, in one cell (bisect_step.h)
 *         |-- step ...
 *     first bad commit, with its ratio --> worktree and bisection are removed, always
 *
 * All options of a gate are handed on to the gates that are run, word by word, and checked there.
 */
#include "allocators/revision.h"
#include "base/disk.h"
#include "base/member.h"
#include "base/place.h"
#include "process/child.h"
#include "process/git.h"
#include "verbs/bisect_step.h"
#include "verbs/cli.h"
#include "verbs/gate_report.h"
#include "verbs/measure.h"
#include "verbs/side.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA "ashlar-bisect-1"

struct bisect_options {
    struct words gate;              /* what is handed on */
    const char *arg[2];             /* GOOD and BAD as they were written */
    const char *cell, *repo, *step; /* step: a folder, and this is git's step */
    bool json, quiet;
    struct failure *why;
};

/* ---- the command line ---- */

/* An argp whose options are handed on. */
struct relay {
    const struct argp_option *list;
    struct bisect_options *chosen;
};

/* Options of a gate that mean nothing to a bisection. */
static const char *const refused[] = {"resume",   "junit",      "waivers", "strict",
                                      "baseline", "allocators", "blocks"};

static bool is_refused(const char *name)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (strcmp(name, refused[i]) == 0)
            return true;
    return false;
}

static const char *name_of(const struct argp_option *list, int key)
{
    for (; list->name != NULL || list->key != 0; list++)
        if (list->key == key && list->name != NULL)
            return list->name;
    return NULL;
}

/* What the bisection itself wants to know of them. */
static bool take_note(struct bisect_options *chosen, const char *name, const char *arg)
{
    if (strcmp(name, "cell") == 0)
        chosen->cell = arg;
    else if (strcmp(name, "repo") == 0)
        chosen->repo = arg;
    else if (strcmp(name, "quiet") == 0)
        chosen->quiet = true;
    else if (strcmp(name, "json") == 0)
        chosen->json = true;
    return strcmp(name, "quiet") != 0 && strcmp(name, "json") != 0;
}

static error_t hand_on(int key, char *arg, struct argp_state *state)
{
    struct relay *relay = state->input;
    const char *name = relay != NULL ? name_of(relay->list, key) : NULL;
    char *word;

    if (name == NULL)
        return ARGP_ERR_UNKNOWN;
    if (is_refused(name)) {
        fail(relay->chosen->why, EXIT_USAGE, "--%s is not for a bisection; leave it out", name);
        return EINVAL;
    }
    if (!take_note(relay->chosen, name, arg))
        return 0;
    word = arg != NULL ? text_format("--%s=%s", name, arg) : text_format("--%s", name);
    words_add(&relay->chosen->gate, word);
    free(word);
    return 0;
}

#define KEY_STEP 0x400
#define OPTIONS_MAX 32 /* of a list that is handed on, its end included */

static const struct argp_option options[] = {
    {"step", KEY_STEP, "DIR", OPTION_HIDDEN, NULL, 0},
    {0},
};

struct parsing {
    struct bisect_options *chosen;
    struct relay relays[3];
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct parsing *parsing = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        for (size_t i = 0; i < 3; i++)
            state->child_inputs[i] = &parsing->relays[i];
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            return ARGP_ERR_UNKNOWN;
        parsing->chosen->arg[state->arg_num] = arg;
        return 0;
    case KEY_STEP:
        parsing->chosen->step = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* A list of options to hand on; --help is silent about those that would be refused. */
static void copy_options(const struct argp_option *from, struct argp_option to[OPTIONS_MAX])
{
    for (size_t i = 0; i + 1 < OPTIONS_MAX && from[i].name != NULL; i++) {
        to[i] = from[i];
        if (is_refused(from[i].name))
            to[i].flags |= OPTION_HIDDEN;
    }
}

static bool parse_all(int argc, char **argv, struct bisect_options *chosen, struct failure *why)
{
    const struct argp *lists[3] = {&gate_argp, &measure_argp, &side_argp};
    struct parsing parsing = {.chosen = chosen};
    struct argp_option shown[3][OPTIONS_MAX] = {{{0}}};
    struct argp relays[3] = {{0}};
    struct argp_child children[4] = {{0}};
    struct argp argp = {
        .options = options,
        .parser = parse,
        .children = children,
        .args_doc = "--cell NAME[:METRIC] [GATE OPTION...] -- GOOD BAD",
        .doc = "Finds the commit between GOOD and BAD that made one cell of a suite worse than its "
               "budget allows. GOOD and BAD are commits of the repository in --repo, GOOD an "
               "ancestor of BAD.\v"
               "Runs `git bisect run` in a worktree of its own; your checkout stays as it is. Each "
               "step builds a commit and gates GOOD against it in the cell, with the options of "
               "`ashlar gate`; a commit that does not build, or whose gate does not tell, is "
               "skipped. METRIC instructions repeats, and is the surest judge; time is right in "
               "19 of 20 steps at worst. Builds stay in --cache and runs in --results, else "
               "nothing is left behind. Exit codes: 0 found, 2 usage, 3 BAD is no regression "
               "against GOOD, or skipped commits hide the first bad one, 4 GOOD or BAD does not "
               "build or fails, 130 interrupted.",
    };

    for (size_t i = 0; i < 3; i++) {
        copy_options(lists[i]->options, shown[i]);
        relays[i] = (struct argp){.options = shown[i], .parser = hand_on};
        children[i] = (struct argp_child){&relays[i], 0, NULL, 0};
        parsing.relays[i] = (struct relay){shown[i], chosen};
    }
    return cli_parse(&argp, "bisect", argc, argv, &parsing, why);
}

/* ---- a bisection ---- */

struct bisection {
    const struct bisect_options *chosen;
    struct revision_options repository;
    char *repo, *good, *bad; /* absolute; commits */
    char *folder, *tree;     /* its own; the worktree in it */
    json_t *order;           /* what the steps read */
    size_t told_bytes;       /* of steps.jsonl, that were told */
    size_t steps;            /* told */
};

static bool open_commits(struct bisection *b, struct failure *why)
{
    const char *words[] = {"merge-base", "--is-ancestor", NULL, NULL, NULL};
    struct command command;
    bool ok;

    b->repository.repo = b->chosen->repo;
    if (!revision_commit(&b->repository, b->chosen->arg[0], &b->good, why) ||
        !revision_commit(&b->repository, b->chosen->arg[1], &b->bad, why))
        return false;
    b->repo = realpath(b->chosen->repo != NULL ? b->chosen->repo : ".", NULL);
    if (strcmp(b->good, b->bad) == 0)
        return fail(why, EXIT_USAGE, "%s and %s are the same commit; name two", b->chosen->arg[0],
                    b->chosen->arg[1]);
    words[2] = b->good;
    words[3] = b->bad;
    if (!git_run(b->repo, words, false, &command, why))
        return false;
    ok = command.exit == 0 ||
         fail(why, EXIT_USAGE,
              "%s is no ancestor of %s, so no commit lies between them; name a good one that the "
              "bad one descends from",
              b->chosen->arg[0], b->chosen->arg[1]);
    command_free(&command);
    return ok;
}

static bool open_folder(struct bisection *b, struct failure *why)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = getcwd(NULL, 0), *path, *absolute;
    json_t *words = json_array();
    bool ok;

    b->folder = text_format("%s/ashlar-bisect-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (dir == NULL || mkdtemp(b->folder) == NULL) {
        free(b->folder);
        b->folder = NULL;
        free(dir);
        json_decref(words);
        return fail(why, EXIT_USAGE, "cannot make a temporary directory; set TMPDIR to one");
    }
    absolute = realpath(b->folder, NULL); /* the steps run elsewhere */
    if (absolute != NULL) {
        free(b->folder);
        b->folder = absolute;
    }
    b->tree = text_format("%s/tree", b->folder);
    for (size_t i = 0; i < b->chosen->gate.count; i++)
        json_array_append_new(words, json_string(b->chosen->gate.at[i]));
    b->order =
        json_pack("{s:o,s:s,s:s,s:s}", "gate", words, "dir", dir, "repo", b->repo, "good", b->good);
    path = text_format("%s/" BISECT_ORDER, b->folder);
    ok = json_dump_file(b->order, path, 0) == 0 ||
         fail(why, EXIT_USAGE, "cannot write %s (%s); set TMPDIR to a place with room", path,
              strerror(errno));
    free(path);
    free(dir);
    return ok;
}

/* Also after Ctrl-C: with the worktree go the bisection's refs, which are its own. */
static void clean_up(struct bisection *b)
{
    const char *words[] = {"worktree", "remove", "--force", b->tree, NULL};
    struct command command;
    struct failure ignored = {0}; /* there may be no worktree yet */

    if (b->folder != NULL) {
        if (git_run(b->repo, words, true, &command, &ignored))
            command_free(&command);
        disk_remove_folder(b->folder);
    }
    json_decref(b->order);
    free(b->repo);
    free(b->good);
    free(b->bad);
    free(b->folder);
    free(b->tree);
}

static void tell(struct bisection *b, const json_t *step)
{
    b->steps++;
    if (!b->chosen->quiet)
        fprintf(stderr, "ashlar: step %zu: %.12s %s: %s: %s\n", b->steps,
                member_text(step, "commit"), member_text(step, "subject"),
                member_text(step, "verdict"), member_text(step, "told"));
}

/* The steps so far, one JSON object a line. */
static json_t *read_steps(const struct bisection *b, size_t from_bytes, size_t *to_bytes)
{
    char *path = text_format("%s/" BISECT_STEPS, b->folder), *text = text_of_file(path);
    json_t *steps = json_array();

    for (char *line = text != NULL && strlen(text) > from_bytes ? text + from_bytes : NULL, *end;
         line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        json_array_append_new(steps, json_loadb(line, (size_t)(end - line), 0, NULL));
        if (to_bytes != NULL)
            *to_bytes = (size_t)(end + 1 - text);
    }
    free(text);
    free(path);
    return steps;
}

static void tell_new(void *context)
{
    struct bisection *b = context;
    json_t *steps = read_steps(b, b->told_bytes, &b->told_bytes), *step;
    size_t i;

    json_array_foreach(steps, i, step) tell(b, step);
    json_decref(steps);
}

/* ---- its end ---- */

static void print_text(const json_t *step)
{
    json_t *test;
    size_t i;

    printf("%s is the first bad commit\n    %s\n", member_text(step, "commit"),
           member_text(step, "subject"));
    json_array_foreach(json_object_get(step, "tests"), i, test)
    {
        if (strcmp(member_text(test, "word"), "regression") != 0)
            continue;
        printf("    ");
        gate_report_sentence(test, stdout);
        putchar('\n');
    }
}

static void print_json(const struct bisection *b, const json_t *first, json_t *candidates,
                       json_t *steps)
{
    json_t *out = json_pack("{s:s,s:s,s:s,s:O*,s:O*,s:O}", "schema", SCHEMA, "good", b->good, "bad",
                            b->bad, "first_bad", first, "candidates", candidates, "steps", steps);

    cli_print_json(out);
    json_decref(out);
}

static const json_t *find_step(const json_t *steps, const char *commit)
{
    json_t *step;
    size_t i;

    json_array_foreach(steps, i, step)
    {
        if (strcmp(member_text(step, "commit"), commit) == 0)
            return step;
    }
    return NULL;
}

static int found(const struct bisection *b, json_t *steps, const char *commit, struct failure *why)
{
    const json_t *step = find_step(steps, commit);

    if (step == NULL) {
        fail(why, EXIT_USAGE, "git names %.12s, which no step has judged; bisect again", commit);
        return why->exit_code;
    }
    if (b->chosen->json)
        print_json(b, step, NULL, steps);
    else
        print_text(step);
    return EXIT_OK;
}

/* Skipped commits stand before the first that is known to be bad. */
static int hidden(const struct bisection *b, json_t *steps, struct failure *why)
{
    const char *words[] = {"rev-list", "refs/bisect/bad", "--not", "--glob=refs/bisect/good-*",
                           NULL};
    char *text = git_text(b->tree, words, why);
    struct words commits = words_split(text != NULL ? text : "", "\n");
    json_t *candidates = json_array();

    for (size_t i = 0; i < commits.count; i++) {
        const json_t *step = find_step(steps, commits.at[i]);

        json_array_append_new(candidates, json_string(commits.at[i]));
        if (!b->chosen->json)
            printf("%s: %s: %s\n", commits.at[i],
                   step != NULL ? member_text(step, "verdict") : "not judged",
                   step != NULL ? member_text(step, "told") : "");
    }
    if (b->chosen->json)
        print_json(b, NULL, candidates, steps);
    fail(why, EXIT_INCONCLUSIVE,
         "the first bad commit is one of %zu, as the others were skipped; repair their build, or "
         "choose a metric that repeats",
         commits.count);
    json_decref(candidates);
    words_free(&commits);
    free(text);
    return why->exit_code;
}

/* What a step could not go on with, or what git said. */
static int stopped(const struct bisection *b, struct command *command, struct failure *why)
{
    char *path = text_format("%s/" BISECT_STOP, b->folder);
    json_t *stop = json_load_file(path, 0, NULL);

    if (stop != NULL)
        fail(why, (int)json_integer_value(json_object_get(stop, "exit_code")), "%s",
             member_text(stop, "text"));
    else
        fail(why, EXIT_USAGE, "git bisect run stopped: %s; repair that and bisect again",
             git_complaint(command));
    json_decref(stop);
    free(path);
    return why->exit_code;
}

/* ---- all of it ---- */

/* A bisection between two that do not differ would find some commit all the same. */
static json_t *check_bad(struct bisection *b, struct failure *why)
{
    json_t *step = bisect_judge(b->order, b->bad, why);
    const char *word = member_text(step, "verdict"), *told = member_text(step, "told");

    if (step == NULL)
        return NULL;
    tell(b, step);
    if (strcmp(word, "bad") == 0)
        return step;
    if (strcmp(word, "none") == 0)
        fail(why, EXIT_USAGE, "nothing gates there: %s; choose another --cell", told);
    else if (strcmp(word, "unbuilt") == 0 || strcmp(word, "failed") == 0)
        fail(why, EXIT_FAILED, "%s", told);
    else
        fail(why, EXIT_INCONCLUSIVE,
             "%s is no regression against %s: %s; choose another --cell, --budget or revision",
             b->chosen->arg[1], b->chosen->arg[0], told);
    json_decref(step);
    return NULL;
}

/* How many commits may be the first bad one; 0 and why: git does not say. */
static size_t count_commits(const struct bisection *b, struct failure *why)
{
    char *range = text_format("%s..%s", b->good, b->bad);
    const char *words[] = {"rev-list", "--count", range, NULL};
    char *count = git_text(b->repo, words, why);
    size_t commits = count != NULL ? strtoul(count, NULL, 10) : 0;

    if (commits == 0 && !child_interrupted)
        fail(why, EXIT_USAGE, "git counts no commit in %s; repair the repository", range);
    free(range);
    free(count);
    return commits;
}

/* git's answer to one command, which has to succeed. */
static bool prepare(const char *where, const char *const *words, struct failure *why)
{
    struct command command;
    bool ok;

    if (!git_run(where, words, false, &command, why))
        return false;
    ok = command.exit == 0 || fail(why, EXIT_USAGE, "git %s %s: %s; repair the repository",
                                   words[0], words[1], git_complaint(&command));
    command_free(&command);
    return ok;
}

static bool begin(const struct bisection *b, struct failure *why)
{
    const char *add[] = {"worktree",      "add",   "--quiet", "--detach",
                         "--no-checkout", b->tree, b->bad,    NULL};
    const char *start[] = {"bisect", "start", "--no-checkout", b->bad, b->good, NULL};

    return prepare(b->repo, add, why) && prepare(b->tree, start, why);
}

static int run(struct bisection *b, json_t *first, struct failure *why)
{
    char *ashlar = place_of("ashlar");
    char *argv[] = {"git",  "-C",     b->tree,  "bisect",  "run",
                    ashlar, "bisect", "--step", b->folder, NULL};
    struct command_order order = {
        .argv = argv, .interruptible = true, .meanwhile = tell_new, .context = b};
    const char *bad[] = {"rev-parse", "refs/bisect/bad", NULL};
    struct command command;
    char *commit = NULL;
    json_t *steps;
    int code;

    if (!command_run(&command, &order, why)) {
        free(ashlar);
        return why->exit_code;
    }
    tell_new(b);
    steps = read_steps(b, 0, NULL);
    json_array_insert(steps, 0, first);
    if (command.exit == 0)
        commit = git_text(b->tree, bad, why);
    if (commit != NULL)
        code = found(b, steps, commit, why);
    else if (command.exit == 2)
        code = hidden(b, steps, why);
    else
        code = stopped(b, &command, why);
    command_free(&command);
    json_decref(steps);
    free(commit);
    free(ashlar);
    return code;
}

static int bisect(struct bisection *b, struct failure *why)
{
    json_t *first = NULL, *steps = json_array();
    size_t commits = 0;
    int code;

    if (open_commits(b, why) && open_folder(b, why) && (commits = count_commits(b, why)) > 0)
        first = check_bad(b, why);
    if (first == NULL) {
        code = why->exit_code;
    } else if (commits == 1) {
        json_array_append(steps, first);
        code = found(b, steps, b->bad, why);
    } else {
        code = begin(b, why) ? run(b, first, why) : why->exit_code;
    }
    json_decref(steps);
    json_decref(first);
    return code;
}

int verb_bisect(int argc, char **argv, struct failure *why)
{
    struct bisect_options chosen = {.why = why};
    struct bisection b = {.chosen = &chosen};
    int code;

    if (!parse_all(argc, argv, &chosen, why)) {
        code = why->exit_code;
    } else if (chosen.step != NULL) {
        code = bisect_step(chosen.step);
    } else if (chosen.arg[1] == NULL) {
        fail(why, EXIT_USAGE, "name two revisions: ashlar bisect --cell NAME -- GOOD BAD");
        code = why->exit_code;
    } else if (chosen.cell == NULL) {
        fail(why, EXIT_USAGE,
             "--cell is missing; name the one that is worse, as in --cell larson-2:instructions");
        code = why->exit_code;
    } else {
        child_catch_interrupts();
        code = bisect(&b, why);
        clean_up(&b);
    }
    words_free(&chosen.gate);
    return code;
}

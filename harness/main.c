/* main.c: the command `ashlar`: finds the verb, prints its one line when it fails.
 *
 *     verbs/       a verb a file              reads the command line
 *     run/         blocks, samples, counts    does the measuring
 *     plan/        suites, cells, order       what will be measured
 *     allocators/  registry, audit, probe     under what
 *     machine/     environment, cores, doctor where
 *     process/     launcher, child            one process
 *     judge/       statistics, reports        what it means
 *     base/        failures, text, chance     words
 *     plant/       a slowdown of known size   for `ashlar aa`; not in this command
 *
 * Every folder uses those below it; judge/ reads only the files that run/ has written.
 */
#include "verbs/cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv, struct failure *why);
    const char *about;
} verbs[] = {
    {"doctor", verb_doctor, "what would make figures doubtful on this machine"},
    {"list", verb_list, "allocators, workloads, suites and metrics"},
    {"run", verb_run, "run a suite under several allocators, keep the raw samples"},
    {"compare", verb_compare, "run, judge, and write the report"},
    {"gate", verb_gate, "tell whether a build is worse than its budgets allow"},
    {"bisect", verb_bisect, "find the commit that made a cell worse"},
    {"baseline", verb_baseline, "keep a library and its exact figures for later gates"},
    {"aa", verb_aa, "tell how often the gate is wrong, and how much it finds"},
    {"report", verb_report, "make the report of a stored run again"},
};

#define VERBS (sizeof verbs / sizeof verbs[0])

static void print_help(void)
{
    puts("Usage: ashlar VERB [OPTION...]\n\nCompares memory allocators and says how sure it is.\n");
    for (size_t i = 0; i < VERBS; i++)
        printf("  %-10s %s\n", verbs[i].name, verbs[i].about);
    puts("\n`ashlar VERB --help` shows the options of a verb.\n"
         "Exit codes: 0 ok, 1 regression, 2 usage, 3 inconclusive, 4 crash, time-out, out of "
         "memory, "
         "corruption or missing allocator, 5 environment mismatch, 130 interrupted.");
}

int main(int argc, char **argv)
{
    struct failure why = {0};
    const char *verb = argc > 1 ? argv[1] : "";

    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        print_help();
        return EXIT_OK;
    }
    for (size_t i = 0; i < VERBS; i++) {
        int code;

        if (strcmp(verb, verbs[i].name) != 0)
            continue;
        code = verbs[i].run(argc - 1, argv + 1, &why);
        if (why.text[0] != '\0')
            fprintf(stderr, "ashlar %s: %s\n", verb, why.text);
        return fflush(stdout) == 0 ? code : EXIT_USAGE;
    }
    fprintf(
        stderr,
        "ashlar: %s%s%s; use doctor, list, run, compare, gate, bisect, baseline, aa or report, or "
        "--help\n",
        verb[0] != '\0' ? "unknown verb '" : "no verb", verb, verb[0] != '\0' ? "'" : "");
    return EXIT_USAGE;
}

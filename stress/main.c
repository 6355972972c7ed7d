/* main.c: ashlar-stress, one command for every scenario. Reads the command line, runs one scenario,
 * says what was done.
 *
 *     exit status   0 pass    1 fail    2 usage    77 skip
 */
#include "scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct scenario *const scenarios[] = {
    &scenario_oracle,    &scenario_boundary,    &scenario_forkstorm, &scenario_oom_nth,
    &scenario_rlimit_as, &scenario_threadchurn, &scenario_remote,    &scenario_sampling,
};
enum { NSCENARIOS = sizeof scenarios / sizeof scenarios[0] };

static void print_help(void)
{
    printf("usage: ashlar-stress NAME [options]     run a scenario\n"
           "       ashlar-stress --list             the scenarios, one a line\n"
           "       ashlar-stress --help\n"
           "\n"
           "  --seed N         of the random numbers (default: from the clock; always printed)\n"
           "  --secs S         how long (default: the scenario's)\n"
           "  --ops N          operations of each thread instead of a time\n"
           "  --threads T      1 to %d (default: the scenario's)\n"
           "  --allocator A    ashlar (default), glibc (the control), preload (see LD_PRELOAD)\n"
           "  --variant V      of the scenario (default: all)\n"
           "  --full           tag every byte, try every size\n"
           "\n"
           "exit status: 0 pass, 1 fail (with a REPRO line), 2 usage, 77 skip\n"
           "\nscenarios:\n",
           RUN_THREADS_MAX / 2);
    for (int i = 0; i < NSCENARIOS; i++) {
        printf("  %-12s %s\n", scenarios[i]->name, scenarios[i]->summary);
        if (scenarios[i]->variants != NULL)
            printf("  %-12s variants: %s\n", "", scenarios[i]->variants);
    }
}

static const struct scenario *find_scenario(const char *name)
{
    for (int i = 0; i < NSCENARIOS; i++) {
        if (strcmp(scenarios[i]->name, name) == 0)
            return scenarios[i];
    }
    return NULL;
}

static bool usage(const char *what, const char *value, const char *remedy)
{
    fprintf(stderr, "ashlar-stress: %s \"%s\" (%s)\n", what, value, remedy);
    return false;
}

static bool parse_count(const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 0);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *out >= low &&
           *out <= high;
}

static bool parse_secs(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out > 0 && *out <= 1e6;
}

/* Whether `word` is one of "a|b|c". */
static bool is_choice(const char *choices, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = choices; at != NULL && len > 0;) {
        const char *bar = strchr(at, '|');
        size_t choice_len = bar != NULL ? (size_t)(bar - at) : strlen(at);
        if (choice_len == len && memcmp(at, word, len) == 0)
            return true;
        at = bar != NULL ? bar + 1 : NULL;
    }
    return false;
}

static bool parse_option(struct run *run, const struct scenario *scenario, const char *option,
                         const char *value, const char **allocator)
{
    uint64_t number;
    if (strcmp(option, "--seed") == 0)
        return parse_count(value, 0, UINT64_MAX, &run->seed) ||
               usage("bad --seed", value, "a number");
    if (strcmp(option, "--ops") == 0)
        return parse_count(value, 1, UINT64_MAX, &run->ops) ||
               usage("bad --ops", value, "a number from 1");
    if (strcmp(option, "--secs") == 0)
        return parse_secs(value, &run->secs) || usage("bad --secs", value, "seconds above 0");
    if (strcmp(option, "--threads") == 0) {
        if (!parse_count(value, 1, RUN_THREADS_MAX / 2, &number))
            return usage("bad --threads", value, "a number from 1 to 32");
        run->threads = (unsigned)number;
        return true;
    }
    if (strcmp(option, "--allocator") == 0) {
        *allocator = value;
        return true;
    }
    if (strcmp(option, "--variant") == 0) {
        if (scenario->variants == NULL)
            return usage("no variants, but --variant", value, "leave it out");
        if (strcmp(value, "all") != 0 && !is_choice(scenario->variants, value))
            return usage("unknown variant", value, scenario->variants);
        run->variant = value;
        return true;
    }
    return usage("unknown option", option, "see ashlar-stress --help");
}

/* Reads the options behind the scenario's name. */
static bool parse_options(struct run *run, const struct scenario *scenario, char **args)
{
    const char *allocator = "ashlar";
    for (char **arg = args; *arg != NULL; arg++) {
        if (strcmp(*arg, "--full") == 0) {
            run->full = true;
            continue;
        }
        if (strncmp(*arg, "--", 2) != 0)
            return usage("unexpected argument", *arg, "see ashlar-stress --help");
        if (arg[1] == NULL)
            return usage("no value or unknown option:", *arg, "see ashlar-stress --help");
        if (!parse_option(run, scenario, *arg, arg[1], &allocator))
            return false;
        arg++;
    }
    run->door = doors_find(allocator);
    return run->door != NULL;
}

static uint64_t seed_of_the_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return mix64((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) >> 32;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        print_help();
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "--list") == 0) {
        for (int i = 0; i < NSCENARIOS; i++)
            printf("%s\t%s\n", scenarios[i]->name, scenarios[i]->summary);
        return 0;
    }
    if (argc < 2) {
        fprintf(stderr, "ashlar-stress: no scenario named (ashlar-stress --list shows them)\n");
        return RUN_USAGE;
    }
    const struct scenario *scenario = find_scenario(argv[1]);
    if (scenario == NULL) {
        usage("unknown scenario", argv[1], "ashlar-stress --list shows them");
        return RUN_USAGE;
    }
    struct run *run = &the_run;
    run->scenario = scenario->name;
    run->secs = scenario->default_secs;
    run->threads = scenario->default_threads;
    run->variant = "all";
    run->seed = seed_of_the_clock();
    run->argv = argv;
    if (!parse_options(run, scenario, argv + 2))
        return RUN_USAGE;
    printf("%s: seed %llu, %u thread%s, allocator %s\n", scenario->name,
           (unsigned long long)run->seed, run->threads, run->threads == 1 ? "" : "s",
           run->door->name);
    fflush(stdout);
    run_start(run);
    int status = scenario->run(run);
    if (status == RUN_PASS)
        printf("PASS: %s: %llu operations in %.1f s\n", scenario->name,
               (unsigned long long)atomic_load(&run->operations), run_elapsed(run));
    return status;
}

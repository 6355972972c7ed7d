/* args.c: the command line. See args.h. */
#include "args.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "phase.h"

enum {
    COMMON_THREADS,
    COMMON_OPS,
    COMMON_SEED,
    COMMON_PRESET,
    COMMON_NULL,
    COMMON_CHECK,
    COMMON_LAYOUT,
    COMMON_TOUCH,
    COMMON_IDLE_MS,
    COMMON_DESCRIBE,
    COMMON_HELP,
};

static const char *const no_choices[] = {NULL};

const struct option common_options[] = {
    [COMMON_THREADS] = {"threads", OPTION_COUNT, NULL, 1, THREADS_MAX, NULL, true, "workers"},
    [COMMON_OPS] = {"ops", OPTION_COUNT, NULL, 1, UINT64_C(1) << 40, NULL, true,
                    "blocks allocated in the timed part, by all workers together"},
    [COMMON_SEED] = {"seed", OPTION_COUNT, "1", 0, UINT64_MAX, NULL, true,
                     "start of the random streams"},
    [COMMON_PRESET] = {"preset", OPTION_CHOICE, NULL, 0, 0, no_choices, true,
                       "published parameters; options typed beside it win"},
    [COMMON_NULL] = {"null", OPTION_FLAG, NULL, 0, 1, NULL, true,
                     "run the same loop on an allocator that does nothing"},
    [COMMON_CHECK] = {"check", OPTION_FLAG, NULL, 0, 1, NULL, true,
                      "stamp every block and verify the stamp when it is freed"},
    [COMMON_LAYOUT] = {"layout", OPTION_FLAG, NULL, 0, 1, NULL, true,
                       "record where the blocks lie, and print figures of it; takes long"},
    [COMMON_TOUCH] = {"touch", OPTION_CHOICE, NULL, 0, 0, touch_names, true,
                      "what is stored in a new block"},
    [COMMON_IDLE_MS] = {"idle-ms", OPTION_COUNT, "0", 0, 3600000, NULL, true,
                        "sleep so long after the last free, before the end"},
    [COMMON_DESCRIBE] = {"describe", OPTION_FLAG, NULL, 0, 1, NULL, true,
                         "print the cell's key as JSON and do not run it"},
    [COMMON_HELP] = {"help", OPTION_FLAG, NULL, 0, 1, NULL, true, "print this"},
    {0},
};

/* What the words ask for beside values. */
struct request {
    enum errand errand;
    bool ops_given; /* else the workload's default counts */
};

const struct workload *args_workload(const char *name)
{
    struct text names = {0};
    for (unsigned i = 0; workloads[i] != NULL; i++) {
        if (strcmp(workloads[i]->name, name) == 0) {
            return workloads[i];
        }
        text_add(&names, "%s%s", i > 0 ? ", " : "", workloads[i]->name);
    }
    die(EXIT_USAGE, "unknown workload '%s'; choose one of %s", name, names.bytes);
}

static const struct preset *find_preset(const struct workload *workload, const char *name)
{
    struct text names = {0};
    for (unsigned i = 0; workload->presets[i].name != NULL; i++) {
        if (strcmp(workload->presets[i].name, name) == 0) {
            return &workload->presets[i];
        }
        text_add(&names, "%s%s", i > 0 ? ", " : "", workload->presets[i].name);
    }
    if (names.len == 0) {
        die(EXIT_USAGE, "%s: unknown preset '%s'; this workload has none, give its options instead",
            workload->name, name);
    }
    die(EXIT_USAGE, "%s: unknown preset '%s'; choose one of %s", workload->name, name, names.bytes);
}

static void set_common(struct run *run, struct request *request, unsigned which, struct value value)
{
    switch (which) {
    case COMMON_THREADS:
        run->nthreads = (unsigned)value.lo;
        break;
    case COMMON_OPS:
        run->ops = value.lo;
        request->ops_given = true;
        break;
    case COMMON_SEED:
        run->seed = value.lo;
        break;
    case COMMON_NULL:
        run->null = true;
        break;
    case COMMON_CHECK:
        run->check = true;
        break;
    case COMMON_LAYOUT:
        run->layout = true;
        break;
    case COMMON_TOUCH:
        run->touch = (enum touch)value.lo;
        break;
    case COMMON_IDLE_MS:
        run->idle_ms = value.lo;
        break;
    case COMMON_DESCRIBE:
        request->errand = ERRAND_DESCRIBE;
        break;
    default:
        break; /* --preset and --help were looked for before all others */
    }
}

/* Takes the option that starts at words[*at] apart. Returns its description and its text, which is
 * NULL for a flag, and moves *at past it. */
static const struct option *next_option(const struct workload *workload, int nwords, char **words,
                                        int *at, const char **given)
{
    const char *word = words[(*at)++];
    if (strncmp(word, "--", 2) != 0 || word[2] == '\0') {
        die(EXIT_USAGE, "%s: unexpected argument '%s'; options start with --", workload->name,
            word);
    }
    const size_t len = strcspn(word + 2, "=");
    const struct option *option = option_find(workload->options, word + 2, len);
    if (option == NULL) {
        option = option_find(common_options, word + 2, len);
    }
    if (option == NULL) {
        die(EXIT_USAGE, "%s: unknown option '--%.*s'; 'ashlar-bench %s --help' lists the options",
            workload->name, (int)len, word + 2, workload->name);
    }
    const bool attached = word[2 + len] == '=';
    *given = attached ? word + 2 + len + 1 : NULL;
    if (option->kind == OPTION_FLAG) {
        if (attached) {
            die(EXIT_USAGE, "%s: --%s takes no value, but '%s' was given; write --%s alone",
                workload->name, option->name, *given, option->name);
        }
    } else if (!attached) {
        if (*at == nwords) {
            die(EXIT_USAGE, "%s: --%s needs a value; 'ashlar-bench %s --help' shows its form",
                workload->name, option->name, workload->name);
        }
        *given = words[(*at)++];
    }
    return option;
}

static void apply_words(struct run *run, struct request *request, int nwords, char **words)
{
    const struct workload *workload = run->workload;
    for (int at = 0; at < nwords;) {
        const char *given;
        const struct option *option = next_option(workload, nwords, words, &at, &given);
        const bool own = option >= workload->options &&
                         option < workload->options + option_count(workload->options);
        if (option == &common_options[COMMON_PRESET]) {
            continue;
        }
        const struct value value = option_parse(workload->name, option, given);
        if (own) {
            run->values[option - workload->options] = value;
        } else {
            set_common(run, request, (unsigned)(option - common_options), value);
        }
    }
}

static void apply_settings(struct run *run, struct request *request, const char *settings)
{
    char copy[256];
    char *words[16];
    int nwords = 0;
    if (strlen(settings) >= sizeof copy) {
        die(EXIT_INTEGRITY, "%s: a preset is longer than %zu bytes", run->workload->name,
            sizeof copy);
    }
    strcpy(copy, settings);
    for (char *word = strtok(copy, " "); word != NULL && nwords < 16; word = strtok(NULL, " ")) {
        words[nwords++] = word;
    }
    apply_words(run, request, nwords, words);
}

/* --help and --preset count wherever they stand, so they are looked for before all else. */
static void look_ahead(struct run *run, struct request *request, int nwords, char **words)
{
    const struct preset *preset = NULL;
    for (int at = 0; at < nwords;) {
        const char *given;
        const struct option *option = next_option(run->workload, nwords, words, &at, &given);
        if (option == &common_options[COMMON_PRESET]) {
            preset = find_preset(run->workload, given);
        } else if (option == &common_options[COMMON_HELP]) {
            request->errand = ERRAND_HELP;
        }
    }
    if (preset != NULL) {
        apply_settings(run, request, preset->settings);
    }
}

void args_defaults(struct run *run, const struct workload *workload)
{
    memset(run, 0, sizeof *run);
    run->workload = workload;
    run->nthreads = workload->threads_default;
    run->seed = 1;
    run->touch = workload->touch_default;
    for (unsigned i = 0; workload->options[i].name != NULL; i++) {
        const struct option *option = &workload->options[i];
        if (option->kind != OPTION_FLAG) {
            run->values[i] = option_parse(workload->name, option, option->fallback);
        }
    }
    run->ops = workload->default_ops(run);
}

static void validate(const struct run *run)
{
    const struct workload *workload = run->workload;
    if (run->null && run->check) {
        die(EXIT_USAGE,
            "%s: --check cannot hold with --null, whose blocks overlap; drop one of "
            "them",
            workload->name);
    }
    if (run->null && run->layout) {
        die(EXIT_USAGE,
            "%s: --layout says nothing of --null, whose blocks overlap; drop one of them",
            workload->name);
    }
    if (run->nthreads % workload->threads_step != 0) {
        die(EXIT_USAGE, "%s: --threads %u does not fit; give a multiple of %u", workload->name,
            run->nthreads, workload->threads_step);
    }
    if (workload->validate != NULL) {
        workload->validate(run);
    }
}

enum errand args_parse(struct run *run, const struct workload *workload, int nwords, char **words)
{
    struct request request = {ERRAND_RUN, false};
    args_defaults(run, workload);
    look_ahead(run, &request, nwords, words);
    if (request.errand == ERRAND_HELP) {
        return ERRAND_HELP;
    }
    apply_words(run, &request, nwords, words);
    validate(run);
    if (!request.ops_given) {
        run->ops = workload->default_ops(run);
    }
    if (!phase_open()) {
        die(EXIT_USAGE, "ASHLAR_PHASE_FD is not a number; set it to an open descriptor, such as 3, "
                        "or unset it");
    }
    return request.errand;
}

static void help_options(struct text *text, const struct option *options)
{
    for (; options->name != NULL; options++) {
        const size_t start = text->len;
        text_add(text, "  --%s", options->name);
        if (options->choices != no_choices) {
            option_print_form(text, options);
        } else {
            text_add(text, " NAME");
        }
        const size_t width = text->len - start;
        text_add(text, "%*s  %s", width < 30 ? (int)(30 - width) : 0, "", options->help);
        if (options->fallback != NULL) {
            text_add(text, " (default %s)", options->fallback);
        }
        text_add(text, "\n");
    }
}

void help_binary(void)
{
    struct text text = {0};
    text_add(&text,
             "usage: ashlar-bench WORKLOAD [OPTION]...   run a workload, print one line of JSON\n"
             "       ashlar-bench WORKLOAD --help        what it does and its options\n"
             "       ashlar-bench --list                 all workloads, one line of JSON each\n"
             "\n"
             "The allocator under test is the one that the dynamic linker finds; give another by\n"
             "LD_PRELOAD. Exit: 0 fine, 1 a block came back changed, 2 usage, 4 out of memory.\n"
             "\nworkloads:\n");
    for (unsigned i = 0; workloads[i] != NULL; i++) {
        text_add(&text, "  %-14s %s\n", workloads[i]->name, workloads[i]->imitates);
    }
    text_write(&text, STDOUT_FILENO);
}

void help_workload(const struct workload *workload)
{
    struct text text = {0};
    struct run defaults;
    args_defaults(&defaults, workload);
    text_add(&text, "%s: %s\nsource: %s\ncannot show: %s\n", workload->name, workload->imitates,
             workload->source, workload->blind_to);
    text_add(&text, "defaults: %u thread%s, %" PRIu64 " ops, touch %s\n", defaults.nthreads,
             defaults.nthreads > 1 ? "s" : "", defaults.ops, touch_names[defaults.touch]);
    text_add(&text, "\noptions of this workload:\n");
    help_options(&text, workload->options);
    text_add(&text, "\noptions of all workloads:\n");
    help_options(&text, common_options);
    for (unsigned i = 0; workload->presets[i].name != NULL; i++) {
        text_add(&text, "%s  %s: %s\n      %s\n", i == 0 ? "\npresets:\n" : "",
                 workload->presets[i].name, workload->presets[i].settings,
                 workload->presets[i].source);
    }
    text_write(&text, STDOUT_FILENO);
}

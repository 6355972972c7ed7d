/* aa_part.c: see aa_part.h. */
#include "verbs/aa_part.h"

#include "base/chance.h"
#include "verbs/cli.h"
#include "verbs/measure.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REGISTRY "registry.ini"
#define REGISTRY_LINE_MAX 190 /* the reader of .ini files cuts at 200 */

/* ---- the folder ---- */

/* A run whose plan is written; before that nothing is lost by a new one. */
static bool is_begun(const char *dir)
{
    char *path = text_format("%s/%s", dir, STORE_SAMPLES), *text = text_of_file(path);
    bool begun = text != NULL && strchr(text, '\n') != NULL;

    free(text);
    free(path);
    return begun;
}

static char *find_run(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char *found = NULL;

    while (dir != NULL && found == NULL && (entry = readdir(dir)) != NULL) {
        found = text_format("%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || !is_begun(found)) {
            free(found);
            found = NULL;
        }
    }
    if (dir != NULL)
        closedir(dir);
    return found;
}

bool aa_part_open(const struct aa *aa, const char *name, enum aa_seeds seeds, uint64_t number,
                  struct aa_part *part, struct failure *why)
{
    struct chance chance = chance_for(aa->seed, seeds, number);

    part->folder = text_format("%s/%s", aa->dir, name);
    part->seed = chance_next(&chance) >> 1; /* a seed on the command line has 63 bits */
    part->run = NULL;
    if (mkdir(part->folder, 0777) != 0 && errno != EEXIST)
        return fail(why, EXIT_USAGE, "cannot write to %s (%s); make room", part->folder,
                    strerror(errno));
    part->run = find_run(part->folder);
    return true;
}

void aa_part_close(struct aa_part *part)
{
    free(part->folder);
    free(part->run);
    memset(part, 0, sizeof *part);
}

static void write_side(FILE *out, const char *name, const char *path, const struct words *own,
                       const struct words *more)
{
    fprintf(out, "[%s]\npath = %s\n", name, path);
    for (size_t i = 0; i < own->count; i++)
        fprintf(out, "env = %s\n", own->at[i]);
    for (size_t i = 0; i < more->count; i++)
        fprintf(out, "env = %s\n", more->at[i]);
}

bool aa_part_sides(const struct aa *aa, const struct aa_part *part, const char *const path[2],
                   const struct words env[2], struct failure *why)
{
    char *file;
    FILE *out;
    bool ok;

    for (int i = 0; i < 2; i++)
        if (strlen(path[i]) > REGISTRY_LINE_MAX)
            return fail(why, EXIT_USAGE, "%s: the name is too long; give a shorter --results",
                        path[i]);
    file = text_format("%s/%s", part->folder, REGISTRY);
    out = fopen(file, "we");
    ok = out != NULL;
    for (int i = 0; ok && i < 2; i++)
        write_side(out, i == 0 ? "a" : "b", path[i], &aa->rehearsal.allocators[0].env, &env[i]);
    ok = ok && !ferror(out);
    if (out != NULL && fclose(out) != 0)
        ok = false;
    if (!ok)
        fail(why, EXIT_USAGE, "cannot write %s (%s); make room", file, strerror(errno));
    free(file);
    return ok;
}

/* ---- a gate, a run ---- */

static void add_pair(struct words *words, const char *option, char *value)
{
    words_add(words, option);
    words_add(words, value);
    free(value);
}

/* Bars are for eyes: in a log a line after each part is enough. */
static bool is_silent(const struct aa *aa)
{
    return aa->quiet || !isatty(2);
}

/* What every part is given, whether it is begun or gone on with. */
static void add_place(const struct aa *aa, const struct aa_part *part, struct words *words)
{
    if (is_silent(aa))
        words_add(words, "--quiet");
    if (part->run != NULL) {
        add_pair(words, "--resume", text_copy(part->run));
        return;
    }
    add_pair(words, "--registry", text_format("%s/%s", part->folder, REGISTRY));
    add_pair(words, "--results", text_copy(part->folder));
    add_pair(words, "--seed", text_format("%llu", (unsigned long long)part->seed));
    words_add_all(words, aa->run_words.at);
}

bool aa_part_gate(const struct aa *aa, const struct aa_part *part, struct gate_result *result,
                  struct failure *why)
{
    struct words words = {0};
    bool ok;

    words_add(&words, "gate");
    add_place(aa, part, &words);
    if (part->run == NULL) {
        words_add_all(&words, aa->gate_words.at);
        words_add(&words, "a");
        words_add(&words, "b");
    }
    ok = gate_perform((int)words.count, words.at, result, why);
    words_free(&words);
    return ok;
}

bool aa_part_run(const struct aa *aa, const struct aa_part *part, unsigned blocks, bool counts,
                 char **run, struct failure *why)
{
    struct measure_options options = {.results = "results", .comparing = true, .why = why};
    struct words words = {0};
    size_t failures;
    bool ok;

    *run = NULL;
    words_add(&words, "run");
    add_place(aa, part, &words);
    if (part->run == NULL) {
        add_pair(&words, "--allocators", text_copy("a b"));
        add_pair(&words, "--baseline", text_copy("a"));
        add_pair(&words, "--blocks", text_format("%u", blocks));
        if (!counts)
            words_add(&words, "--no-counts");
    }
    ok = cli_parse(&measure_argp, "run", (int)words.count, words.at, &options, why) &&
         measure(&options, run, &failures, why);
    words_free(&options.workloads);
    words_free(&words);
    return ok;
}

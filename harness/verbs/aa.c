/* aa.c: `ashlar aa`, the harness judges itself: how often does it cry for nothing, and how much of
 * what is planted does it find?
 *
 *     verdicts    library, second library (linked anew) --> whole gate --> alarm or none   x N
 *     trials      planted library, dose 0 | dose of 5 % --> whole gate --> found or not    x K each
 *
 * Both are whole gates of `ashlar gate`, by its own code (gate.h), each from fresh processes. What
 * has ended stands in aa.jsonl (aa_book.h), and all figures follow from it (judge/aa.h), so it can
 * be cut off anywhere, go on on another day, and be asked for more.
 */
#include "base/chance.h"
#include "base/member.h"
#include "judge/aa.h"
#include "judge/publish.h"
#include "process/child.h"
#include "run/progress.h"
#include "verbs/aa_dose.h"
#include "verbs/aa_options.h"
#include "verbs/aa_part.h"
#include "verbs/aa_report.h"
#include "verbs/cli.h"
#include "verbs/gate_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For the minutes that are told beforehand: steps of a calibration are three as a rule, and a
 * process takes half a second. */
#define STEPS_EXPECTED 3
#define STEP_CELL_S (2 * (AA_DOSE_BLOCKS + 2) * 0.5)

/* ---- parts ---- */

/* A gate in the part's folder, and what all gates' lines have. */
static json_t *perform(const struct aa *aa, const struct aa_part *part, const char *type,
                       struct failure *why)
{
    uint64_t begin_ns = progress_now_ns();
    struct gate_result result;
    json_t *line = NULL;

    if (aa_part_gate(aa, part, &result, why))
        line = json_pack("{s:s,s:s,s:I,s:f,s:b,s:O}", "type", type, "dir",
                         result.dir + strlen(aa->dir) + 1, "seed", (json_int_t)part->seed,
                         "seconds", (double)(progress_now_ns() - begin_ns) / 1e9, "resumed",
                         part->run != NULL, "tests", json_object_get(result.ruling, "tests"));
    gate_result_free(&result);
    return line;
}

/* The second library is built when its gate begins; one that was cut off goes on with its own. */
static bool second_library(const struct aa *aa, const struct aa_part *part, struct failure *why)
{
    const char *library = aa->rehearsal.allocators[0].path;
    const char *slash = strrchr(library, '/');
    const struct words none[2] = {{0}, {0}};
    char *out = text_format("%s/%s", part->folder, slash != NULL ? slash + 1 : library);
    const char *const paths[2] = {library, out};
    bool ok = relink(library, aa->second, aa->command, part->seed, out, why) &&
              aa_part_sides(aa, part, paths, none, why);

    free(out);
    return ok;
}

static bool run_verdict(struct aa *aa, uint64_t n, struct failure *why)
{
    char *name = text_format("verdict-%03llu", (unsigned long long)n);
    struct aa_part part = {0};
    json_t *line = NULL;

    if (aa_part_open(aa, name, AA_SEEDS_VERDICT, n, &part, why) &&
        (part.run != NULL || second_library(aa, &part, why)))
        line = perform(aa, &part, "verdict", why);
    if (line != NULL)
        json_object_set_new(line, "n", json_integer((json_int_t)n));
    aa_part_close(&part);
    free(name);
    return line != NULL && aa_book_note(aa, line, why);
}

static bool planted_sides(const struct aa *aa, const struct aa_part *part, const char *kind,
                          double size, struct failure *why)
{
    const char *const paths[2] = {aa->planted, aa->planted};
    struct words env[2] = {aa_dose_env(aa, kind, size, false), aa_dose_env(aa, kind, size, true)};
    bool ok = aa_part_sides(aa, part, paths, env, why);

    words_free(&env[0]);
    words_free(&env[1]);
    return ok;
}

static bool run_trial(struct aa *aa, const char *kind, double size, uint64_t k, struct failure *why)
{
    char *name = text_format("trial-%s-%g-%03llu", kind, size, (unsigned long long)k);
    struct aa_part part = {0};
    json_t *line = NULL;

    if (aa_part_open(aa, name, AA_SEEDS_TRIAL, hash_text(name), &part, why) &&
        (part.run != NULL || planted_sides(aa, &part, kind, size, why)))
        line = perform(aa, &part, "trial", why);
    if (line != NULL) {
        json_object_set_new(line, "kind", json_string(kind));
        json_object_set_new(line, "size", json_real(size));
        json_object_set_new(line, "k", json_integer((json_int_t)k));
        json_object_set_new(line, "doses", aa_dose_list(aa, kind, size));
    }
    aa_part_close(&part);
    free(name);
    return line != NULL && aa_book_note(aa, line, why);
}

/* ---- minutes ---- */

/* What is still to be run. */
struct lacking {
    uint64_t verdicts, trials, calibrations;
};

static struct lacking lacking_of(const struct aa *aa, const struct aa_options *chosen)
{
    struct lacking lacking = {0};
    const json_t *plants = aa_book_plants(aa), *plant, *size;
    size_t p, s;

    for (uint64_t n = 1; n <= chosen->verdicts; n++)
        lacking.verdicts += aa_book_verdict(aa, n) == NULL;
    json_array_foreach(plants, p, plant)
    {
        const char *kind = member_text(plant, "kind");
        bool calibrated = aa_book_calibration(aa, kind, 1) != NULL;

        lacking.calibrations += chosen->trials > 0 && !calibrated;
        if (calibrated && !aa_dose_any(aa, kind))
            continue;
        json_array_foreach(json_object_get(plant, "sizes"), s, size)
        {
            for (uint64_t k = 1; k <= chosen->trials; k++)
                lacking.trials += aa_book_trial(aa, kind, json_number_value(size), k) == NULL;
        }
    }
    return lacking;
}

/* In minutes. */
struct span {
    double least, most;
};

/* A gate takes what those before took; the first what suites are calibrated to. */
static struct span gate_span(const struct aa *aa, const json_t *known)
{
    struct span span = {member_number(known, "least"), member_number(known, "most")};

    if (!json_is_object(known))
        gate_minutes(&aa->rehearsal, &span.least, &span.most);
    return span;
}

static struct span left(const struct aa *aa, const struct lacking *lacking)
{
    json_t *finding = aa_find(aa->lines, 0, 0);
    const json_t *total = json_object_get(finding, "verdicts");
    struct span verdict = gate_span(aa, json_object_get(total, "minutes"));
    struct span trial = gate_span(aa, json_object_get(finding, "trial_minutes"));
    double verdicts = (double)lacking->verdicts, trials = (double)lacking->trials;
    double rest = (double)lacking->calibrations * STEPS_EXPECTED * STEP_CELL_S *
                  (double)aa->rehearsal.suite.count / 60;

    json_decref(finding);
    return (struct span){verdicts * verdict.least + trials * trial.least + rest,
                         verdicts * verdict.most + trials * trial.most + rest};
}

static void tell_minutes(const struct aa *aa, const struct aa_options *chosen)
{
    struct lacking lacking = lacking_of(aa, chosen);
    struct span span = left(aa, &lacking);

    fprintf(stderr,
            "ashlar: %llu verdicts and %llu trials are to be run: %.0f minutes at least, %.0f at "
            "most, in %s\n",
            (unsigned long long)lacking.verdicts, (unsigned long long)lacking.trials, span.least,
            span.most, aa->store.dir);
}

static void tell_end(const struct aa *aa, const struct aa_options *chosen, const char *what)
{
    struct lacking lacking = lacking_of(aa, chosen);
    struct span span = left(aa, &lacking);
    const json_t *line = json_array_get(aa->lines, json_array_size(aa->lines) - 1);

    if (!aa->quiet)
        fprintf(stderr,
                "ashlar: %s: %zu regressions in %zu tests, %.1f minutes; %.0f to %.0f minutes "
                "left\n",
                what, gate_report_count(line, "regression"),
                json_array_size(json_object_get(line, "tests")),
                member_number(line, "seconds") / 60, span.least, span.most);
}

/* ---- what comes of it ---- */

static bool write_json(FILE *out, void *finding)
{
    bool ok = json_dumpf(finding, out, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) == 0;

    fputc('\n', out);
    return ok;
}

static bool write_markdown(FILE *out, void *finding)
{
    aa_report_markdown(finding, out);
    return true;
}

/* A failed process is worse than a missed target. */
static int exit_code_of(const json_t *lines, const json_t *finding)
{
    const json_t *line;
    size_t i;

    json_array_foreach(lines, i, line)
    {
        if (gate_report_count(line, "failed") > 0)
            return EXIT_FAILED;
    }
    if (aa_count(finding, "missed") > 0)
        return EXIT_REGRESSION;
    return aa_count(finding, "met") > 0 ? EXIT_OK : EXIT_INCONCLUSIVE;
}

/* aa.json and aa.md are never older than the last part. */
static json_t *publish(const struct aa *aa, const struct aa_options *chosen, struct failure *why)
{
    static const struct publication files[] = {{"aa.json", write_json}, {"aa.md", write_markdown}};
    json_t *finding = aa_find(aa->lines, chosen->verdicts, chosen->trials);

    json_object_set_new(finding, "exit_code", json_integer(exit_code_of(aa->lines, finding)));
    if (publish_all(aa->dir, files, 2, finding, why->text, sizeof why->text))
        return finding;
    why->exit_code = EXIT_USAGE;
    json_decref(finding);
    return NULL;
}

static bool conclude_part(const struct aa *aa, const struct aa_options *chosen, const char *what,
                          struct failure *why)
{
    json_t *finding = publish(aa, chosen, why);

    tell_end(aa, chosen, what);
    json_decref(finding);
    return finding != NULL;
}

/* ---- all of it ---- */

static bool run_verdicts(struct aa *aa, const struct aa_options *chosen, struct failure *why)
{
    bool ok = true;

    for (uint64_t n = 1; ok && n <= chosen->verdicts; n++) {
        char what[64];

        if (aa_book_verdict(aa, n) != NULL)
            continue;
        snprintf(what, sizeof what, "verdict %llu of %llu", (unsigned long long)n,
                 (unsigned long long)chosen->verdicts);
        ok = run_verdict(aa, n, why) && conclude_part(aa, chosen, what, why);
    }
    return ok;
}

/* One trial of each plant and size before the second of any, so that what there is when one stops
 * is as even as can be. */
static bool run_round(struct aa *aa, const struct aa_options *chosen, uint64_t k,
                      struct failure *why)
{
    const json_t *plant, *size;
    size_t p, s;
    bool ok = true;

    json_array_foreach(aa_book_plants(aa), p, plant)
    {
        const char *kind = member_text(plant, "kind");

        ok = ok && aa_dose_calibrate(aa, kind, why);
        json_array_foreach(json_object_get(plant, "sizes"), s, size)
        {
            double percent = json_number_value(size);
            char what[64];

            if (!ok || !aa_dose_any(aa, kind) || aa_book_trial(aa, kind, percent, k) != NULL)
                continue;
            snprintf(what, sizeof what, "trial %llu of %llu of %g %% %s", (unsigned long long)k,
                     (unsigned long long)chosen->trials, percent, kind);
            ok = run_trial(aa, kind, percent, k, why) && conclude_part(aa, chosen, what, why);
        }
    }
    return ok;
}

static bool run_all(struct aa *aa, const struct aa_options *chosen, struct failure *why)
{
    bool ok = run_verdicts(aa, chosen, why);

    for (uint64_t k = 1; ok && k <= chosen->trials; k++)
        ok = run_round(aa, chosen, k, why);
    if (!ok && why->exit_code == EXIT_INTERRUPTED)
        fail(why, EXIT_INTERRUPTED, "interrupted; what is done is kept, continue with --resume %s",
             aa->store.dir);
    return ok;
}

static int conclude(const struct aa *aa, const struct aa_options *chosen, struct failure *why)
{
    json_t *finding = publish(aa, chosen, why);
    int code = finding != NULL ? exit_code_of(aa->lines, finding) : why->exit_code;

    if (finding != NULL && chosen->measure.json) {
        write_json(stdout, finding);
    } else if (finding != NULL) {
        aa_report_table(finding, stdout);
        printf("\n%s/aa.md\n", aa->store.dir);
    }
    json_decref(finding);
    return code;
}

int verb_aa(int argc, char **argv, struct failure *why)
{
    struct aa_options chosen;
    struct aa aa = {.store = {.fd = -1}};
    bool ok = aa_options_parse(&chosen, argc, argv, why);
    int code;

    if (ok) {
        child_catch_interrupts();
        ok = aa_options_open(&chosen, &aa, why);
    }
    if (ok) {
        tell_minutes(&aa, &chosen);
        ok = run_all(&aa, &chosen, why);
    }
    code = ok ? conclude(&aa, &chosen, why) : why->exit_code;
    aa_book_close(&aa);
    aa_options_free(&chosen);
    return code;
}

/* judge.c: read, judge, publish, print.
 *
 * Below        samples.h verdict.h summary.h report.h table.h publish.h        Above   the verbs
 */
#include "judge.h"

#include "duet.h"
#include "growth.h"
#include "publish.h"
#include "report.h"
#include "samples.h"
#include "summary.h"
#include "table.h"
#include "verdict.h"

#define EXIT_OK 0
#define EXIT_BAD_INPUT 2
#define EXIT_CELL_FAILED 4

/* What the writers of the three files share. */
struct product {
    const struct samples *run;         /* as read */
    const struct judgement *judgement; /* as judged */
    const json_t *summary;             /* as JSON */
};

static bool write_summary(FILE *out, void *context)
{
    const struct product *product = context;
    bool ok = json_dumpf(product->summary, out, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) == 0;
    fputc('\n', out);
    return ok;
}

static bool write_markdown(FILE *out, void *context)
{
    const struct product *product = context;
    return report_markdown(product->run, product->judgement, out);
}

static bool write_html(FILE *out, void *context)
{
    const struct product *product = context;
    return report_html(product->run, product->summary, out);
}

/* The summary comes last: where it stands, the reports of the same judgement stand beside it. */
static const struct publication files[] = {
    {"report.md", write_markdown},
    {"report.html", write_html},
    {"summary.json", write_summary},
};

static bool publish(const char *dir, const struct samples *run, const struct judgement *judgement,
                    char *err, size_t err_size)
{
    json_t *summary = summary_make(run, judgement);
    if (summary == NULL) {
        snprintf(err, err_size, "%s: out of memory while judging; free some and try again", dir);
        return false;
    }
    struct product product = {.run = run, .judgement = judgement, .summary = summary};
    bool ok = publish_all(dir, files, sizeof files / sizeof files[0], &product, err, err_size);
    json_decref(summary);
    return ok;
}

static bool judge(const char *run_dir, const struct samples *run, bool color, FILE *table_out,
                  char *err, size_t err_size, int *exit_code)
{
    struct judgement judgement;
    char why[256];
    if (!verdict_judge(run, &judgement, why, sizeof why)) {
        snprintf(err, err_size, "%s/samples.jsonl: %s", run_dir, why);
        return false;
    }
    judgement.growth = growth_judge(run);
    judgement.duets = duet_judge(run);
    judgement.any_failed = judgement.any_failed || growth_failed(judgement.growth);
    bool ok = publish(run_dir, run, &judgement, err, err_size);
    if (ok) {
        *exit_code = judgement.any_failed ? EXIT_CELL_FAILED : EXIT_OK;
        if (table_out != NULL) {
            table_print(run, &judgement, color, table_out);
            growth_table(judgement.growth, table_out);
            duet_table(judgement.duets, table_out);
        }
    }
    verdict_free(&judgement);
    return ok;
}

bool judge_run(const char *run_dir, bool color, FILE *table_out, char *err, size_t err_size,
               int *exit_code)
{
    struct samples run;
    *exit_code = EXIT_BAD_INPUT;
    if (!samples_read_run(run_dir, &run, err, err_size)) {
        return false;
    }
    bool ok = judge(run_dir, &run, color, table_out, err, err_size, exit_code);
    samples_free(&run);
    return ok;
}

/* report.c: the judgement for people.
 *
 * Below        figure.h asset.h verdict.h        Above   judge.c
 */
#include "report.h"

#include "asset.h"
#include "calls.h"
#include "duet.h"
#include "figure.h"
#include "memory.h"
#include "growth.h"
#include "markdown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Markdown. */

static void put_cell(FILE *out, const struct cell *cell)
{
    put_text(out, cell->workload);
    fputc(' ', out);
    put_text(out, cell->params);
    fprintf(out, "%sT=%ld", *cell->params != '\0' ? " " : "", cell->threads);
}

static void markdown_means(const struct samples *run, const struct judgement *j, FILE *out)
{
    fputs("\n| geometric mean | metric | ratio | 95 % interval | workloads |\n"
          "|---|---|--:|---|--:|\n",
          out);
    for (size_t i = 0; i < j->n_means; i++) {
        const struct mean *m = &j->means[i];
        fputs("| ", out);
        put_text(out, run->allocators[m->contender]);
        if (isnan(m->ratio)) {
            fprintf(out, " | %s | - | - | 0 |\n", verdict_metric_name(m->metric));
        } else {
            fprintf(out, " | %s | **%.3f** | %.3f to %.3f | %zu |\n",
                    verdict_metric_name(m->metric), m->ratio, m->low, m->high, m->workloads);
        }
    }
}

/* The columns that only times have; the last two where there is a floor. */
static void markdown_yardsticks(const struct samples *run, const struct finding *f, FILE *out)
{
    char share[FIGURE_SIZE], base[FIGURE_SIZE], cont[FIGURE_SIZE];
    fprintf(out, " %s |", figure_share(f->null_share, share));
    if (verdict_reference(run) < run->n_allocators) {
        fprintf(out, " %s | %s |", figure_times(verdict_x_floor(run, f, 0), base),
                figure_times(verdict_x_floor(run, f, f->contender), cont));
    }
}

static void markdown_head(const struct samples *run, const struct finding *f, FILE *out)
{
    bool time = f->metric == METRIC_TIME;
    bool floor = time && verdict_reference(run) < run->n_allocators;
    fprintf(out, "\n## %s: ", verdict_metric_name(f->metric));
    put_text(out, run->allocators[f->contender]);
    fputs(" against ", out);
    put_text(out, run->allocators[0]);
    fputs("\n\n| verdict | cell | ratio | 95 % interval | ", out);
    put_text(out, run->allocators[0]);
    fputs(" | ", out);
    put_text(out, run->allocators[f->contender]);
    fprintf(out, " | p (Holm) | blocks |%s", time ? " null share |" : "");
    for (size_t side = 0; floor && side < 2; side++) {
        fputc(' ', out);
        put_text(out, run->allocators[side == 0 ? 0 : f->contender]);
        fputs(" x floor |", out);
    }
    fprintf(out, "\n|---|---|--:|---|--:|--:|--:|--:|%s%s\n", time ? "--:|" : "",
            floor ? "--:|--:|" : "");
}

static void markdown_row(const struct samples *run, const struct finding *f, FILE *out)
{
    char base[FIGURE_SIZE], cont[FIGURE_SIZE], ratio[FIGURE_SIZE], interval[FIGURE_SIZE];
    char p[FIGURE_SIZE];
    fprintf(out, "| %s | ", verdict_name(f->verdict));
    put_cell(out, &run->cells[f->cell]);
    fprintf(out, "%s | %s | %s | %s | %s | %s | %zu |",
            run->cells[f->cell].primary ? " (primary)" : "", figure_ratio(f, ratio),
            figure_interval(f, interval), figure_value(f->metric, f->baseline_median, base),
            figure_value(f->metric, f->contender_median, cont), figure_p(f->p_holm, p), f->n);
    if (f->metric == METRIC_TIME) {
        markdown_yardsticks(run, f, out);
    }
    fputc('\n', out);
}

static void markdown_cells(const struct samples *run, const struct judgement *j, FILE *out)
{
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct finding *f = &j->findings[i];
        if (i == 0 || f[-1].contender != f->contender || f[-1].metric != f->metric) {
            markdown_head(run, f, out);
        }
        markdown_row(run, f, out);
    }
}

static void markdown_warnings(const struct judgement *j, FILE *out)
{
    fputs("\n## Reasons for doubt\n\n", out);
    for (size_t i = 0; i < json_array_size(j->warnings); i++) {
        const json_t *warning = json_array_get(j->warnings, i);
        fputs("- ", out);
        put_text(out, json_string_value(json_object_get(warning, "text")));
        fputs(". Remedy: ", out);
        put_text(out, json_string_value(json_object_get(warning, "remedy")));
        fputs(".\n", out);
    }
    if (json_array_size(j->warnings) == 0) {
        fputs("None was found.\n", out);
    }
}

static bool markdown_environment(const struct samples *run, FILE *out)
{
    const json_t *environment = json_object_get(run->plan, "environment");
    const char *key;
    json_t *value;
    fputs("\n## Environment\n\n| | |\n|---|---|\n", out);
    json_object_foreach((json_t *)environment, key, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        if (text == NULL) {
            return false;
        }
        fputs("| ", out);
        put_text(out, key);
        fputs(" | ", out);
        put_text(out, json_is_string(value) ? json_string_value(value) : text);
        fputs(" |\n", out);
        free(text);
    }
    return true;
}

bool report_markdown(const struct samples *run, const struct judgement *j, FILE *out)
{
    const char *suite = json_string_value(json_object_get(run->plan, "suite"));
    fprintf(out, "# Suite %s: against ", suite != NULL ? suite : "(unnamed)");
    put_text(out, run->allocators[0]);
    fputs("\n\n", out);
    for (size_t k = 1; k < run->n_allocators; k++) {
        char *headline = figure_headline(run, j, k);
        if (headline == NULL) {
            return false;
        }
        put_text(out, headline);
        fputs("\n\n", out);
        free(headline);
    }
    fputs("Ratios are contender over baseline: below 1 is less. What is lost stands first.\n", out);
    if (j->n_means > 0) {
        markdown_means(run, j, out);
    }
    markdown_cells(run, j, out);
    calls_markdown(j->calls, out);
    memory_markdown(j->memory, out);
    growth_markdown(j->growth, out);
    duet_markdown(j->duets, out);
    markdown_warnings(j, out);
    if (!markdown_environment(run, out)) {
        return false;
    }
    fputs("\n## Method\n\n", out);
    fwrite(asset_method, 1, (size_t)(asset_method_end - asset_method), out);
    return true;
}

/* HTML. */

/* What the charts need of the samples; the raw lines stay in samples.jsonl. */
static json_t *chart_samples(const struct samples *run)
{
    static const char *const keys[] = {"cell",      "block",        "order",        "warmup",
                                       "allocator", "status",       "detail",       "signal",
                                       "time_ns",   "peak_rss_kib", "instructions", "minflt",
                                       "majflt",    "ctx_switches", "user_us",      "sys_us"};
    json_t *list = json_array();
    for (size_t i = 0; i < run->n_all; i++) {
        json_t *one = json_object();
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            json_t *value = json_object_get(run->all[i].raw, keys[k]);
            if (value != NULL && json_object_set(one, keys[k], value) != 0) {
                json_decref(one);
                json_decref(list);
                return NULL;
            }
        }
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* JSON inside a <script>: no "<" may stand there, or a string could close it. */
static int put_json(const char *text, size_t len, void *context)
{
    FILE *out = context;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '<') {
            fputs("\\u003c", out);
        } else {
            fputc(text[i], out);
        }
    }
    return 0;
}

/* Block 0 of each cell and allocator: the others look like it, and their figures are in the table.
 */
static json_t *chart_curves(const struct samples *run)
{
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(run->memory); i++) {
        json_t *line = json_array_get(run->memory, i);
        if (json_integer_value(json_object_get(line, "block")) == 0) {
            json_array_append_new(list, json_pack("{s:O, s:O, s:O?}", "cell",
                                                  json_object_get(line, "cell"), "allocator",
                                                  json_object_get(line, "allocator"), "curve",
                                                  json_object_get(line, "curve")));
        }
    }
    return list;
}

static bool put_data(const struct samples *run, const json_t *summary, FILE *out)
{
    json_t *data = json_pack("{s:O, s:o, s:o}", "summary", summary, "samples", chart_samples(run),
                             "curves", chart_curves(run));
    bool ok = data != NULL &&
              json_dump_callback(data, put_json, out,
                                 JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(10)) == 0;
    json_decref(data);
    return ok;
}

/* Writes what a mark of the template stands for; false when there is no such mark or no memory. */
static bool put_mark(const char *mark, size_t len, const struct samples *run, const json_t *summary,
                     FILE *out)
{
    const struct {
        const char *name, *from, *to;
    } pieces[] = {
        {"STYLE", asset_css, asset_css_end},
        {"VEGA", asset_vega, asset_vega_end},
        {"SCRIPT", asset_js, asset_js_end},
        {"METHOD", asset_method, asset_method_end},
    };
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        if (strlen(pieces[i].name) == len && memcmp(pieces[i].name, mark, len) == 0) {
            fwrite(pieces[i].from, 1, (size_t)(pieces[i].to - pieces[i].from), out);
            return true;
        }
    }
    return len == strlen("DATA") && memcmp("DATA", mark, len) == 0 && put_data(run, summary, out);
}

bool report_html(const struct samples *run, const json_t *summary, FILE *out)
{
    const char *at = asset_html;
    while (at < asset_html_end) {
        const char *open = memchr(at, '@', (size_t)(asset_html_end - at));
        const char *close =
            open != NULL ? memchr(open + 1, '@', (size_t)(asset_html_end - open - 1)) : NULL;
        if (close == NULL) {
            fwrite(at, 1, (size_t)(asset_html_end - at), out);
            return true;
        }
        fwrite(at, 1, (size_t)(open - at), out);
        if (!put_mark(open + 1, (size_t)(close - open - 1), run, summary, out)) {
            return false;
        }
        at = close + 1;
    }
    return true;
}

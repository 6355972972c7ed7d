/* result.c: the JSON lines of the benchmark. See result.h.
 *
 * Nothing here allocates: the line of a run that judges an allocator must not be made by it.
 */
#include "result.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "layout.h"
#include "run.h"
#include "worker.h"

static struct text line; /* too big for a stack */

/* The process's own peak of resident memory. It is read by plain system calls, because a stdio
 * buffer would come from the allocator; and not from getrusage, which inherits the parent's. */
static uint64_t vmhwm_kib(void)
{
    char status[8192];
    size_t len = 0;
    const long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC);
    long got = fd < 0 ? -1 : 0;
    while (fd >= 0 && (got = syscall(SYS_read, fd, status + len, sizeof status - 1 - len)) > 0) {
        len += (size_t)got;
    }
    status[len] = '\0';
    const char *c = strstr(status, "VmHWM:");
    if (got < 0 || c == NULL) {
        die(EXIT_INTEGRITY, "cannot read VmHWM from /proc/self/status (errno %d); mount /proc",
            errno);
    }
    (void)syscall(SYS_close, fd);
    uint64_t kib = 0;
    for (c += strlen("VmHWM:"); *c != '\n' && *c != '\0'; c++) {
        kib = *c >= '0' && *c <= '9' ? kib * 10 + (uint64_t)(*c - '0') : kib;
    }
    return kib;
}

/* Slowest worker over the median one, in thousandths. */
static uint64_t straggler_permille(const struct run *run)
{
    uint64_t sorted[THREADS_MAX];
    const unsigned n = run->nthreads;
    for (unsigned i = 0; i < n; i++) {
        unsigned at = i;
        const uint64_t ns = run->workers[i].busy_ns;
        for (; at > 0 && sorted[at - 1] > ns; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = ns;
    }
    const uint64_t median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    return median == 0 ? 1000 : sorted[n - 1] * 1000 / median;
}

static const char *truth(bool yes)
{
    return yes ? "true" : "false";
}

/* Every option that shapes the cell, in the order of the table: a key, so never abridged. */
static void add_params(const struct run *run)
{
    const struct option *options = run->workload->options;
    text_add(&line, "\"params\":\"");
    for (unsigned i = 0; options[i].name != NULL; i++) {
        if (!options[i].off_params) {
            text_add(&line, "%s=", options[i].name);
            option_print(&line, &options[i], run->values[i]);
            text_add(&line, ",");
        }
    }
    text_add(&line, "touch=%s\"", touch_names[run->touch]);
}

static void add_strings(const char *const *strings)
{
    text_add(&line, "[");
    for (unsigned i = 0; strings[i] != NULL; i++) {
        text_add(&line, "%s", i > 0 ? "," : "");
        text_add_json(&line, strings[i]);
    }
    text_add(&line, "]");
}

static void add_head(const struct run *run, const char *schema)
{
    line.len = 0;
    text_add(&line, "{\"schema\":\"%s\",\"workload\":\"%s\",", schema, run->workload->name);
    add_params(run);
    text_add(&line, ",\"threads\":%u,\"seed\":%" PRIu64 ",\"ops\":%" PRIu64, run->nthreads,
             run->seed, run->ops);
}

static void add_tail(const struct run *run)
{
    text_add(&line, ",\"null\":%s,\"check\":%s", truth(run->null), truth(run->check));
    text_add(&line, ",\"touched\":\"%s\"", touch_names[run->touch]);
}

/* Only workloads that took a series have the key. */
static void add_series(const struct series *series)
{
    if (series->name == NULL) {
        return;
    }
    text_add(&line, ",\"series\":{\"%s\":[", series->name);
    for (unsigned i = 0; i < series->len; i++) {
        text_add(&line, "%s%" PRIu64, i > 0 ? "," : "", series->values[i]);
    }
    text_add(&line, "]}");
}

/* part / whole in millionths; nothing of nothing is none. */
static uint64_t millionths(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (uint64_t)((unsigned __int128)part * 1000000 / whole);
}

/* Only a run with --layout has the key. */
static void add_layout(const struct run *run)
{
    if (!run->layout) {
        return;
    }
    const struct layout *peak = layout_peak();
    const uint64_t page_bytes = peak->pages.nlive * 4096;
    text_add(&line,
             ",\"layout\":{\"live_bytes\":%" PRIu64 ",\"live_blocks\":%" PRIu64
             ",\"pages\":%" PRIu64 ",\"sharing_blocks\":%" PRIu64 ",\"ranges\":%" PRIu64
             ",\"dense_ranges\":%" PRIu64,
             peak->live_bytes, peak->nblocks, peak->pages.nlive, peak->nsharing, peak->ranges.nlive,
             peak->ranges.ndense);
    text_add(&line, ",\"page_waste\":");
    text_add_fixed(&line, millionths(page_bytes - peak->live_bytes, page_bytes), 6);
    text_add(&line, ",\"false_sharing\":");
    text_add_fixed(&line, millionths(peak->nsharing, peak->nblocks), 6);
    text_add(&line, ",\"internal_waste\":");
    if (layout_usable_known()) {
        text_add_fixed(&line, millionths(peak->usable_bytes - peak->live_bytes, peak->live_bytes),
                       6);
    } else {
        text_add(&line, "null");
    }
    text_add(&line, ",\"huge_coverage\":");
    text_add_fixed(&line, millionths(peak->ranges.ndense, peak->ranges.nlive), 6);
    text_add(&line, "}");
}

void result_print(const struct run *run)
{
    add_head(run, "ashlar-bench-1");
    text_add(&line, ",\"elapsed_ns\":%" PRIu64 ",\"thread_ns\":[", run->elapsed_ns);
    for (unsigned i = 0; i < run->nthreads; i++) {
        text_add(&line, "%s%" PRIu64, i > 0 ? "," : "", run->workers[i].busy_ns);
    }
    text_add(&line, "],\"straggler\":");
    text_add_fixed(&line, straggler_permille(run), 3);
    text_add(&line, ",\"live_peak_bytes\":%lld", (long long)atomic_load(&run->live->peak));
    text_add(&line, ",\"live_end_bytes\":%lld", (long long)atomic_load(&run->live->total));
    add_tail(run);
    text_add(&line, ",\"check_failures\":%" PRIu64 ",\"counters\":{", run_check_failures(run));
    for (unsigned i = 0; i < run->ncounters; i++) {
        text_add(&line, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", run->counters[i].name,
                 run->counters[i].value);
    }
    text_add(&line, "}");
    add_series(&run->series);
    add_layout(run);
    text_add(&line, ",\"vmhwm_kib\":%" PRIu64 "}\n", vmhwm_kib());
    text_write(&line, STDOUT_FILENO);
}

void result_describe(const struct run *run)
{
    add_head(run, "ashlar-bench-describe-1");
    add_tail(run);
    text_add(&line, ",\"entry_points\":");
    add_strings(run->workload->entry_points);
    text_add(&line, "}\n");
    text_write(&line, STDOUT_FILENO);
}

static void add_options(const struct option *options)
{
    text_add(&line, "[");
    for (unsigned i = 0; options[i].name != NULL; i++) {
        text_add(&line, "%s{\"name\":\"%s\",\"default\":", i > 0 ? "," : "", options[i].name);
        text_add_json(&line, options[i].fallback == NULL ? "" : options[i].fallback);
        text_add(&line, ",\"help\":");
        text_add_json(&line, options[i].help);
        text_add(&line, "}");
    }
    text_add(&line, "]");
}

void result_list(const struct run *defaults, const struct option *common)
{
    const struct workload *workload = defaults->workload;
    line.len = 0;
    text_add(&line, "{\"name\":\"%s\",\"imitates\":", workload->name);
    text_add_json(&line, workload->imitates);
    text_add(&line, ",\"source\":");
    text_add_json(&line, workload->source);
    text_add(&line, ",\"options\":");
    add_options(workload->options);
    text_add(&line, ",\"common_options\":");
    add_options(common);
    text_add(&line, ",\"entry_points\":");
    add_strings(workload->entry_points);
    text_add(&line, ",\"presets\":[");
    for (unsigned i = 0; workload->presets[i].name != NULL; i++) {
        text_add(&line, "%s{\"name\":\"%s\",\"settings\":", i > 0 ? "," : "",
                 workload->presets[i].name);
        text_add_json(&line, workload->presets[i].settings);
        text_add(&line, ",\"source\":");
        text_add_json(&line, workload->presets[i].source);
        text_add(&line, "}");
    }
    text_add(&line, "],\"threads_default\":%u,\"threads_step\":%u,\"ops_default\":%" PRIu64,
             defaults->nthreads, workload->threads_step, defaults->ops);
    text_add(&line, ",\"touch_default\":\"%s\",\"cells\":", touch_names[workload->touch_default]);
    add_strings(workload->cells);
    text_add(&line, "}\n");
    text_write(&line, STDOUT_FILENO);
}

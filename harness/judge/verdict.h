/* verdict.h: from samples to verdicts. One finding a cell, metric and contender; geometric means;
 * reasons for doubt.
 *
 *     failed    a process of this cell ended badly, under the contender or under the baseline
 *     same      the whole interval lies within the margin: too small a difference to matter
 *     better    Holm's p is at most ALPHA, the interval lies wholly below 1, and the estimate lies
 *               beyond the margin
 *     worse     the same, above 1
 *     unclear   none of these: the data do not tell
 *
 *     ratio      0.9        1/margin  1  margin        1.1
 *                 |             :     |     :           |
 *     better      |    |--o--|  :     |     :           |
 *     better      |       |--o--:--|  |     :           |
 *     same        |             : |--o--|   :           |
 *     unclear     |             :     | |-o-:--|        |     sure of the side, not that it matters
 *     unclear     |             :  |--------o-----|     |
 *     worse       |             :     |     : |---o---| |
 *
 * A contender that the plan calls a reference (a floor) gets its words as the others do, but no
 * geometric mean, and none of its words counts for the suite. The times of all others are told as
 * multiples of its median time in the cell.
 *
 * Families of Holm's adjustment, each of one contender: a primary cell's time pays for all primary
 * times; any other time pays for all times; a peak pays for all peaks; an instruction count that
 * repeats exactly needs no test, and one that does not pays for all such counts.
 */
#ifndef ASHLAR_JUDGE_VERDICT_H
#define ASHLAR_JUDGE_VERDICT_H

#include "samples.h"

/* Where nothing differs, at most this share of the runs has a better or worse in a family. */
#define VERDICT_ALPHA 0.05

/* Equivalence margin of time and peak memory: 2 %, below the 3 to 5 % by which one process's time
 * differs from the next on shared cores, and below what a change of link order alone can do. */
#define VERDICT_MARGIN 1.02

/* Margin of counts that repeat within it: 0.5 %, ten times their spread from run to run. */
#define VERDICT_COUNT_MARGIN 1.005

/* Net peaks below this are compared by their difference: a ratio of two nearly empty heaps says
 * much about nothing. */
#define VERDICT_SMALL_KIB 4096.0

/* Equivalence margin of such a difference. Linux counts resident pages in batches of 64 pages a
 * thread (256 KiB), so a smaller difference may be the kernel's bookkeeping. */
#define VERDICT_SAME_KIB 256.0

/* Paired noise from which a cell is named in a warning (robust standard deviation of the log
 * ratios). */
#define VERDICT_NOISE 0.10

/* Live peaks of two processes that differ by more (1 %) make the cell one of changing demand: its
 * peaks are judged per live byte. Below, the count of live bytes by several threads may differ by
 * when each thread last told it. */
#define VERDICT_SAME_DEMAND 1.01

/* Share of the bare loop in the baseline's time from which a cell is named in a warning: a fifth of
 * it says nothing of allocators, and draws every ratio towards 1. */
#define VERDICT_NULL_SHARE 0.20

enum metric { METRIC_TIME, METRIC_PEAK_RSS, METRIC_INSTRUCTIONS, METRIC_COUNT };
enum verdict {
    VERDICT_FAILED,
    VERDICT_WORSE,
    VERDICT_UNCLEAR,
    VERDICT_SAME,
    VERDICT_BETTER,
    VERDICT_COUNT
};

/* How a finding was judged. */
enum basis {
    BASIS_RATIO,      /* paired log ratios, test and interval */
    BASIS_DIFFERENCE, /* paired differences in KiB, test and interval */
    BASIS_COUNT,      /* counts that repeat: fixed threshold, no test */
};

/* NAN: there is no such figure. */
struct finding {
    size_t cell;             /* index into samples.cells */
    size_t contender;        /* index into samples.allocators, 1 .. */
    enum metric metric;      /* what was measured */
    enum basis basis;        /* how it was judged */
    enum verdict verdict;    /* the word */
    double ratio;            /* contender over baseline, below 1 is less */
    double low;              /* interval of the ratio */
    double high;             /* its upper end */
    double difference;       /* KiB, contender less baseline: BASIS_DIFFERENCE only */
    double difference_low;   /* its interval */
    double difference_high;  /* its upper end */
    double confidence;       /* what the interval covers, 0 .. 1 */
    double p;                /* exact two-sided signed-rank */
    double p_holm;           /* adjusted within the family */
    double effect;           /* matched-pairs rank-biserial, -1 .. 1 */
    double noise;            /* robust standard deviation of the paired log ratios */
    double baseline_median;  /* ns, KiB net of the null run, or instructions */
    double contender_median; /* the same of the contender */
    double baseline_null;    /* KiB, the --null run, METRIC_PEAK_RSS only */
    double contender_null;   /* the same of the contender */
    double null_share; /* the --null run's time over the baseline's median, METRIC_TIME only */
    double floor;      /* median time of the reference in the cell, METRIC_TIME only */
    bool per_op;       /* the medians are instructions an operation */
    bool per_live;     /* the ratio is of peaks over the live bytes at their peak */
    size_t family;     /* tests in its Holm family, 0: not tested */
    size_t zeros;      /* blocks without any difference */
    size_t n;          /* blocks in which both allocators gave a figure */
    double *d;         /* [n] log ratios, owned; NULL where no ratio is defined */
    char *reason;      /* of VERDICT_FAILED, one line, owned; else NULL */
};

/* Geometric mean over the workloads of one contender and metric. */
struct mean {
    size_t contender;   /* index into samples.allocators */
    enum metric metric; /* of what */
    double ratio;       /* NAN: no workload had a ratio */
    double low;         /* bootstrap over blocks, workloads fixed */
    double high;        /* its upper end */
    size_t workloads;   /* that took part */
    json_t *names;      /* their names, owned */
    json_t *left_out;   /* primary cells that could not take part, each with its reason, owned */
};

struct judgement {
    struct finding *findings; /* [n_findings] by contender, then metric, then what is lost first */
    size_t n_findings;        /* cells x contenders x metrics that were measured */
    struct mean *means;       /* [n_means] by contender, then metric */
    size_t n_means;           /* contenders x metrics that were measured */
    json_t *calls;            /* system calls: see calls.h */
    json_t *memory;           /* memory over time: see memory.h */
    json_t *warnings;         /* the plan's, then ours: {"id","text","remedy"} */
    json_t *duets;            /* what duet_judge found that duets gain, NULL: nobody asked */
    json_t *growth;           /* what growth_judge made of the series, NULL: nobody asked */
    bool any_failed; /* a finding is VERDICT_FAILED, or a series or a watched process failed */
};

/* Judges a run. False and one line in err: nothing to judge, or no memory; *out is then empty. */
bool verdict_judge(const struct samples *run, struct judgement *out, char *err, size_t err_size);

void verdict_free(struct judgement *judgement);

/* Index of the first allocator that is a reference; n_allocators: there is none. */
size_t verdict_reference(const struct samples *run);

/* A median time as a multiple of the reference's; NAN for the reference itself and without one. */
double verdict_x_floor(const struct samples *run, const struct finding *f, size_t allocator);

/* "time", "peak_rss", "instructions"; "failed", ... */
const char *verdict_metric_name(enum metric metric);
const char *verdict_name(enum verdict verdict);
const char *verdict_basis_name(enum basis basis);

#endif

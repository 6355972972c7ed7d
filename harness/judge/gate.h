/* gate.h: is a contender worse than its budget allows? The rule of `ashlar gate`, look by look.
 *
 *     look          1          2          3                     confirmation
 *     blocks    1 .. 12    .. 24      .. 48                     12 fresh ones, never pooled
 *     alpha       .020       .015       .015    (sums to .05)   .10 each, not adjusted
 *
 *     cell a     within                                         decided, runs no more
 *     cell b   undecided   regression  ----------------------->  regression, or unconfirmed
 *     cell c   undecided   undecided   undecided                inconclusive
 *
 * A test is a metric of a cell with its budget. It asks "effect <= budget" itself: the exact
 * one-sided signed-rank test of d_i - log(1 + budget). `regression` when its p, adjusted by Holm
 * for the number of tests that the plan fixed, is below the look's alpha; `within` when the
 * one-sided upper bound at that alpha lies within the budget. A test that is decided stays so, and
 * counts as p = 1 in the looks that follow, so all looks together call a cell that is within its
 * budget a regression with probability .05 at most, over all tests.
 *
 * Metrics that repeat (instructions, system calls, minor faults, the false-sharing index) are
 * compared with their budget and nothing else.
 * The time of a cell with remote frees never gates: what it could have shown is told instead.
 *
 * Everything here follows from samples.jsonl alone, the plan's object "gate" included: judged again
 * after each look, or years later, it says the same.
 */
#ifndef ASHLAR_JUDGE_GATE_H
#define ASHLAR_JUDGE_GATE_H

#include "samples.h"

/* Four looks at most, and as many blocks to confirm as in the first look. */
#define GATE_LOOKS_MAX 4
#define GATE_CONFIRM_BLOCKS 12

/* The level of a confirmation. Holm and the looks have paid for chance already; these blocks guard
 * against a disturbance that lasted for minutes, and a stricter level would cost power for nothing
 * (at the budget plus 5 points and 5 % noise it finds 98 %). */
#define GATE_CONFIRM_ALPHA 0.10

/* Probability with which the effect is found that a cell "could detect". */
#define GATE_POWER 0.95

/* Counts of one allocator that differ by more do not repeat. */
#define GATE_REPEAT 1.005

/* False-sharing indices of one allocator that differ by more do not repeat. */
#define GATE_REPEAT_SHARE 0.01

enum gate_metric {
    GATE_TIME,
    GATE_PEAK_RSS,
    GATE_INSTRUCTIONS,
    GATE_MINOR_FAULTS,
    GATE_SYSCALLS,
    GATE_FALSE_SHARING,
    GATE_PAGE_WASTE,     /* as pages: 1 / (1 - waste) */
    GATE_INTERNAL_WASTE, /* as usable bytes: 1 + waste */
    GATE_METRICS
};

enum gate_word {
    GATE_UNDECIDED,    /* further blocks are wanted; never in a complete ruling */
    GATE_FAILED,       /* a process of the cell ended badly */
    GATE_REGRESSION,   /* worse than the budget allows, and confirmed where it was tested */
    GATE_UNCONFIRMED,  /* a regression that fresh blocks did not show again */
    GATE_INCONCLUSIVE, /* the last look did not tell, or there is no figure to judge */
    GATE_REPORTED,     /* never gates: time with remote frees, faults that do not repeat */
    GATE_WITHIN        /* within the budget */
};

/* How a test was judged. */
enum gate_basis {
    GATE_BY_RATIO,      /* log ratios against log(1 + budget) */
    GATE_BY_DIFFERENCE, /* peaks below 4 MiB: differences in KiB against 256 KiB */
    GATE_BY_COUNT,      /* figures that repeat: the ratio against 1 + budget, no test */
    GATE_BY_TALLY,      /* calls and faults: their difference against calls_allowed(), no test */
    GATE_BY_SHARE       /* shares of blocks: their difference against the budget, no test */
};

/* When looks are taken, and at what level. */
struct gate_schedule {
    size_t looks;                  /* 1 .. GATE_LOOKS_MAX */
    size_t blocks[GATE_LOOKS_MAX]; /* at each look, rising */
    double alpha[GATE_LOOKS_MAX];  /* spent at each look, .05 in all */
};

/* One series of blocks on its way through the looks. */
struct gate_series {
    const double *d;     /* log ratios, or differences, by block */
    double limit;        /* what is allowed, in the unit of d */
    enum gate_word word; /* undecided, regression or within */
    double estimate;     /* Hodges-Lehmann, of the last look taken */
    double bound;        /* one-sided upper bound of that look; INFINITY: none */
    double p;            /* one-sided, of "above the limit" */
    double p_holm;       /* adjusted */
    size_t looks;        /* taken */
};

/* One test of a ruling. NAN: there is no such figure. */
struct gate_test {
    size_t cell;             /* index into samples.cells */
    enum gate_metric metric; /* what is judged */
    double budget;           /* .05 is 5 % */
    bool gates;              /* false: reported only */
    bool stored;             /* the baseline's figure is of an earlier run of its library */
    enum gate_basis basis;   /* how it was judged */
    enum gate_word word;     /* what came of it */
    double estimate;         /* ratio contender over baseline; KiB, calls, shares: difference */
    double bound;            /* its upper bound; INFINITY: these blocks cannot give one */
    double p;                /* one-sided */
    double p_holm;           /* adjusted */
    double allowed;          /* what a tally may have more */
    double detectable;       /* excess found with GATE_POWER at these blocks; .12 is 12 % */
    double confirm_estimate; /* of the fresh blocks */
    double confirm_p;        /* of the fresh blocks alone */
    size_t looks;            /* taken, 0: none */
    size_t blocks;           /* judged at the last of them */
    char reason[200];        /* one line where the word needs it, else "" */
};

struct gate_ruling {
    struct gate_schedule schedule;
    struct gate_test *tests; /* [n_tests] in the plan's order */
    size_t n_tests;
    size_t family;   /* Holm's: tests that gate and are not counts */
    bool complete;   /* nothing is wanted any more */
    bool *wanted;    /* [n_cells] cells that have to run on */
    size_t from, to; /* blocks that they lack: from .. to - 1 */
    bool confirming; /* those are the fresh blocks of a confirmation */
};

/* The schedule for at most `max_blocks`: 12, 24, 48 or 72. False for any other number. */
bool gate_schedule(size_t max_blocks, struct gate_schedule *out);

/* One look at the undecided among series[n], each at its first `blocks` blocks. `family` is the
 * number of tests that were planned. False without memory. */
bool gate_look(struct gate_series *series, size_t n, size_t family, size_t blocks, double alpha);

/* The one-sided p of fresh blocks alone. False without memory. */
bool gate_confirm(const double *d, size_t n, double limit, double *p);

/* Judges what there is of a gate's run. Not complete: `wanted` cells need the blocks from .. to
 * - 1. False and one line in err: the run is no gate, or no memory; *out is then empty. */
bool gate_judge(const struct samples *run, struct gate_ruling *out, char *err, size_t err_size);

void gate_free(struct gate_ruling *ruling);

/* "time", "peak_rss", "instructions", "minor_faults", "syscalls", "false_sharing", "page_waste",
 * "internal_waste"; GATE_METRICS: no metric. */
const char *gate_metric_name(enum gate_metric metric);
enum gate_metric gate_metric_of(const char *name);
const char *gate_word_name(enum gate_word word);
const char *gate_basis_name(enum gate_basis basis);

#endif

/* journal.h: what of a plan is done already. Filled block by block while running, or read back from
 * the lines of an interrupted run.
 *
 *                      round 0 (warm-up)   1    2   ...
 *     cell 0                 done        done   .         the next block: (cell 1, round 1)
 *     cell 1                 done          .    .
 *
 * An allocator that ended badly in a cell is out of that cell: its failure is the result, and to
 * wait for twelve more time-outs would tell nothing new. A cell without its baseline, or without
 * any contender, is over.
 */
#ifndef ASHLAR_RUN_JOURNAL_H
#define ASHLAR_RUN_JOURNAL_H

#include "plan/plan.h"

struct journal {
    const struct plan *plan;
    bool *block_done;         /* [cell][round] */
    bool *out;                /* [cell][allocator]: skipped, or ended badly */
    bool *counted;            /* [cell][allocator] instructions */
    bool *traced;             /* [cell][allocator] system calls */
    bool *watched;            /* [cell][allocator][block of the memory pass] */
    json_int_t *null_rss_kib; /* [cell][allocator], 0: not known */
    bool *null_done;          /* [cell][allocator] */
    bool *growth_done;        /* [series][point][round], see journal_growth_done */
    bool *growth_out;         /* [series][allocator]: skipped, or ended badly */
    size_t failures;          /* samples that ended badly, in this run as a whole */
    bool ended;               /* the end line is there */
};

void journal_open(struct journal *journal, const struct plan *plan);
void journal_close(struct journal *journal);

/* Takes all lines of a run. `kept` tells how many of them count: a last block that is not whole is
 * to be cut off and run again, because its processes must follow each other without a pause. */
bool journal_read(struct journal *journal, const json_t *lines, size_t *kept, struct failure *why);

/* Where a cell and an allocator stand in the two-dimensional arrays. */
size_t journal_pair(const struct journal *journal, size_t cell, size_t allocator);

/* Whether a process of the memory pass is still to be run, and that it has been. */
bool journal_watch_due(const struct journal *journal, size_t cell, size_t allocator,
                       uint64_t block);
void journal_watch_ran(struct journal *journal, size_t cell, size_t allocator, uint64_t block);

bool journal_block_due(const struct journal *journal, size_t cell, uint64_t round);
void journal_block_ran(struct journal *journal, size_t cell, uint64_t round);

/* Whether a cell can still give a comparison. */
bool journal_cell_alive(const struct journal *journal, size_t cell);

/* Blocks of the wanted cells in rounds from .. to - 1 that are still to run. */
uint64_t journal_blocks_due(const struct journal *journal, const bool *wanted, uint64_t from,
                            uint64_t to);

/* Blocks done, or not to be done any more, of all. */
uint64_t journal_blocks_over(const struct journal *journal);

/* Whether a point of a round of a series (growth.h) is done; whether an allocator is out of it. */
bool *journal_growth_done(struct journal *journal, size_t series, size_t point, uint64_t round);
bool *journal_growth_out(struct journal *journal, size_t series, size_t allocator);
void journal_growth_failed(struct journal *journal, size_t series, size_t allocator);

void journal_failed(struct journal *journal, size_t cell, size_t allocator);

#endif

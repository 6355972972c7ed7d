/* plan.h: all that a run is going to do, settled before its first process.
 *
 *     suite, allocators,       plan_prepare           plan_to_json     first line of
 *     seed, programs        ----------------->  plan  ------------>    samples.jsonl
 *                                                     <------------
 *                                                     plan_from_json   to go on with it
 *
 * The order of everything follows from the seed, so a run that was interrupted goes on in the order
 * in which it would have gone on anyway.
 */
#ifndef ASHLAR_PLAN_PLAN_H
#define ASHLAR_PLAN_PLAN_H

#include "allocators/registry.h"
#include "base/failure.h"
#include "plan/suite.h"

#include <jansson.h>
#include <stdint.h>

#define PLAN_SCHEMA "ashlar-samples-1"

/* Asks plan_prepare for the bound that fits this machine. */
#define PLAN_MEMORY_AUTO UINT64_MAX

/* A duet runs the two processes of a block at the same time, each on a processor of its own, which
 * they swap from one duet to the next. What disturbs the machine then meets both.
 *
 *     DUET_ON      block     0     1     2     3          DUET_BOTH    0     1     2     3
 *                  cpu 0     A     B     A     B                       A   (A,B)   B   (B,A)
 *                  cpu 1     B     A     B     A                       B           A
 *
 * DUET_BOTH makes one block of each two a duet, drawn by chance, to see what duets gain. Only cells
 * of one thread are run so. */
enum duet { DUET_OFF, DUET_ON, DUET_BOTH };

struct plan {
    struct suite suite;
    uint64_t seed;
    char *run_id;                 /* hash of the plan and the seed */
    struct allocator *allocators; /* the baseline first */
    size_t n_allocators;          /* 1 .. */
    char *bench;                  /* path of ashlar-bench */
    char *micro;                  /* path of ashlar-micro */
    char *valgrind;               /* path, NULL when there is none */
    uint64_t memory_limit_mib;    /* of a measured process, PLAN_MEMORY_AUTO; 0: no bound */
    enum duet duet;               /* how cells of one thread are run */
    int duet_cpu[2];              /* the processors of a duet */
    bool counts;                  /* whether instructions are to be counted */
    bool traces;                  /* whether system calls are */
    json_t *programs;             /* [{"name","path","build_id"}] of those that the suite uses */
    json_t *environment;          /* the machine */
    json_t *warnings;             /* [{"id","text","remedy"}] */
    json_t *gate;                 /* what `ashlar gate` tests and when; NULL: no gate */
    json_t *skipped;              /* [{"cell","allocator","reason"}] */
};

/* Checks all that can be checked before anything is written: programs, workloads, their options,
 * the allocators' audits. Takes the canonical parameters of every cell from the bench. The suite,
 * the seed, the allocators (resolved, not yet audited), bench and micro are filled in by the
 * caller. */
bool plan_prepare(struct plan *plan, struct failure *why);

json_t *plan_to_json(const struct plan *plan);

/* Takes the plan back from its line. Nothing is checked against this machine. */
bool plan_from_json(struct plan *plan, const json_t *line, const char *path, struct failure *why);

/* Whether this machine, these libraries and these programs are still those of the plan; if not,
 * fails with EXIT_ENVIRONMENT and names the difference. */
bool plan_still_holds(const struct plan *plan, struct failure *why);

/* The same of one file and its stored build id; `what` is how the complaint calls it. */
bool plan_same_build(const char *what, const char *path, const char *stored, struct failure *why);

/* Lists of words in a plan's line. */
json_t *words_to_json(const struct words *words);
struct words words_of_json(const json_t *array);

/* Whether a cell is left out for an allocator. */
bool plan_skips(const struct plan *plan, size_t cell, size_t allocator);

/* How often every cell is timed: the warm-up and the blocks; 0 where nothing is timed. */
uint64_t plan_rounds(const struct plan *plan);

/* Rounds of the memory pass are numbered from here, so that their order is drawn by itself. */
#define PLAN_MEMORY_ROUND UINT64_C(1000000)

/* Fills order[suite.count] with the cells of a round, and order[n_allocators] with the allocators
 * of one block. Round 0 is the warm-up. */
void plan_cell_order(const struct plan *plan, uint64_t round, size_t *order);
void plan_block_order(const struct plan *plan, uint64_t round, size_t cell, size_t *order);

/* Private, writable memory that a process may have under an allocator; 0: no bound. A reference may
 * reserve addresses without end. */
uint64_t plan_memory_mib(const struct plan *plan, size_t allocator);

/* Whether the block of a round is run as a duet, and on which processor an allocator is then. */
bool plan_is_duet(const struct plan *plan, uint64_t round, size_t cell);
int plan_duet_cpu(const struct plan *plan, uint64_t round, size_t cell, size_t allocator);

/* Bytes by which a process's environment is padded: drawn for every process, 0..4095. */
unsigned plan_pad(const struct plan *plan, uint64_t round, size_t cell, size_t allocator);

/* The same for the series of growing sizes (growth.h): order of a round's points, of a point's
 * allocators, and a process's padding. */
void plan_growth_points(const struct plan *plan, size_t series, uint64_t round, size_t *order);
void plan_growth_allocators(const struct plan *plan, size_t series, size_t point, uint64_t round,
                            size_t *order);
unsigned plan_growth_pad(const struct plan *plan, size_t series, size_t point, uint64_t round,
                         size_t allocator);

void plan_close(struct plan *plan);

#endif

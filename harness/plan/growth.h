/* growth.h: a series of sizes of one workload: does an operation cost more when there is more of
 * it?
 *
 *     [growth stack-depth]
 *     workload = stack
 *     args = --order lifo --touch first --ops 400000     all but the size; --ops is a must
 *     over = --depth                                     the option that is the size
 *     at = 16 64 256 1024 4096 16384                     its values, rising; five or more
 *     rounds = 5                                         processes a value and allocator
 *
 * A point is one value. It runs like a cell: once under every allocator, back to back.
 */
#ifndef ASHLAR_PLAN_GROWTH_H
#define ASHLAR_PLAN_GROWTH_H

#include "base/failure.h"
#include "base/text.h"

#include <jansson.h>
#include <stdint.h>

struct cell;

/* With fewer points no interval of the exponent reaches 95 %. */
#define GROWTH_POINTS_MIN 5
#define GROWTH_POINTS_MAX 40
#define GROWTH_ROUNDS_MAX 100

struct growth {
    char *label;          /* the section's name */
    char *workload;       /* of ashlar-bench */
    char *over;           /* the option, "--depth" */
    char *params;         /* of the first point, canonical; NULL until the bench was asked */
    struct words args;    /* all but `over` */
    struct words at;      /* its values, whole numbers as text */
    uint64_t rounds;      /* 1 .. GROWTH_ROUNDS_MAX */
    struct words skipped; /* allocators that lack an entry point which the workload calls */
};

/* Takes one line of the section. NULL, or what is wrong with it. */
const char *growth_set(struct growth *growth, const char *key, const char *value);

/* Whether the section is whole; EXIT_USAGE with the file and the section when not. */
bool growth_settle(struct growth *growth, const char *file, struct failure *why);

uint64_t growth_size(const struct growth *growth, size_t point);

/* One point as a cell that can be run; free it with growth_cell_free. */
void growth_cell(const struct growth *growth, size_t point, struct cell *cell);
void growth_cell_free(struct cell *cell);

bool growth_skips(const struct growth *growth, const char *allocator);

/* Whether two series run the same processes. */
bool growth_same(const struct growth *a, const struct growth *b);

json_t *growth_to_json(const struct growth *growth);
bool growth_from_json(struct growth *growth, const json_t *from);

void growth_free(struct growth *growth);

#endif

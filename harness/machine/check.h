/* check.h: one doubt about the machine, and what it does to the figures.
 *
 *     bias     pairing does not take it out: one contender gains, or a figure means something else
 *     noise    it strikes all contenders alike, and widens the intervals
 *     gap      something is not measured at all
 *
 * A check looks at one thing and either is content or says what is wrong in words of its own. What
 * it does to the figures is known beforehand and stands in its entry; a check that can work it out
 * from what this machine says of itself, or has gauges to look at, puts that in its place.
 * Adding one is a function and an entry in one of the three lists.
 */
#ifndef ASHLAR_MACHINE_CHECK_H
#define ASHLAR_MACHINE_CHECK_H

#include "machine/gauge.h"

#include <stdbool.h>

enum level { LEVEL_BIAS, LEVEL_NOISE, LEVEL_GAP };

struct complaint {
    char text[320];     /* what was found */
    char remedy[320];   /* what takes it away */
    char amount[320];   /* how much it does; empty: what the check's entry says */
    const char *source; /* of `amount`: "measured here" or "computed here" */
};

struct check {
    const char *id;
    enum level level;
    const char *metric; /* which figure suffers */
    const char *known;  /* how much, as far as is known without looking */
    /* True when it has something to complain about. `gauges` is NULL when nothing was measured. */
    bool (*complains)(struct complaint *complaint, const struct gauges *gauges);
};

/* Always true, so that a check can end with it. */
bool complain(struct complaint *complaint, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What it does, from figures of this machine. */
void measured(struct complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void computed(struct complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Each ends with an entry without an id, and begins with what matters most within its level. */
extern const struct check checks_of_processor[];
extern const struct check checks_of_memory[];
extern const struct check checks_of_software[];

#endif

/* curve.h: resident and live memory of one process over time, and the four figures that sum it up.
 *
 *     KiB |        ____________________           resident = Rss - LazyFree: pages that the
 *         |       /   .--.    .--.     \____      allocator gave back lazily are not its any more
 *         |      /   /    \  /    \         \     live = what the workload asked for and holds
 *         |_____/___/      \/      \_________\___
 *            READY BEGIN  ACTIVE     DRAINED  END     marks, announced by the process itself
 *
 * Johnstone and Wilson's measures, over the readings between BEGIN and DRAINED:
 *
 *     F1   mean over time of resident / live
 *     F2   resident at the moment of peak live / peak live
 *     F3   peak resident / live at that moment
 *     F4   peak resident / peak live
 *
 * Resident is net of `base_kib`, the same process without an allocator. The peak of live bytes is
 * the process's own exact count; the moment of F2 is the reading with most of them. F1 is over
 * readings at times that the process did not choose, and leaves out readings with less than a
 * hundredth of the peak live, where the ratio says nothing. The moment of F3 is the first whose
 * resident lies within half a per cent of the peak: an allocator that keeps its pages stays there,
 * and any later moment would be chosen by noise.
 */
#ifndef ASHLAR_RUN_CURVE_H
#define ASHLAR_RUN_CURVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CURVE_POINTS_MAX 400 /* of a stored curve */

/* As bench/core/phase.h numbers them. */
enum mark { MARK_READY, MARK_BEGIN, MARK_ACTIVE, MARK_DRAINED, MARK_IDLE, MARK_END, MARKS };

/* One reading. */
struct reading_point {
    uint64_t at_ns;      /* CLOCK_MONOTONIC, the end of the reading */
    long rss_kib;        /* Rss */
    long pss_kib;        /* Pss */
    long dirty_kib;      /* Private_Dirty */
    long lazyfree_kib;   /* LazyFree */
    long huge_kib;       /* AnonHugePages */
    double live_kib;     /* requested and not freed */
    bool crest;          /* taken because the process announced one: not in a mean over time */
    const char *drained; /* "0.1": the reading was asked for so many seconds after DRAINED */
};

struct curve {
    struct reading_point *at; /* `count` of them, in order of time */
    size_t count, room;
    struct {
        uint64_t at_ns;
        enum mark mark;
    } * marks; /* `n_marks` of them, in order of time */
    size_t n_marks, marks_room;
};

struct figures {
    double f1, f2, f3, f4; /* NAN: there is no such figure */
    double peak_kib;       /* highest resident, net */
    double live_kib;       /* most live bytes of a reading */
    size_t readings;       /* between BEGIN and DRAINED */
};

void curve_add(struct curve *curve, const struct reading_point *point);
void curve_mark(struct curve *curve, enum mark mark, uint64_t at_ns);

/* The first such mark, 0 when it was never announced. */
uint64_t curve_mark_ns(const struct curve *curve, enum mark mark);

long curve_resident_kib(const struct reading_point *point);

struct figures curve_figures(const struct curve *curve, double base_kib, double live_peak_kib);

/* [[ms since BEGIN, rss_kib, lazyfree_kib, huge_kib, live_kib, phase], ...], at most
 * CURVE_POINTS_MAX, with the highest and lowest resident and live of every stretch kept. */
json_t *curve_to_json(const struct curve *curve);

/* The reading with the highest resident, NULL for an empty curve. */
const struct reading_point *curve_peak(const struct curve *curve);

void curve_free(struct curve *curve);

#endif

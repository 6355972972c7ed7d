/* curve.c: see curve.h. */
#include "run/curve.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_SHARE_MIN 0.01 /* of the peak: below it F1 leaves a reading out */
#define PEAK_NEAR 0.995     /* of the peak: as good as the peak */
#define WORK_SHARE 0.8      /* of the stored points: the drain needs few */
#define KEPT_A_STRETCH 4    /* highest and lowest resident and live */

static void *grown(void *old, size_t count, size_t *room, size_t size_bytes)
{
    void *more;

    if (count < *room)
        return old;
    *room = *room > 0 ? 2 * *room : 256;
    more = text_alloc(*room, size_bytes);
    if (count > 0)
        memcpy(more, old, count * size_bytes);
    free(old);
    return more;
}

void curve_add(struct curve *curve, const struct reading_point *point)
{
    curve->at = grown(curve->at, curve->count, &curve->room, sizeof *curve->at);
    curve->at[curve->count++] = *point;
}

void curve_mark(struct curve *curve, enum mark mark, uint64_t at_ns)
{
    curve->marks = grown(curve->marks, curve->n_marks, &curve->marks_room, sizeof *curve->marks);
    curve->marks[curve->n_marks].at_ns = at_ns;
    curve->marks[curve->n_marks++].mark = mark;
}

void curve_free(struct curve *curve)
{
    free(curve->at);
    free(curve->marks);
    memset(curve, 0, sizeof *curve);
}

uint64_t curve_mark_ns(const struct curve *curve, enum mark mark)
{
    for (size_t i = 0; i < curve->n_marks; i++)
        if (curve->marks[i].mark == mark)
            return curve->marks[i].at_ns;
    return 0;
}

long curve_resident_kib(const struct reading_point *point)
{
    return point->rss_kib - point->lazyfree_kib;
}

const struct reading_point *curve_peak(const struct curve *curve)
{
    const struct reading_point *peak = NULL;

    for (size_t i = 0; i < curve->count; i++)
        if (peak == NULL || curve_resident_kib(&curve->at[i]) > curve_resident_kib(peak))
            peak = &curve->at[i];
    return peak;
}

/* ---- figures ---- */

/* The readings of the work: at[begin .. end). */
struct span {
    size_t begin, end;
};

static struct span work_of(const struct curve *curve)
{
    uint64_t begin_ns = curve_mark_ns(curve, MARK_BEGIN);
    uint64_t drained_ns = curve_mark_ns(curve, MARK_DRAINED);
    struct span span = {0, 0};

    while (span.begin < curve->count && curve->at[span.begin].at_ns < begin_ns)
        span.begin++;
    span.end = span.begin;
    while (span.end < curve->count && curve->at[span.end].at_ns < drained_ns)
        span.end++;
    return span;
}

static double net_kib(const struct reading_point *point, double base_kib)
{
    return fmax((double)curve_resident_kib(point) - base_kib, 0);
}

/* The next reading, from at[i] on, that was taken in its turn. */
static size_t in_turn(const struct curve *curve, struct span span, size_t i)
{
    while (i < span.end && curve->at[i].crest)
        i++;
    return i;
}

/* Each reading stands for the time since the one before it, the first since BEGIN. */
static double mean_ratio(const struct curve *curve, struct span span, double base_kib,
                         double live_peak_kib)
{
    uint64_t from_ns = curve_mark_ns(curve, MARK_BEGIN);
    double sum = 0, weight = 0;

    for (size_t i = in_turn(curve, span, span.begin); i < span.end;
         i = in_turn(curve, span, i + 1)) {
        const struct reading_point *p = &curve->at[i];
        double w = (double)(p->at_ns - from_ns);

        from_ns = p->at_ns;
        if (p->live_kib <= 0 || p->live_kib < LIVE_SHARE_MIN * live_peak_kib)
            continue;
        sum += w * net_kib(p, base_kib) / p->live_kib;
        weight += w;
    }
    return weight > 0 ? sum / weight : NAN;
}

struct figures curve_figures(const struct curve *curve, double base_kib, double live_peak_kib)
{
    struct span span = work_of(curve);
    struct figures f = {NAN, NAN, NAN, NAN, 0, 0, span.end - span.begin};
    const struct reading_point *at_live = NULL, *at_peak = NULL;

    for (size_t i = span.begin; i < span.end; i++) {
        const struct reading_point *p = &curve->at[i];

        f.peak_kib = fmax(f.peak_kib, net_kib(p, base_kib));
        at_live = at_live == NULL || p->live_kib > at_live->live_kib ? p : at_live;
    }
    for (size_t i = span.begin; i < span.end && at_peak == NULL; i++)
        if (net_kib(&curve->at[i], base_kib) >= PEAK_NEAR * f.peak_kib)
            at_peak = &curve->at[i];
    if (at_live == NULL || at_live->live_kib <= 0)
        return f;
    f.live_kib = at_live->live_kib;
    f.f1 = mean_ratio(curve, span, base_kib, live_peak_kib);
    f.f2 = net_kib(at_live, base_kib) / f.live_kib;
    f.f3 = at_peak->live_kib > 0 ? net_kib(at_peak, base_kib) / at_peak->live_kib : NAN;
    f.f4 = f.peak_kib / live_peak_kib;
    return f;
}

/* ---- thinning ---- */

static const char *phase_at(const struct curve *curve, uint64_t at_ns)
{
    static const char *const names[MARKS] = {"ready", "begin", "active", "drained", "idle", "end"};
    const char *name = "start";

    for (size_t i = 0; i < curve->n_marks && curve->marks[i].at_ns <= at_ns; i++)
        name = names[curve->marks[i].mark];
    return name;
}

static json_t *row_of(const struct curve *curve, const struct reading_point *p)
{
    double ms = ((double)p->at_ns - (double)curve_mark_ns(curve, MARK_BEGIN)) / 1e6;

    return json_pack("[f,i,i,i,f,s]", round(ms * 10) / 10, (int)p->rss_kib, (int)p->lazyfree_kib,
                     (int)p->huge_kib, round(p->live_kib), phase_at(curve, p->at_ns));
}

/* Marks the extremes of at[begin .. end) as kept. */
static void keep_extremes(const struct curve *curve, struct span s, bool *kept)
{
    size_t high = s.begin, low = s.begin, most = s.begin, least = s.begin;

    for (size_t i = s.begin; i < s.end; i++) {
        const struct reading_point *p = &curve->at[i];

        high = curve_resident_kib(p) > curve_resident_kib(&curve->at[high]) ? i : high;
        low = curve_resident_kib(p) < curve_resident_kib(&curve->at[low]) ? i : low;
        most = p->live_kib > curve->at[most].live_kib ? i : most;
        least = p->live_kib < curve->at[least].live_kib ? i : least;
    }
    kept[high] = kept[low] = kept[most] = kept[least] = true;
}

/* Keeps at most `budget` of at[begin .. end). */
static void thin(const struct curve *curve, struct span s, size_t budget, bool *kept)
{
    size_t count = s.end - s.begin, stretches = budget / KEPT_A_STRETCH;

    for (size_t k = 0; count > budget && k < stretches; k++)
        keep_extremes(
            curve,
            (struct span){s.begin + count * k / stretches, s.begin + count * (k + 1) / stretches},
            kept);
    for (size_t i = s.begin; count <= budget && i < s.end; i++)
        kept[i] = true;
}

json_t *curve_to_json(const struct curve *curve)
{
    bool *kept = text_alloc(curve->count, sizeof *kept);
    size_t drained = work_of(curve).end;
    size_t for_work = (size_t)(CURVE_POINTS_MAX * WORK_SHARE);
    json_t *rows = json_array();

    thin(curve, (struct span){0, drained}, for_work, kept);
    thin(curve, (struct span){drained, curve->count}, CURVE_POINTS_MAX - for_work, kept);
    for (size_t i = 0; i < curve->count; i++)
        if (kept[i])
            json_array_append_new(rows, row_of(curve, &curve->at[i]));
    free(kept);
    return rows;
}

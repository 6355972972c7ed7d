/* prof.c: see prof.h. */
#include "prof.h"
#include "../os/base.h"
#include "../util/conf.h"
#include "../util/diag.h"
#include "../util/prng.h"

struct sample {
    struct list_node link; /* in the list of live samples; of a spare one only next counts */
    size_t requested;
    size_t usable;         /* the size of its class */
    double weight;         /* blocks that it stands for */
    uint32_t generation;   /* of the list that it is in */
    void *caller;          /* return address of the call that allocated */
};

static struct mutex lock;
/* Under the lock: */
static struct list_node live = {&live, &live};
static struct sample *spare;
static uint32_t generation; /* counts the times that a fork left all this unusable */
static struct ashlar_prof_stats sums;

static void enter(void)
{
    if (!mutex_lock(&lock)) {
        /* A fork left the list in the middle of a change: what was sampled before is forgotten. */
        list_init(&live);
        spare = NULL;
        generation++;
        sums = (struct ashlar_prof_stats){0};
    }
}

/* 1 - exp(-x) for x >= 0: the series of exp on x / 2^k, squared k times. */
static double one_minus_exp(double x)
{
    if (x > 50) {
        return 1;
    }
    if (x < 1e-3) {
        return x * (1 - x / 2 * (1 - x / 3));
    }
    double small = x / 1024, term = 1, sum = 0;
    for (int k = 1; k < 12; k++) {
        sum += term;
        term *= -small / k;
    }
    for (int k = 0; k < 10; k++) {
        sum *= sum;
    }
    return 1 - sum;
}

static double weight_of(size_t size)
{
    return 1 / one_minus_exp((double)size / (double)((uint64_t)1 << conf.lg_prof_sample));
}

bool prof_draw(uint64_t *prng, size_t size)
{
    return prng_unit(prng) <=
           one_minus_exp((double)size / (double)((uint64_t)1 << conf.lg_prof_sample));
}

static struct sample *record(size_t requested, size_t usable, void *caller)
{
    enter();
    struct sample *s = spare;
    if (s) {
        spare = (struct sample *)s->link.next;
    } else {
        s = base_alloc(sizeof *s);
    }
    if (s) {
        *s = (struct sample){.requested = requested,
                             .usable = usable,
                             .weight = weight_of(usable),
                             .generation = generation,
                             .caller = caller};
        list_push_last(&live, &s->link);
        sums.samples_live++;
        sums.samples_total++;
        sums.estimate_live_blocks += s->weight;
        sums.estimate_live_bytes += s->weight * (double)usable;
    }
    mutex_unlock(&lock);
    return s;
}

static void forget(struct sample *s)
{
    enter();
    if (s->generation == generation) {
        sums.samples_live--;
        sums.estimate_live_blocks -= s->weight;
        sums.estimate_live_bytes -= s->weight * (double)s->usable;
        list_remove(&s->link);
        s->link.next = (struct list_node *)spare;
        spare = s;
    }
    mutex_unlock(&lock);
}

void *prof_alloc(struct arena *arena, unsigned class, unsigned align_pages, size_t requested,
                 void *caller, bool *zeroed)
{
    void *block = arena_large_alloc(arena, class, align_pages, PAGE_SAMPLED, zeroed);
    if (!block) {
        return NULL;
    }
    struct run *run = run_of_page((uintptr_t)block);
    struct sample *s = record(requested, size_class_bytes(class), caller);
    if (!s) {
        arena_large_free(run);
        return NULL;
    }
    run->sample = s;
    return block;
}

void prof_free(struct run *run)
{
    forget(run->sample);
    arena_large_free(run);
}

void prof_huge(struct extent *extent, size_t requested, void *caller)
{
    extent->sample = record(requested, huge_usable(extent), caller);
}

void prof_huge_free(struct extent *extent)
{
    if (extent->sample) {
        forget(extent->sample);
        extent->sample = NULL;
    }
}

void prof_discard(void *sample)
{
    forget(sample);
}

void prof_stats(struct ashlar_prof_stats *out)
{
    enter();
    *out = sums;
    mutex_unlock(&lock);
}

void prof_dump(int fd)
{
    enter();
    for (struct list_node *n = live.next; n != &live; n = n->next) {
        const struct sample *s = CONTAINER_OF(n, struct sample, link);
        diag_print(fd, "requested=%u usable=%u weight=%u.%u caller=%p\n", (uint64_t)s->requested,
                   (uint64_t)s->usable, (uint64_t)s->weight,
                   (uint64_t)((s->weight - (double)(uint64_t)s->weight) * 10), s->caller);
    }
    mutex_unlock(&lock);
}

/* thread.c: see thread.h. */
#include "thread.h"
#include "../os/base.h"
#include "../os/process.h"
#include "../util/conf.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

static struct mutex threads_lock;
/* Under the lock: */
static struct list_node caches = {&caches, &caches};
static struct tcache *spare; /* of ended threads, linked by link.next */
static unsigned ncaches;
static unsigned nexplicit; /* of which explicit */
static uint32_t list_epoch; /* process epoch that the list is of */
static uint64_t past_mallocs, past_frees; /* of ended threads */

static _Atomic uint64_t direct_mallocs, direct_frees; /* of threads without a cache */

static pthread_key_t key;
static bool key_made;
static THREAD_LOCAL bool exited; /* the destructor has run */
static THREAD_LOCAL struct arena *bound;   /* without a cache: the arena that it was bound to */
static THREAD_LOCAL uint32_t bound_epoch;  /* of the process when it was counted there */
static _Atomic(struct arena *) shared_arena; /* of threads without a cache */

static void enter(void)
{
    bool whole = mutex_lock(&threads_lock);
    uint32_t epoch = process_epoch();
    if (!whole || list_epoch != epoch) {
        /* A child: only the thread that forked is left, and links itself again when it next comes by.
         * What the others' caches held is lost to us, and their caches with it. */
        list_epoch = epoch;
        list_init(&caches);
        spare = NULL;
        ncaches = nexplicit = 0;
    }
}

/* The lock is held. */
static void link_cache(struct tcache *tc)
{
    tc->epoch = list_epoch;
    list_push_last(&caches, &tc->link);
    ncaches++;
    nexplicit += tc->is_explicit;
}

static void leave(void)
{
    tcache_set_threads(ncaches);
    mutex_unlock(&threads_lock);
}

/* Adds up one class of a cache whose thread may be running. No inline function is called: those would
 * bring the thread sanitizer's eyes along. */
static RACY void add_class_totals(const struct tcache *tc, unsigned class, size_t class_bytes,
                                  struct thread_totals *t)
{
    const struct tcache_bin *bin = &tc->bins[class];
    const struct tcache_bin_cold *cold = &tc->cold[class];
    uint32_t npop = bin->npop, credit = bin->credit, length = bin->base - credit - npop;
    t->mallocs += cold->pops + (uint32_t)(npop - cold->npop_seen);
    t->frees += cold->granted - credit;
    *(class < SMALL_CLASSES ? &t->small_cached_bytes : &t->large_cached_bytes) +=
        (int32_t)length > 0 ? length * class_bytes : 0;
}

static RACY void add_direct_totals(const struct tcache *tc, struct thread_totals *t)
{
    t->mallocs += tc->direct_mallocs;
    t->frees += tc->direct_frees;
}

static void add_cache_totals(const struct tcache *tc, struct thread_totals *t)
{
    add_direct_totals(tc, t);
    for (unsigned class = 0; class < CACHED_CLASSES; class++) {
        add_class_totals(tc, class, size_class_bytes(class), t);
    }
}

/* The lock is held. */
static void keep_spare(struct tcache *tc)
{
    tc->link.next = (struct list_node *)spare;
    spare = tc;
}

/* Gives back all that the cache holds, and the cache. */
static void retire(struct tcache *tc)
{
    tcache_flush_all(tc);
    enter();
    struct thread_totals t = {0};
    add_cache_totals(tc, &t);
    past_mallocs += t.mallocs;
    past_frees += t.frees;
    if (tc->epoch == list_epoch) {
        list_remove(&tc->link);
        ncaches--;
        nexplicit -= tc->is_explicit;
    }
    keep_spare(tc);
    leave();
}

/* The destructor: runs once a thread, whatever other destructors do before or after. */
static void end_cache(void *arg)
{
    struct tcache *tc = arg;
    if (arg == &bound && bound) {
        arena_leave(bound);
        bound = NULL;
    }
    if (tc != tcache_self) {
        return;
    }
    tcache_self = (struct tcache *)(uintptr_t)&tcache_none;
    exited = true;
    struct arena *arena = tc->arena;
    retire(tc);
    arena_leave(arena);
}

/* ---- hooks ------------------------------------------------------------------------------------- */

static void *suspend(void)
{
    struct tcache *tc = tcache_self;
    tcache_self = (struct tcache *)(uintptr_t)&tcache_none;
    return tc;
}

static void resume(void *suspended)
{
    tcache_self = suspended;
}

COLD void thread_boot(void)
{
    key_made = pthread_key_create(&key, end_cache) == 0;
    hooks_suspend = suspend;
    hooks_resume = resume;
}

/* ---- caches ------------------------------------------------------------------------------------ */

static struct tcache *obtain(void)
{
    enter();
    struct tcache *tc = spare;
    if (tc) {
        spare = (struct tcache *)tc->link.next;
    }
    leave();
    if (tc) {
        memset(tc, 0, sizeof *tc);
        return tc;
    }
    return base_alloc(sizeof *tc);
}

/* The arena of a new cache, with this thread counted into it. */
static struct arena *choose_arena(void)
{
    if (bound) {
        return bound;
    }
    struct arena *here = conf.percpu_arena != PERCPU_DISABLED ? arena_of_cpu() : NULL;
    return here && arena_enter(here) ? here : arena_join();
}

static NOINLINE struct tcache *make_cache(void)
{
    struct tcache *tc = obtain();
    struct arena *arena = tc ? choose_arena() : NULL;
    if (!arena) {
        if (tc) {
            enter();
            keep_spare(tc);
            leave();
        }
        return NULL;
    }
    tcache_init(tc, arena);
    tc->bound = bound != NULL;
    bound = NULL; /* its place in the arena is the cache's now */
    enter();
    link_cache(tc);
    leave();
    tcache_self = tc;
    /* Set last: beyond the 32 first keys the C library allocates here, which must find the cache. */
    int saved = errno;
    if (pthread_setspecific(key, tc) != 0) {
        end_cache(tc); /* without a destructor the cache would leak */
        tc = NULL;
    }
    errno = saved;
    return tc;
}

/* In a child, the cache of the thread that forked enters the new list. */
static COLD void relink(struct tcache *tc)
{
    arena_rejoin(tc->arena);
    enter();
    link_cache(tc);
    leave();
}

/* percpu_arena: what the cache fetches comes from the arena of the CPU that the thread is on now. */
static COLD void follow_cpu(struct tcache *tc)
{
    struct arena *here = arena_of_cpu(), *before = tc->arena;
    if (here && here != before && arena_enter(here)) {
        tc->arena = here;
        arena_leave(before);
    }
}

struct tcache *thread_cache(void)
{
    if (LIKELY(tcache_self != &tcache_none)) {
        if (UNLIKELY(tcache_self->epoch != process_epoch())) {
            relink(tcache_self);
        }
        if (UNLIKELY(conf.percpu_arena != PERCPU_DISABLED) && !tcache_self->bound) {
            follow_cpu(tcache_self);
        }
        return tcache_self;
    }
    if (exited || hooks_running || !conf.tcache || !key_made) {
        return NULL;
    }
    return make_cache();
}

/* In a child, the thread that forked is counted into its arena again. */
static struct arena *bound_arena(void)
{
    if (bound_epoch != process_epoch()) {
        bound_epoch = process_epoch();
        arena_rejoin(bound);
    }
    return bound;
}

struct arena *thread_arena(void)
{
    if (tcache_self != &tcache_none) {
        return tcache_self->arena;
    }
    if (UNLIKELY(hooks_running)) {
        return arena_unhooked();
    }
    if (UNLIKELY(bound != NULL)) {
        return bound_arena();
    }
    struct arena *arena = atomic_load_explicit(&shared_arena, ACQUIRE);
    if (!arena) {
        arena = arena_get(0);
        arena = arena ? arena : arena_join();
        atomic_store_explicit(&shared_arena, arena, RELEASE);
    }
    return arena;
}

/* A thread without a cache has the arena written down, and the key's destructor told of its end. */
static bool bind_without_cache(struct arena *arena)
{
    int saved = errno;
    bool told = !exited && !hooks_running && key_made && pthread_setspecific(key, &bound) == 0;
    errno = saved;
    if (told) {
        bound = arena;
        bound_epoch = process_epoch();
    }
    return told;
}

bool thread_bind(struct arena *arena)
{
    struct tcache *tc = thread_cache();
    struct arena *before = tc ? tc->arena : bound ? bound_arena() : NULL;
    if (!arena_enter(arena)) {
        return false;
    }
    bool done = true;
    if (tc) {
        tcache_flush_all(tc);
        tc->arena = arena;
        tc->bound = true;
    } else {
        done = bind_without_cache(arena);
    }
    struct arena *left = done ? before : arena;
    if (left) {
        arena_leave(left);
    }
    return done;
}

/* ---- explicit caches --------------------------------------------------------------------------- */

struct tcache *thread_explicit_new(void)
{
    struct arena *arena = thread_arena();
    struct tcache *tc = arena ? obtain() : NULL;
    if (tc) {
        tcache_init(tc, arena);
        tc->is_explicit = true;
        enter();
        link_cache(tc);
        leave();
    }
    return tc;
}

void thread_explicit_end(struct tcache *tc)
{
    retire(tc);
}

void thread_explicit_seen(struct tcache *tc)
{
    if (UNLIKELY(tc->epoch != process_epoch())) {
        enter();
        link_cache(tc);
        leave();
    }
}

/* ---- figures ----------------------------------------------------------------------------------- */

void thread_count_direct(uint64_t mallocs, uint64_t frees)
{
    if (tcache_self != &tcache_none) {
        tcache_self->direct_mallocs += mallocs;
        tcache_self->direct_frees += frees;
        return;
    }
    if (mallocs) {
        atomic_fetch_add_explicit(&direct_mallocs, mallocs, RELAXED);
    }
    if (frees) {
        atomic_fetch_add_explicit(&direct_frees, frees, RELAXED);
    }
}

void thread_totals(struct thread_totals *out)
{
    (void)thread_cache();
    enter();
    *out = (struct thread_totals){
        .mallocs = past_mallocs, .frees = past_frees, .ncaches = ncaches - nexplicit};
    out->mallocs += atomic_load_explicit(&direct_mallocs, RELAXED);
    out->frees += atomic_load_explicit(&direct_frees, RELAXED);
    for (struct list_node *n = caches.next; n != &caches; n = n->next) {
        add_cache_totals(CONTAINER_OF(n, struct tcache, link), out);
    }
    leave();
}

bool thread_check(void)
{
    bool ok = true;
    (void)thread_cache();
    enter();
    for (struct list_node *n = caches.next; n != &caches; n = n->next) {
        ok &= tcache_check(CONTAINER_OF(n, struct tcache, link));
    }
    leave();
    return ok;
}

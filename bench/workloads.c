/* workloads.c: the list of all workloads. A new one is a file under workload/ and two lines here.
 */
#include "core/workload.h"

extern const struct workload workload_fastpath;
extern const struct workload workload_stack;
extern const struct workload workload_larson;
extern const struct workload workload_xmalloc_test;
extern const struct workload workload_malloc_large;
extern const struct workload workload_frag;
extern const struct workload workload_threadtest;
extern const struct workload workload_linux_scalability;
extern const struct workload workload_glibc_thread;
extern const struct workload workload_alloc_test;
extern const struct workload workload_cache_thrash;
extern const struct workload workload_cache_scratch;
extern const struct workload workload_blowup;

const struct workload *const workloads[] = {
    &workload_fastpath,
    &workload_stack,
    &workload_larson,
    &workload_xmalloc_test,
    &workload_malloc_large,
    &workload_frag,
    &workload_threadtest,
    &workload_linux_scalability,
    &workload_glibc_thread,
    &workload_alloc_test,
    &workload_cache_thrash,
    &workload_cache_scratch,
    &workload_blowup,
    NULL,
};

/* workloads.c: the list of all workloads. A new one is a file under workload/ and two lines here.
 */
#include "core/workload.h"

extern const struct workload workload_fastpath;
extern const struct workload workload_stack;
extern const struct workload workload_larson;
extern const struct workload workload_xmalloc_test;
extern const struct workload workload_malloc_large;
extern const struct workload workload_frag;

const struct workload *const workloads[] = {
    &workload_fastpath,
    &workload_stack,
    &workload_larson,
    &workload_xmalloc_test,
    &workload_malloc_large,
    &workload_frag,
    NULL,
};

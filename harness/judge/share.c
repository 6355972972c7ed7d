/* share.c: see share.h.
 *
 * Below        GSL (quantiles of the beta distribution)        Above   aa.c
 */
#include "share.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#define ALPHA 0.05

/* The rate above which `found` or fewer have a probability of alpha at most. */
static double upper_at(size_t found, size_t of, double alpha)
{
    if (found == of) {
        return 1;
    }
    return gsl_cdf_beta_Pinv(1 - alpha, (double)found + 1, (double)(of - found));
}

bool share_of(size_t found, size_t of, struct share *out)
{
    *out = (struct share){.value = NAN, .low = 0, .high = 1, .upper = 1};
    if (found > of) {
        return false;
    }
    if (of > 0) {
        out->value = (double)found / (double)of;
        /* What was not found is found the other way round. */
        out->low = 1 - upper_at(of - found, of, ALPHA / 2);
        out->high = upper_at(found, of, ALPHA / 2);
        out->upper = upper_at(found, of, ALPHA);
    }
    return true;
}

/* The leading eigenvectors of a symmetric matrix that is large, or known by its products alone. */
#ifndef LK_SUBSPACE_H
#define LK_SUBSPACE_H

#include "base.h"

typedef struct lk_symmetric {
    size_t n;
    double least; /* no eigenvalue is below this */
    /* y[n] = A x[n] for `count` vectors one behind the other. */
    void (*apply)(const void *context, const double *x, size_t count, double *y);
    const void *context;
} lk_symmetric;

/* The `count` <= n largest eigenvalues, falling, and vectors[count][n] of unit length as rows, each
   one's largest component positive. Subspace iteration from a random start (N. Halko et al. 2011)
   with a Chebyshev polynomial as its filter (Y. Zhou and Y. Saad 2007), until every pair's residual
   is under `tolerance` of the largest value. The same bits for any number of threads, which share
   the vectors. LK_NONFINITE if it does not converge, LK_MEMORY. */
lk_status lk_subspace_leading(const lk_symmetric *a, size_t count, double tolerance, uint64_t seed,
                              int threads, double *values, double *vectors, lk_error *error);

#endif

/* Where codes lie: a few Gaussians, one to each cluster of codes, each with its full covariance. */
#ifndef LK_MIXTURE_H
#define LK_MIXTURE_H

#include "arena.h"
#include "base.h"
#include "rng.h"

enum { LK_MAX_CLUSTERS = 10 };

/* Arrays are owned by whoever made them; sizes as told here. */
typedef struct lk_mixture {
    size_t dimensions, clusters;
    double widening; /* what fitting adds to variances: this share of the codes' mean variance, */
    bool each;       /* or of each dimension's own */
    lk_real *means;  /* [clusters][dimensions] */
    lk_real *whitening; /* [clusters][dimensions][dimensions]: W with W C W^T = 1, lower triangle */
    lk_real *offsets;   /* [clusters]: log det C - 2 log(share of the codes) */
} lk_mixture;

/* How many clusters n codes of d values can carry: each needs ten times d of them. */
size_t lk_mixture_clusters(size_t n, size_t d);

/* Takes the room of the three. */
void lk_mixture_take(lk_mixture *mixture, lk_arena *arena);

/* Fits means, whitening and offsets to codes[n][dimensions]: k-means (k-means++ start, Arthur and
   Vassilvitskii 2007), then covariances, widened. With labels[n], which may be NULL, each class has
   clusters of its own, the same number, so that there may be fewer in all than there was room for;
   not where classes are more than clusters, or have fewer codes than one of them needs. The same
   bits everywhere: double sums in index order. LK_MEMORY, or LK_NONFINITE for codes that are not.
 */
lk_status lk_mixture_fit(lk_mixture *mixture, const lk_real *codes, const uint32_t *labels,
                         size_t n, uint64_t seed, lk_error *error);

/* The least of |W (z - mean)|^2 + offset over the clusters: a squared Mahalanobis distance
   (P. C. Mahalanobis 1936), up to constants minus twice the log density of the nearest Gaussian. */
double lk_mixture_distance(const lk_mixture *mixture, const lk_real *z);

/* The code number `index` of those drawn from the mixture by `rng`. */
void lk_mixture_sample(const lk_mixture *mixture, lk_rng rng, uint64_t index, lk_real *z);

/* The lower triangle of a positive definite matrix C[d][d] becomes the inverse of its factor by
   Cholesky, C = L L^T; returns log det C. */
double lk_invert_factor(double *c, size_t d);

#endif

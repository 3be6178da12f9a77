/* How near vectors are to each other, as t-SNE has it: the shares that each gives its nearest. */
#ifndef LK_AFFINITY_H
#define LK_AFFINITY_H

#include "kernels.h"

/* Most neighbours that are given shares, three times the perplexity, and room for their weights. */
enum { LK_MOST_NEAR = LK_MAX_NEIGHBOURS - 1 };

/* weights[count], of sum 1, fall with the square of near[count]'s distances as a Gaussian does; its
   width makes their perplexity, 2 to the power of their entropy in bits, the given one, or as near
   to that as there are neighbours for (L. van der Maaten and G. Hinton 2008, equation 1). */
void lk_affinity_weights(const lk_kernels *kernels, const lk_neighbour *near, size_t count,
                         double perplexity, lk_real *weights);

/* A symmetric matrix of which few entries are not 0: those of row i are at first[i]..first[i + 1],
   by ascending column. */
typedef struct lk_affinity {
    size_t n;
    size_t *first;    /* [n + 1] */
    uint32_t *column; /* [first[n]] */
    lk_real *share;   /* [first[n]], of sum 1 over all */
} lk_affinity;

/* Of vectors[n][d], n at least 4: p_ij = (p_j|i + p_i|j) / 2n. One block, released by lk_free of
   `first`. */
lk_status lk_affinity_make(const lk_real *vectors, size_t n, size_t d, double perplexity,
                           int threads, lk_simd simd, lk_affinity *out, lk_error *error);

#endif

/* What people do with many codes at once, natively alone: maps of them, and networks. The second
   public header, by the rules of likeness.h, which it leaves short. */
#ifndef LK_ANALYSES_H
#define LK_ANALYSES_H

#include "likeness.h"

/* ---- maps: vectors in two dimensions ---- */

/* t-SNE of at least LK_LEAST_MAPPED vectors, a step at a time; LK_TSNE_STEPS are enough. The first
   250 exaggerate what is near. All bits depend on vectors, perplexity, seed and steps alone. */
enum { LK_LEAST_MAPPED = 8, LK_TSNE_STEPS = 1000, LK_MOST_PERPLEXITY = 42 };
typedef struct lk_tsne_options {
    double perplexity; /* about how many neighbours count as near: 2 to LK_MOST_PERPLEXITY */
    uint64_t seed;
    int threads; /* at least 1 */
    lk_simd simd;
} lk_tsne_options;
typedef struct lk_tsne lk_tsne;
lk_tsne *lk_tsne_create(const lk_real *vectors, size_t n, size_t d, const lk_tsne_options *options,
                        lk_error *error);
void lk_tsne_free(lk_tsne *tsne);
void lk_tsne_step(lk_tsne *tsne);
uint32_t lk_tsne_steps(const lk_tsne *tsne);
void lk_tsne_positions(const lk_tsne *tsne, lk_real *positions); /* [n x 2] */
/* The Kullback-Leibler divergence of the positions from the vectors: what the steps lessen. */
double lk_tsne_divergence(lk_tsne *tsne);

/* Positions [count x 2] for queries[count x d] on a map of known[n x d] that stays as it is: where
   t-SNE's attraction to the nearest known vectors, of perplexity 5, comes to rest. */
lk_status lk_tsne_place(const lk_real *known, const lk_real *positions, size_t n, size_t d,
                        const lk_real *queries, size_t count, int threads, lk_simd simd,
                        lk_real *placed, lk_error *error);

/* Trustworthiness (Venna and Kaski 2001) of positions[n x 2]: 1 when all k nearest of each point in
   the map are among its k nearest vectors, less the farther they are from that. The mean over
   `sample` points drawn by `seed`; their ranks are among all n. LK_USAGE: k is 0 or n / 2 or more,
   or over 127. */
lk_status lk_trustworthiness(const lk_real *vectors, size_t n, size_t d, const lk_real *positions,
                             size_t k, size_t sample, uint64_t seed, int threads, lk_simd simd,
                             double *out, lk_error *error);

/* ---- clusters ---- */

/* From `restarts` starts, as many communities of the graph of nearest neighbours (as lk_umap has
   it) as clusters are wanted, that of the greatest *modularity: cluster[n], none of them empty. It
   is about shares of edges alone: however long or bent a cluster is, it is one where a chain of
   near neighbours runs through all of it; and of two ways to part vectors as well, the more even
   one is taken. The same bits for any number of threads. */
lk_status lk_communities(const lk_real *vectors, size_t n, size_t d, size_t neighbours,
                         size_t clusters, size_t restarts, uint64_t seed, int threads, lk_simd simd,
                         uint32_t *cluster, double *modularity, lk_error *error);

/* ---- who is made of whom ---- */

typedef struct lk_link {
    uint32_t index;
    float weight; /* its coefficient, not 0 */
} lk_link;
/* Each of vectors[n x d], centred and of length 1, as a combination of few others: coefficients b
   with the least |x_i - sum of b_j x_j|^2 / 2 + lambda sum of |b_j|, lambda being `ratio`, between
   0 and 1, of the one at which all are 0. The counts[i] of them that are not 0, LK_MOST_LINKS at
   most, into links[n x LK_MOST_LINKS]. It holds the products of any two, n x n values: LK_DATA for
   over LK_MOST_COMBINED vectors. */
enum { LK_MOST_LINKS = 64, LK_MOST_COMBINED = 20000 };
lk_status lk_lasso(const lk_real *vectors, size_t n, size_t d, double ratio, int threads,
                   lk_simd simd, lk_link *links, uint32_t *counts, lk_error *error);

#endif

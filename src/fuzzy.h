/* Who is near whom, as UMAP has it: the graph of nearest neighbours, each edge a share of certainty
   (L. McInnes, J. Healy and J. Melville 2018). */
#ifndef LK_FUZZY_H
#define LK_FUZZY_H

#include "kernels.h"

/* Both ways: vector i has the edges first[i] .. first[i + 1]. */
typedef struct lk_fuzzy {
    size_t n;
    size_t *first;    /* [n + 1] */
    uint32_t *to;     /* [first[n]] */
    lk_real *certain; /* [first[n]], in 0..1 */
} lk_fuzzy;

/* Of vectors[n][d], 1 to LK_MAX_NEIGHBOURS - 1 neighbours each, fewer than n. One block, released
   by lk_free of `first`; nothing is kept where it fails. The same bits for any number of threads.
 */
lk_status lk_fuzzy_make(const lk_real *vectors, size_t n, size_t d, size_t neighbours, int threads,
                        lk_simd simd, lk_fuzzy *out, lk_error *error);

#endif

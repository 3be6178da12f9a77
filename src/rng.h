/* Counter-based random numbers: a value depends on (seed, stream, index) alone, never on who drew
   before, so threads, resumption and sharding cannot change it. */
#ifndef LK_RNG_H
#define LK_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct lk_rng {
    uint64_t key; /* made from seed and stream */
} lk_rng;

/* Streams keep the uses of one seed apart. */
enum {
    LK_STREAM_INIT = 1,
    LK_STREAM_SPLIT,
    LK_STREAM_SHUFFLE,
    LK_STREAM_REFERENCES,
    LK_STREAM_CLUSTERS,
    LK_STREAM_AUGMENT,
    LK_STREAM_NOISE,
    LK_STREAM_SAMPLE,
    LK_STREAM_POSE,
    LK_STREAM_COMPONENTS,
    LK_STREAM_MAP,
    LK_STREAM_BOOTSTRAP,
    LK_STREAM_MIX,
    LK_STREAM_COMMUNITIES
};

/* `stream` is one of the above; `part` tells uses of a stream apart (a layer, an epoch). */
lk_rng lk_rng_make(uint64_t seed, uint32_t stream, uint64_t part);

uint64_t lk_rng_u64(lk_rng rng, uint64_t index);
double lk_rng_uniform(lk_rng rng, uint64_t index); /* in [0, 1), 53 bits */

/* A standard normal: the inverse of its distribution function at one uniform value, by the rational
   approximation of P. J. Acklam (2003), relative error 1.2e-9; no libm, so the same everywhere. */
double lk_rng_normal(lk_rng rng, uint64_t index);

/* A uniform value in [0, bound), bound > 0. */
uint64_t lk_rng_below(lk_rng rng, uint64_t index, uint64_t bound);

/* order[0..n) becomes a uniform permutation of its present values (Fisher and Yates). */
void lk_rng_shuffle(lk_rng rng, uint32_t *order, size_t n);

#endif

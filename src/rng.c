#include "rng.h"

#include <math.h>

#include "base.h"

/* The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection that mixes all bits. */
static uint64_t mix(uint64_t v) {
    v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9ull;
    v = (v ^ (v >> 27)) * 0x94d049bb133111ebull;
    return v ^ (v >> 31);
}

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15ull;

lk_rng lk_rng_make(uint64_t seed, uint32_t stream, uint64_t part) {
    return (lk_rng){mix(mix(mix(seed + GOLDEN) ^ (stream * GOLDEN)) ^ (part * GOLDEN + 1))};
}

uint64_t lk_rng_u64(lk_rng rng, uint64_t index) {
    return mix(mix(rng.key + index * GOLDEN) ^ rng.key);
}

double lk_rng_uniform(lk_rng rng, uint64_t index) {
    return (double)(lk_rng_u64(rng, index) >> 11) * 0x1p-53;
}

double lk_rng_normal(lk_rng rng, uint64_t index) {
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                               -2.759285104469687e+02, 1.383577518672690e+02,
                               -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                               -1.556989798598866e+02, 6.680131188771972e+01,
                               -1.328068155288572e+01};
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                               -2.400758277161838e+00, -2.549732539343734e+00,
                               4.374664141464968e+00,  2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                               3.754408661907416e+00};
    /* 52 bits and a half: never 0, never 1. */
    const double p = ((double)(lk_rng_u64(rng, index) >> 12) + 0.5) * 0x1p-52;
    if (p >= 0.02425 && p <= 1 - 0.02425) {
        const double q = p - 0.5, r = q * q;
        return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
               (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
    }
    const double q = sqrt(-2 * lk_log(p < 0.5 ? p : 1 - p));
    const double tail = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
                        ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
    return p < 0.5 ? tail : -tail;
}

uint64_t lk_rng_below(lk_rng rng, uint64_t index, uint64_t bound) {
    /* 53 bits against bounds of at most 2^32: the bias is under 2^-21 and the same everywhere. */
    return (uint64_t)(lk_rng_uniform(rng, index) * (double)bound);
}

void lk_rng_shuffle(lk_rng rng, uint32_t *order, size_t n) {
    for (size_t i = n; i > 1; i--) {
        const size_t j = (size_t)lk_rng_below(rng, i, i);
        const uint32_t swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}

void lk_permutation(uint64_t seed, uint32_t *order, size_t n) {
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    lk_rng_shuffle(lk_rng_make(seed, LK_STREAM_SPLIT, 0), order, n);
}

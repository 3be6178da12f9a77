/* The kernels of operators that pass over all values of an image: the means and variances of its
   channels, what is made of them, and dropout. A part of kernels.c, which alone includes it. */
#ifndef LK_KERNELS_NORM_H
#define LK_KERNELS_NORM_H

#include "kernels.h"
#include "vec.h"

/* Vectors side by side whose constants and sums stay in registers: two sums each, so that adding
   need not wait for the sum before. */
enum { PANELS_AT_ONCE = 2 };

/* Runs F(k, panels, left) for each few vectors of channels from k on, of which `left` are left: two
   whole ones, or one, perhaps with fewer values. */
#define EACH_PANELS(F)                                                                             \
    size_t k = 0;                                                                                  \
    for (; k + PANELS_AT_ONCE * LK_LANES <= p->channels; k += PANELS_AT_ONCE * LK_LANES)           \
        F(k, PANELS_AT_ONCE, LK_LANES);                                                            \
    for (; k < p->channels; k += LK_LANES) F(k, 1, p->channels - k);

#define EACH_PANEL(q) for (int q = 0; q < panels; q++)

INLINE void moments_some(const lk_pixels *p, const lk_real *x, const lk_real *about, lk_real *sums,
                         lk_real *squares, size_t k, const int panels, size_t left) {
    vec mean[PANELS_AT_ONCE], sum[PANELS_AT_ONCE], square[PANELS_AT_ONCE];
    EACH_PANEL(q) {
        mean[q] = vec_load(about + k + q * LK_LANES);
        sum[q] = square[q] = vec_set(0);
    }
    for (size_t i = 0; i < p->count; i++) EACH_PANEL(q) {
            const size_t at = i * p->channels + k + q * LK_LANES;
            const vec d = vec_sub(load_some(x + at, left), mean[q]);
            sum[q] = vec_add(sum[q], d);
            square[q] = vec_add(square[q], vec_mul(d, d));
        }
    EACH_PANEL(q) {
        vec_store(sums + k + q * LK_LANES, sum[q]);
        vec_store(squares + k + q * LK_LANES, square[q]);
    }
}

static void moments(const lk_pixels *p, const lk_real *x, const lk_real *about, lk_real *sums,
                    lk_real *squares){
#define MOMENTS(k, panels, left) moments_some(p, x, about, sums, squares, k, panels, left)
    EACH_PANELS(MOMENTS)}

INLINE void normalise_some(const lk_pixels *p, const lk_norm *n, const lk_real *x, lk_real *y,
                           size_t k, const int panels, size_t left) {
    vec mean[PANELS_AT_ONCE], factor[PANELS_AT_ONCE], shift[PANELS_AT_ONCE];
    EACH_PANEL(q) {
        mean[q] = vec_load(n->mean + k + q * LK_LANES);
        factor[q] = vec_load(n->factor + k + q * LK_LANES);
        shift[q] = vec_load(n->shift + k + q * LK_LANES);
    }
    for (size_t i = 0; i < p->count; i++) EACH_PANEL(q) {
            const size_t at = i * p->channels + k + q * LK_LANES;
            const vec d = vec_sub(load_some(x + at, left), mean[q]);
            store_some(y + at, left, vec_add(vec_mul(d, factor[q]), shift[q]));
        }
}

static void normalise(const lk_pixels *p, const lk_norm *n, const lk_real *x, lk_real *y){
#define NORMALISE(k, panels, left) normalise_some(p, n, x, y, k, panels, left)
    EACH_PANELS(NORMALISE)}

INLINE void moments_back_some(const lk_pixels *p, const lk_norm *n, lk_real below, const lk_real *x,
                              lk_real *dy, lk_real *sums, lk_real *products, size_t k,
                              const int panels, size_t left) {
    vec mean[PANELS_AT_ONCE], factor[PANELS_AT_ONCE], shift[PANELS_AT_ONCE];
    vec sum[PANELS_AT_ONCE], product[PANELS_AT_ONCE];
    EACH_PANEL(q) {
        mean[q] = vec_load(n->mean + k + q * LK_LANES);
        factor[q] = vec_load(n->factor + k + q * LK_LANES);
        shift[q] = vec_load(n->shift + k + q * LK_LANES);
        sum[q] = product[q] = vec_set(0);
    }
    for (size_t i = 0; i < p->count; i++) EACH_PANEL(q) {
            const size_t at = i * p->channels + k + q * LK_LANES;
            const vec d = vec_sub(load_some(x + at, left), mean[q]);
            const vec y = vec_add(vec_mul(d, factor[q]), shift[q]);
            const vec slope = vec_if_greater(y, vec_set(0), vec_set(1), vec_set(below));
            const vec gradient = vec_mul(load_some(dy + at, left), slope);
            store_some(dy + at, left, gradient);
            sum[q] = vec_add(sum[q], gradient);
            product[q] = vec_add(product[q], vec_mul(gradient, d));
        }
    EACH_PANEL(q) {
        vec_store(sums + k + q * LK_LANES, sum[q]);
        vec_store(products + k + q * LK_LANES, product[q]);
    }
}

static void moments_back(const lk_pixels *p, const lk_norm *n, lk_real below, const lk_real *x,
                         lk_real *dy, lk_real *sums, lk_real *products){
#define MOMENTS_BACK(k, panels, left)                                                              \
    moments_back_some(p, n, below, x, dy, sums, products, k, panels, left)
    EACH_PANELS(MOMENTS_BACK)}

INLINE void normalise_back_some(const lk_pixels *p, const lk_norm *n, const lk_real *x,
                                const lk_real *dy, lk_real *dx, size_t k, const int panels,
                                size_t left) {
    vec mean[PANELS_AT_ONCE], factor[PANELS_AT_ONCE], back[PANELS_AT_ONCE], norm[PANELS_AT_ONCE];
    EACH_PANEL(q) {
        mean[q] = vec_load(n->mean + k + q * LK_LANES);
        factor[q] = vec_load(n->factor + k + q * LK_LANES);
        back[q] = vec_load(n->back + k + q * LK_LANES);
        norm[q] = vec_load(n->norm + k + q * LK_LANES);
    }
    for (size_t i = 0; i < p->count; i++) EACH_PANEL(q) {
            const size_t at = i * p->channels + k + q * LK_LANES;
            const vec along = vec_mul(vec_sub(load_some(x + at, left), mean[q]), norm[q]);
            const vec rest = vec_sub(vec_sub(load_some(dy + at, left), back[q]), along);
            store_some(dx + at, left, vec_mul(factor[q], rest));
        }
}

static void normalise_back(const lk_pixels *p, const lk_norm *n, const lk_real *x,
                           const lk_real *dy, lk_real *dx) {
#define NORMALISE_BACK(k, panels, left) normalise_back_some(p, n, x, dy, dx, k, panels, left)
    EACH_PANELS(NORMALISE_BACK)
}

/* Whole numbers alone decide, so plain C gives every variant the same bits; compilers make vectors
   of it. The mixing is that of C. Wellons' lowbias32 (2018), half of the key added in its middle.
 */
static void dropout(uint64_t key, lk_real share, const lk_real *x, lk_real *y, size_t n) {
    const uint32_t most = (uint32_t)(share * (1 << 24)), middle = (uint32_t)(key >> 32);
    const lk_real factor = 1 / (1 - share);
    uint32_t counter = (uint32_t)key;
    for (size_t i = 0; i < n; i++, counter += 0x9e3779b9u) {
        uint32_t h = (counter ^ counter >> 16) * 0x7feb352du;
        h = ((h ^ h >> 15) + middle) * 0x846ca68bu;
        h ^= h >> 16;
        const lk_real kept = x[i] * factor;
        y[i] = h >> 8 < most ? 0 : kept;
    }
}

#endif

/* The weights that dense layers and convolutions share: a matrix packed in panels of sixteen
   columns, [out / 16][in][16], for products with rows from the left, and a transposed copy, [in /
   16][out][16], for the way back. In files it is [out][in]. */
#ifndef LK_LINEAR_H
#define LK_LINEAR_H

#include "kernels.h"
#include "rng.h"

typedef struct lk_linear {
    size_t in, out;
} lk_linear;

static inline size_t lk_linear_packed(lk_linear l) {
    return lk_round_up(l.out, LK_LANES) * l.in;
}
static inline size_t lk_linear_transposed(lk_linear l) {
    return lk_round_up(l.in, LK_LANES) * l.out;
}
static inline size_t lk_linear_panels(lk_linear l) {
    return (l.out + LK_LANES - 1) / LK_LANES;
}

/* y[rows][y_stride] = x[rows][x_stride] W (+ bias[out, padded]); y_stride holds whole panels. */
void lk_linear_forward(lk_linear l, const lk_kernels *kernels, const lk_real *weights,
                       const lk_real *bias, const lk_real *x, size_t x_stride, size_t rows,
                       lk_real *y, size_t y_stride);
/* dx[rows][dx_stride] = dy[rows][dy_stride] W^T; dx_stride holds whole panels. */
void lk_linear_backward(lk_linear l, const lk_kernels *kernels, const lk_real *transposed,
                        const lk_real *dy, size_t dy_stride, size_t rows, lk_real *dx,
                        size_t dx_stride);

/* Brings the transposed copy up to date for rows k..k_end-1 of panels p..p_end-1. */
void lk_linear_transpose(lk_linear l, const lk_kernels *kernels, size_t p, size_t p_end, size_t k,
                         size_t k_end, const lk_real *weights, lk_real *transposed);

/* Normal weights for the given numbers of inputs and outputs of one unit. */
void lk_linear_init(lk_linear l, lk_init how, double fan_in, double fan_out, lk_rng rng,
                    lk_real *weights);

/* Plain [out][in] <-> packed. */
void lk_linear_pack(lk_linear l, const lk_real *plain, lk_real *weights);
void lk_linear_unpack(lk_linear l, const lk_real *weights, lk_real *plain);

#endif

#include "linear.h"

#include <math.h>

void lk_linear_forward(lk_linear l, const lk_kernels *kernels, const lk_real *weights,
                       const lk_real *bias, const lk_real *x, size_t x_stride, size_t rows,
                       lk_real *y, size_t y_stride) {
    kernels->gemm(&(lk_gemm){.m = rows,
                             .k = l.in,
                             .panels = lk_linear_panels(l),
                             .a = x,
                             .a_row = x_stride,
                             .a_col = 1,
                             .b = weights,
                             .b_panel = l.in * LK_LANES,
                             .b_row = LK_LANES,
                             .c = y,
                             .c_row = y_stride,
                             .c_panel = LK_LANES,
                             .bias = bias});
}

void lk_linear_backward(lk_linear l, const lk_kernels *kernels, const lk_real *transposed,
                        const lk_real *dy, size_t dy_stride, size_t rows, lk_real *dx,
                        size_t dx_stride) {
    const lk_linear back = {l.out, l.in};
    lk_linear_forward(back, kernels, transposed, NULL, dy, dy_stride, rows, dx, dx_stride);
}

void lk_linear_transpose(lk_linear l, const lk_kernels *kernels, size_t p, size_t p_end, size_t k,
                         size_t k_end, const lk_real *weights, lk_real *transposed) {
    for (; p < p_end; p++) {
        const size_t lanes = LK_MIN((size_t)LK_LANES, l.out - p * LK_LANES);
        for (size_t i = k, some; i < k_end; i += some) {
            const lk_real *from = weights + (p * l.in + i) * LK_LANES;
            lk_real *to = transposed + (i / LK_LANES * l.out + p * LK_LANES) * LK_LANES;
            const size_t blocks =
                i % LK_LANES == 0 && lanes == LK_LANES ? (k_end - i) / LK_LANES : 0;
            some = LK_MAX(blocks * LK_LANES, (size_t)1);
            if (blocks)
                kernels->transpose(from, blocks, to, l.out * LK_LANES);
            else
                for (size_t o = 0; o < lanes; o++) to[o * LK_LANES + i % LK_LANES] = from[o];
        }
    }
}

/* Where the value [o][k] is packed. */
static size_t place(lk_linear l, size_t o, size_t k) {
    return (o / LK_LANES * l.in + k) * LK_LANES + o % LK_LANES;
}

void lk_linear_init(lk_linear l, lk_init how, double fan_in, double fan_out, lk_rng rng,
                    lk_real *weights) {
    const double deviation = sqrt(how == LK_INIT_HE ? 2 / fan_in : 2 / (fan_in + fan_out));
    for (size_t o = 0; o < l.out; o++)
        for (size_t k = 0; k < l.in; k++)
            weights[place(l, o, k)] = (lk_real)(deviation * lk_rng_normal(rng, o * l.in + k));
}

void lk_linear_pack(lk_linear l, const lk_real *plain, lk_real *weights) {
    for (size_t o = 0; o < l.out; o++)
        for (size_t k = 0; k < l.in; k++) weights[place(l, o, k)] = plain[o * l.in + k];
}

void lk_linear_unpack(lk_linear l, const lk_real *weights, lk_real *plain) {
    for (size_t o = 0; o < l.out; o++)
        for (size_t k = 0; k < l.in; k++) plain[o * l.in + k] = weights[place(l, o, k)];
}

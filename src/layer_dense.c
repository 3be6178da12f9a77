/* dense N: y = f(x W^T + b). Weights are packed as panels [out / 16][in][16], then the biases;
   the backward pass reads a transposed copy [in / 16][out][16]. */
#include "layer.h"

#include <math.h>

enum { WEIGHT, BIAS };
enum { SLICE_PANELS = 2 }; /* columns of panels that one slice of work covers */

static size_t in_size(const lk_layer *l) {
    return lk_shape_size(l->in);
}
static size_t out_size(const lk_layer *l) {
    return lk_shape_size(l->out);
}
static size_t out_panels(const lk_layer *l) {
    return l->out_stride / LK_LANES;
}
static size_t in_panels(const lk_layer *l) {
    return l->in_stride / LK_LANES;
}
static size_t bias_start(const lk_layer *l) {
    return l->out_stride * in_size(l);
}

static lk_status plan(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    if (numbers[0] == 0 || numbers[0] > LK_MAX_UNITS)
        return lk_fail(error, LK_MODEL, "dense needs 1 to %u units",
                       (unsigned long long)LK_MAX_UNITS);
    l->out = (lk_shape){1, 1, numbers[0]};
    l->out_stride = lk_round_up(numbers[0], LK_LANES);
    /* At most 2^20 x 2^20: no overflow; the model's limit is checked by the caller. */
    l->parameters = in_size(l) * out_size(l) + out_size(l);
    l->packed = bias_start(l) + l->out_stride;
    l->transposed = l->in_stride * out_size(l);
    l->slices = (out_panels(l) + SLICE_PANELS - 1) / SLICE_PANELS + 1;
    l->flops = 2.0 * (double)in_size(l) * (double)out_size(l);
    return LK_OK;
}

static void forward(const lk_layer *l, const lk_kernels *kernels, const lk_real *parameters,
                    const lk_real *x, lk_real *y, size_t rows) {
    kernels->gemm(&(lk_gemm){.m = rows,
                             .k = in_size(l),
                             .panels = out_panels(l),
                             .a = x,
                             .a_row = l->in_stride,
                             .a_col = 1,
                             .b = parameters,
                             .b_panel = in_size(l) * LK_LANES,
                             .b_row = LK_LANES,
                             .c = y,
                             .c_row = l->out_stride,
                             .c_panel = LK_LANES,
                             .bias = parameters + bias_start(l)});
    kernels->activate(l->activation, y, rows * l->out_stride);
}

static void backward(const lk_layer *l, const lk_kernels *kernels, const lk_real *transposed,
                     const lk_real *y, lk_real *dy, lk_real *dx, size_t rows) {
    kernels->activate_gradient(l->activation, y, dy, rows * l->out_stride);
    if (!dx) return;
    kernels->gemm(&(lk_gemm){.m = rows,
                             .k = out_size(l),
                             .panels = in_panels(l),
                             .a = dy,
                             .a_row = l->out_stride,
                             .a_col = 1,
                             .b = transposed,
                             .b_panel = out_size(l) * LK_LANES,
                             .b_row = LK_LANES,
                             .c = dx,
                             .c_row = l->in_stride,
                             .c_panel = LK_LANES});
}

static lk_slice slice(const lk_layer *l, size_t which) {
    if (which + 1 == l->slices) return (lk_slice){bias_start(l), l->out_stride};
    const size_t panel = which * SLICE_PANELS;
    const size_t count = LK_MIN((size_t)SLICE_PANELS, out_panels(l) - panel);
    const size_t values = in_size(l) * LK_LANES;
    return (lk_slice){panel * values, count * values};
}

static void gradient(const lk_layer *l, const lk_kernels *kernels, size_t which, const lk_real *x,
                     const lk_real *dy, size_t rows, lk_real *gradient) {
    if (which + 1 == l->slices) {
        kernels->column_sums(dy, rows, l->out_stride, out_panels(l), gradient);
        return;
    }
    const size_t panel = which * SLICE_PANELS;
    kernels->gemm(&(lk_gemm){.m = in_size(l),
                             .k = rows,
                             .panels = LK_MIN((size_t)SLICE_PANELS, out_panels(l) - panel),
                             .a = x,
                             .a_row = 1,
                             .a_col = l->in_stride,
                             .b = dy + panel * LK_LANES,
                             .b_panel = LK_LANES,
                             .b_row = l->out_stride,
                             .c = gradient,
                             .c_row = LK_LANES,
                             .c_panel = in_size(l) * LK_LANES});
}

static void transpose(const lk_layer *l, size_t which, const lk_real *parameters,
                      lk_real *transposed) {
    if (which + 1 == l->slices) return;
    const size_t in = in_size(l), out = out_size(l);
    const size_t end = LK_MIN((which + 1) * SLICE_PANELS, out_panels(l));
    for (size_t p = which * SLICE_PANELS; p < end; p++) {
        const size_t lanes = LK_MIN((size_t)LK_LANES, out - p * LK_LANES);
        for (size_t k = 0; k < in; k++) {
            const lk_real *from = parameters + (p * in + k) * LK_LANES;
            lk_real *to =
                transposed + (k / LK_LANES * out + p * LK_LANES) * LK_LANES + k % LK_LANES;
            for (size_t o = 0; o < lanes; o++) to[o * LK_LANES] = from[o];
        }
    }
}

/* Where the plain value [o][k] of the weight, or [o] of the bias, is packed. */
static size_t place(const lk_layer *l, size_t which, size_t o, size_t k) {
    if (which == BIAS) return bias_start(l) + o;
    return (o / LK_LANES * in_size(l) + k) * LK_LANES + o % LK_LANES;
}

static void init(const lk_layer *l, lk_init how, lk_rng rng, lk_real *parameters) {
    const double fan_in = (double)in_size(l), fan_out = (double)out_size(l);
    const double deviation = sqrt(how == LK_INIT_HE ? 2 / fan_in : 2 / (fan_in + fan_out));
    for (size_t o = 0; o < out_size(l); o++)
        for (size_t k = 0; k < in_size(l); k++)
            parameters[place(l, WEIGHT, o, k)] =
                (lk_real)(deviation * lk_rng_normal(rng, o * in_size(l) + k));
    for (size_t o = 0; o < l->out_stride; o++) parameters[bias_start(l) + o] = 0;
}

static lk_tensor_shape tensor(const lk_layer *l, size_t which) {
    if (which == BIAS) return (lk_tensor_shape){"bias", 1, {out_size(l)}, out_size(l)};
    return (lk_tensor_shape){"weight", 2, {out_size(l), in_size(l)}, out_size(l) * in_size(l)};
}

static void pack(const lk_layer *l, size_t which, const lk_real *plain, lk_real *parameters) {
    const size_t columns = which == BIAS ? 1 : in_size(l);
    for (size_t o = 0; o < out_size(l); o++)
        for (size_t k = 0; k < columns; k++)
            parameters[place(l, which, o, k)] = plain[o * columns + k];
}

static void unpack(const lk_layer *l, size_t which, const lk_real *parameters, lk_real *plain) {
    const size_t columns = which == BIAS ? 1 : in_size(l);
    for (size_t o = 0; o < out_size(l); o++)
        for (size_t k = 0; k < columns; k++)
            plain[o * columns + k] = parameters[place(l, which, o, k)];
}

const lk_op lk_op_dense = {
    .name = "dense",
    .arguments = 1,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .slice = slice,
    .gradient = gradient,
    .transpose = transpose,
    .init = init,
    .tensors = 2,
    .tensor = tensor,
    .pack = pack,
    .unpack = unpack,
};

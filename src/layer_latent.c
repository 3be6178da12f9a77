/* gaussian N (D. P. Kingma and M. Welling 2014) makes of an image a normal distribution over N
   values, by a linear layer each for their means and log-variances. In use the code is the mean;
   while a loss is asked for it is a sample, mean + exp(log-variance / 2) eps, and beta times the
   divergence from the standard normal is added to the row's loss. The packed parameters are the
   weights of the means and of the log-variances, as those of one layer of 2 N outputs, each half
   padded; then the biases. A row's memory holds its means and log-variances, on the way back the
   gradients of the loss by them. */
#include "layer.h"

#include <math.h>
#include <string.h>

enum { MEAN_WEIGHT, MEAN_BIAS, LOG_VARIANCE_WEIGHT, LOG_VARIANCE_BIAS, GAUSSIAN_TENSORS };
enum { SLICE_PANELS = 2 }; /* columns of panels that one slice of work covers */

/* One of the two layers, and both as one. */
static lk_linear half(const lk_layer *l) {
    return (lk_linear){lk_shape_size(l->in), lk_shape_size(l->out)};
}
static lk_linear both(const lk_layer *l) {
    return (lk_linear){lk_shape_size(l->in), 2 * l->out_stride};
}
static size_t bias_start(const lk_layer *l) {
    return lk_linear_packed(both(l));
}

static lk_status plan_gaussian(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    if (numbers[0] == 0 || numbers[0] > LK_MAX_UNITS)
        return lk_fail(error, LK_MODEL, "gaussian needs 1 to %u values",
                       (unsigned long long)LK_MAX_UNITS);
    l->out = (lk_shape){1, 1, numbers[0]};
    l->out_stride = lk_round_up(numbers[0], LK_LANES);
    const double products = (double)lk_shape_size(l->in) * numbers[0];
    l->flops = 2 * products; /* in use, which needs the means alone */
    const lk_status status = lk_layer_check(2 * products, l->flops, error);
    if (status != LK_OK) return status;
    l->parameters = l->stored = 2 * (half(l).in + 1) * half(l).out;
    l->packed = bias_start(l) + both(l).out;
    l->transposed = lk_linear_transposed(both(l));
    l->slices = (lk_linear_panels(both(l)) + SLICE_PANELS - 1) / SLICE_PANELS + 1;
    l->memory = both(l).out;
    l->scratch = l->out_stride;
    return LK_OK;
}

/* Row r: y = a sample, given its memory; returns the divergence. The deviation is the root of the
   variance, so that both stay finite together. */
static double sample(const lk_layer *l, const lk_pass *pass, size_t r, lk_real *y) {
    const size_t n = half(l).out;
    const lk_real *mean = pass->memory + r * l->memory, *log_variance = mean + l->out_stride;
    lk_real *variance = pass->scratch;
    uint64_t first;
    const lk_rng rng = lk_pass_rng(l, pass, r, n, &first);
    double divergence = 0;
    memcpy(variance, log_variance, l->out_stride * sizeof *variance);
    pass->kernels->exponential(variance, l->out_stride);
    memset(y, 0, l->out_stride * sizeof *y);
    for (size_t i = 0; i < n; i++) {
        const double m = (double)mean[i], v = (double)variance[i];
        y[i] = (lk_real)(m + sqrt(v) * lk_rng_normal(rng, first + i));
        divergence += (v + m * m - 1 - (double)log_variance[i]) / 2;
    }
    return divergence;
}

static void gaussian_forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                             size_t rows) {
    const lk_real *bias = pass->parameters + bias_start(l);
    if (!pass->batch) {
        lk_linear_forward(half(l), pass->kernels, pass->parameters, bias, x, l->in_stride, rows, y,
                          l->out_stride);
        return;
    }
    lk_linear_forward(both(l), pass->kernels, pass->parameters, bias, x, l->in_stride, rows,
                      pass->memory, l->memory);
    for (size_t r = 0; r < rows; r++) {
        const double divergence = sample(l, pass, r, y + r * l->out_stride);
        if (pass->penalties) pass->penalties[r] += pass->batch->beta * (lk_real)divergence;
    }
}

/* y - mean is deviation x eps, whose derivative by the log-variance is half of it. */
static void gaussian_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x,
                              const lk_real *y, lk_real *dy, lk_real *dx, size_t rows) {
    (void)x;
    const lk_real share = pass->batch->beta * pass->batch->scale;
    lk_real *variance = pass->scratch;
    for (size_t r = 0; r < rows; r++, y += l->out_stride, dy += l->out_stride) {
        lk_real *mean = pass->memory + r * l->memory, *log_variance = mean + l->out_stride;
        memcpy(variance, log_variance, l->out_stride * sizeof *variance);
        pass->kernels->exponential(variance, l->out_stride);
        for (size_t i = 0; i < l->out_stride; i++) {
            log_variance[i] = (dy[i] * (y[i] - mean[i]) + share * (variance[i] - 1)) / 2;
            mean[i] = dy[i] + share * mean[i];
        }
    }
    if (dx)
        lk_linear_backward(both(l), pass->kernels, pass->transposed, pass->memory, l->memory, rows,
                           dx, l->in_stride);
}

/* The panels that a slice covers: from `which` times SLICE_PANELS on. */
static size_t slice_end(const lk_layer *l, size_t which) {
    return LK_MIN((which + 1) * SLICE_PANELS, lk_linear_panels(both(l)));
}

static lk_slice gaussian_slice(const lk_layer *l, size_t which) {
    if (which + 1 == l->slices) return (lk_slice){bias_start(l), both(l).out, LK_BIAS};
    const size_t first = which * SLICE_PANELS, values = both(l).in * LK_LANES;
    return (lk_slice){first * values, (slice_end(l, which) - first) * values, LK_WEIGHT};
}

static void gaussian_gradient(const lk_layer *l, const lk_pass *pass, size_t which,
                              const lk_real *x, const lk_real *dy, size_t rows, lk_real *gradient) {
    (void)dy;
    if (which + 1 == l->slices) {
        pass->kernels->column_sums(pass->memory, rows, l->memory, lk_linear_panels(both(l)),
                                   gradient);
        return;
    }
    const size_t panel = which * SLICE_PANELS;
    pass->kernels->gemm(&(lk_gemm){.m = both(l).in,
                                   .k = rows,
                                   .panels = slice_end(l, which) - panel,
                                   .a = x,
                                   .a_row = 1,
                                   .a_col = l->in_stride,
                                   .b = pass->memory + panel * LK_LANES,
                                   .b_panel = LK_LANES,
                                   .b_row = l->memory,
                                   .c = gradient,
                                   .c_row = LK_LANES,
                                   .c_panel = both(l).in * LK_LANES});
}

static void gaussian_transpose(const lk_layer *l, size_t which, const lk_real *parameters,
                               lk_real *transposed) {
    if (which + 1 < l->slices)
        lk_linear_transpose(both(l), which * SLICE_PANELS, slice_end(l, which), 0, both(l).in,
                            parameters, transposed);
}

/* Every variance is 1 at first. */
static void gaussian_init(const lk_layer *l, lk_init how, lk_rng rng, lk_real *parameters) {
    memset(parameters, 0, l->packed * sizeof *parameters);
    lk_linear_init(half(l), how, (double)half(l).in, (double)half(l).out, rng, parameters);
}

static lk_tensor_shape gaussian_tensor(const lk_layer *l, size_t which) {
    static const char *const names[GAUSSIAN_TENSORS] = {"mean.weight", "mean.bias",
                                                        "log_variance.weight", "log_variance.bias"};
    const size_t in = half(l).in, out = half(l).out;
    if (which == MEAN_BIAS || which == LOG_VARIANCE_BIAS)
        return (lk_tensor_shape){names[which], 1, {out}, out};
    return (lk_tensor_shape){names[which], 2, {out, in}, out * in};
}

/* Where a tensor starts in the packed parameters. */
static size_t gaussian_start(const lk_layer *l, size_t which) {
    const bool second = which >= LOG_VARIANCE_WEIGHT;
    if (which == MEAN_BIAS || which == LOG_VARIANCE_BIAS)
        return bias_start(l) + second * l->out_stride;
    return second * lk_linear_packed(half(l));
}

static void gaussian_pack(const lk_layer *l, size_t which, const lk_real *plain,
                          lk_real *parameters) {
    lk_real *to = parameters + gaussian_start(l, which);
    if (which == MEAN_BIAS || which == LOG_VARIANCE_BIAS)
        memcpy(to, plain, half(l).out * sizeof *plain);
    else
        lk_linear_pack(half(l), plain, to);
}
static void gaussian_unpack(const lk_layer *l, size_t which, const lk_real *parameters,
                            lk_real *plain) {
    const lk_real *from = parameters + gaussian_start(l, which);
    if (which == MEAN_BIAS || which == LOG_VARIANCE_BIAS)
        memcpy(plain, from, half(l).out * sizeof *plain);
    else
        lk_linear_unpack(half(l), from, plain);
}

const lk_op lk_op_gaussian = {
    .name = "gaussian",
    .arguments = 1,
    .plan = plan_gaussian,
    .forward = gaussian_forward,
    .backward = gaussian_backward,
    .slice = gaussian_slice,
    .gradient = gaussian_gradient,
    .transpose = gaussian_transpose,
    .init = gaussian_init,
    .tensors = GAUSSIAN_TENSORS,
    .tensor = gaussian_tensor,
    .pack = gaussian_pack,
    .unpack = gaussian_unpack,
};

/* bn, l2norm, l1: operators on the size of values.

   bn (S. Ioffe and C. Szegedy 2015) gives each feature mean 0 and variance 1 over the batch, then a
   scale and a shift that are learned; in use, by averages that followed the batches. A feature is a
   channel of an image, or a value where there is a row of them (1x1xN). The packed parameters are
   scale, shift, mean and variance. A row's memory holds its sums: of x and of x^2, both about the
   running mean, and on the way back of dy and of dy x_norm. What rows share is made of them.

   l2norm brings a row to length 1. l1 A lets a row pass and adds A times the sum of its absolute
   values to its loss. */
#include "layer.h"

#include <math.h>
#include <string.h>

static const double EPSILON = 1e-5, FOLLOW = 0.1; /* as PyTorch's */

enum { SCALE, SHIFT, MEAN, VARIANCE, TENSORS };
enum { SUM, SQUARES, BACK, BACK_NORM, SUMS };
/* x_norm = (x - mean) factor; and the batch's means of dy and of dy x_norm, the latter x factor. */
enum { BATCH_MEAN, FACTOR, MEAN_BACK, MEAN_NORM, SHARED };

static lk_status plan_same(lk_layer *l) {
    l->out = l->in;
    l->out_stride = l->in_stride;
    l->flops = 4 * (double)lk_shape_size(l->in);
    return LK_OK;
}

/* ---- bn ---- */

static size_t features(const lk_layer *l) {
    return l->in.channels == 1 && l->in.height == 1 ? l->in.width : l->in.channels;
}
static size_t pixels(const lk_layer *l) {
    return lk_shape_size(l->in) / features(l);
}
static size_t stride(const lk_layer *l) {
    return lk_round_up(features(l), LK_LANES);
}

static lk_status plan_bn(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    (void)numbers, (void)error;
    l->parameters = 2 * features(l);
    l->stored = TENSORS * features(l);
    l->packed = TENSORS * stride(l);
    l->slices = 2;
    l->memory = SUMS * stride(l);
    l->shared = SHARED * stride(l);
    l->scratch = stride(l);
    return plan_same(l);
}

static lk_pixels all_pixels(const lk_layer *l) {
    return (lk_pixels){pixels(l), features(l)};
}

/* About the running mean, so that the variance of values far from 0 is no difference of large
   numbers. */
static void gather(const lk_layer *l, const lk_pass *pass, const lk_real *x, size_t rows) {
    const lk_pixels p = all_pixels(l);
    for (size_t r = 0; r < rows; r++) {
        lk_real *memory = pass->memory + r * l->memory;
        pass->kernels->moments(&p, x + r * l->in_stride, pass->parameters + MEAN * stride(l),
                               memory + SUM * stride(l), memory + SQUARES * stride(l));
    }
}

/* The mean over the batch of what all rows' memory holds at `which`. */
static double batch_mean(const lk_layer *l, const lk_pass *pass, size_t which, size_t k) {
    const lk_real *all = pass->memory - pass->row * l->memory + which * stride(l) + k;
    double sum = 0;
    for (size_t r = 0; r < pass->batch->rows; r++) sum += (double)all[r * l->memory];
    return sum / ((double)pass->batch->rows * (double)pixels(l));
}

static void batch_moments(const lk_layer *l, const lk_pass *pass, size_t k, double *mean,
                          double *variance) {
    const double apart = batch_mean(l, pass, SUM, k);
    *mean = (double)pass->parameters[MEAN * stride(l) + k] + apart;
    *variance = LK_MAX(batch_mean(l, pass, SQUARES, k) - apart * apart, 0.0);
}

static lk_real factor_of(double variance) {
    return (lk_real)(1 / sqrt(LK_MAX(variance, 0.0) + EPSILON));
}

static void bn_meet(const lk_layer *l, const lk_pass *pass) {
    for (size_t k = 0; k < features(l); k++) {
        double mean, variance;
        batch_moments(l, pass, k, &mean, &variance);
        pass->shared[BATCH_MEAN * stride(l) + k] = (lk_real)mean;
        pass->shared[FACTOR * stride(l) + k] = factor_of(variance);
    }
}

/* By the batch while learning, else by the averages; the factors are put into scratch. */
static lk_norm norm(const lk_layer *l, const lk_pass *pass) {
    const bool learns = lk_pass_learns(pass);
    const lk_real *scale = pass->parameters, *variance = scale + VARIANCE * stride(l);
    const lk_real *shared = pass->shared;
    lk_real *factor = pass->scratch;
    for (size_t k = 0; k < features(l); k++)
        factor[k] =
            scale[k] * (learns ? shared[FACTOR * stride(l) + k] : factor_of((double)variance[k]));
    return (lk_norm){.mean = learns ? shared + BATCH_MEAN * stride(l) : scale + MEAN * stride(l),
                     .factor = factor,
                     .shift = scale + SHIFT * stride(l),
                     .back = shared + MEAN_BACK * stride(l),
                     .norm = shared + MEAN_NORM * stride(l)};
}

static void bn_forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                       size_t rows) {
    const lk_pixels p = all_pixels(l);
    const lk_norm n = norm(l, pass);
    for (size_t r = 0; r < rows; r++, x += l->in_stride, y += l->out_stride) {
        pass->kernels->normalise(&p, &n, x, y);
        pass->kernels->activate(l->activation, y, l->out_stride);
    }
}

/* Activations with a kink at 0 have their slopes told from x, so that y need not be read. */
static void bn_gather_back(const lk_layer *l, const lk_pass *pass, const lk_real *x,
                           const lk_real *y, lk_real *dy, size_t rows) {
    const lk_activation f = l->activation;
    const bool kink = f == LK_RELU || f == LK_LEAKY;
    const lk_real below = f == LK_RELU ? 0 : f == LK_LEAKY ? (lk_real)0.01 : 1;
    const lk_pixels p = all_pixels(l);
    const lk_norm n = norm(l, pass);
    for (size_t r = 0; r < rows; r++, x += l->in_stride, y += l->out_stride, dy += l->out_stride) {
        lk_real *memory = pass->memory + r * l->memory;
        if (!kink) pass->kernels->activate_gradient(f, y, dy, l->out_stride);
        pass->kernels->moments_back(&p, &n, below, x, dy, memory + BACK * stride(l),
                                    memory + BACK_NORM * stride(l));
        for (size_t k = 0; k < features(l); k++)
            memory[BACK_NORM * stride(l) + k] *= pass->shared[FACTOR * stride(l) + k];
    }
}

static void bn_meet_back(const lk_layer *l, const lk_pass *pass) {
    lk_real *shared = pass->shared;
    for (size_t k = 0; k < features(l); k++) {
        shared[MEAN_BACK * stride(l) + k] = (lk_real)batch_mean(l, pass, BACK, k);
        shared[MEAN_NORM * stride(l) + k] =
            (lk_real)batch_mean(l, pass, BACK_NORM, k) * shared[FACTOR * stride(l) + k];
    }
}

/* dx = scale factor (dy - mean(dy) - x_norm mean(dy x_norm)), means over the batch. */
static void bn_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x, const lk_real *y,
                        lk_real *dy, lk_real *dx, size_t rows) {
    (void)y;
    if (!dx) return;
    const lk_pixels p = all_pixels(l);
    const lk_norm n = norm(l, pass);
    for (size_t r = 0; r < rows; r++, x += l->in_stride, dy += l->out_stride, dx += l->in_stride) {
        pass->kernels->normalise_back(&p, &n, x, dy, dx);
        for (size_t i = p.count * p.channels; i < l->in_stride; i++) dx[i] = 0;
    }
}

static lk_slice bn_slice(const lk_layer *l, size_t which) {
    return (lk_slice){which * 2 * stride(l), 2 * stride(l), which ? LK_AVERAGE : LK_BIAS};
}

static void bn_gradient(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                        const lk_real *dy, size_t rows, lk_real *gradient) {
    (void)which, (void)x, (void)dy;
    const double values = (double)rows * (double)pixels(l);
    memset(gradient, 0, 2 * stride(l) * sizeof *gradient);
    for (size_t k = 0; k < features(l); k++) {
        gradient[k] = (lk_real)(batch_mean(l, pass, BACK_NORM, k) * values);
        gradient[stride(l) + k] = (lk_real)(batch_mean(l, pass, BACK, k) * values);
    }
}

static void bn_follow(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                      size_t rows, lk_real *parameters) {
    (void)which, (void)x;
    const double values = (double)rows * (double)pixels(l);
    lk_real *mean = parameters + MEAN * stride(l), *variance = parameters + VARIANCE * stride(l);
    if (values < 2) return; /* one value says nothing of a variance */
    for (size_t k = 0; k < features(l); k++) {
        double m, v;
        batch_moments(l, pass, k, &m, &v);
        v *= values / (values - 1); /* of the images, not of this sample of them */
        mean[k] += (lk_real)(FOLLOW * (m - (double)mean[k]));
        variance[k] += (lk_real)(FOLLOW * (v - (double)variance[k]));
    }
}

static void bn_init(const lk_layer *l, lk_init how, lk_rng rng, lk_real *parameters) {
    (void)how, (void)rng;
    memset(parameters, 0, l->packed * sizeof *parameters);
    for (size_t k = 0; k < features(l); k++)
        parameters[k] = parameters[VARIANCE * stride(l) + k] = 1;
}

static lk_tensor_shape bn_tensor(const lk_layer *l, size_t which) {
    static const char *const names[TENSORS] = {"weight", "bias", "running_mean", "running_var"};
    return (lk_tensor_shape){names[which], 1, {features(l)}, features(l)};
}

static void bn_pack(const lk_layer *l, size_t which, const lk_real *plain, lk_real *parameters) {
    memcpy(parameters + which * stride(l), plain, features(l) * sizeof *plain);
}
static void bn_unpack(const lk_layer *l, size_t which, const lk_real *parameters, lk_real *plain) {
    memcpy(plain, parameters + which * stride(l), features(l) * sizeof *plain);
}

const lk_op lk_op_bn = {
    .name = "bn",
    .activates = true,
    .in_place = true,
    .plan = plan_bn,
    .forward = bn_forward,
    .backward = LK_TRAINS(bn_backward),
    .gather = LK_TRAINS(gather),
    .meet = LK_TRAINS(bn_meet),
    .gather_back = LK_TRAINS(bn_gather_back),
    .meet_back = LK_TRAINS(bn_meet_back),
    .slice = LK_TRAINS(bn_slice),
    .gradient = LK_TRAINS(bn_gradient),
    .follow = LK_TRAINS(bn_follow),
    .init = bn_init,
    .tensors = TENSORS,
    .tensor = bn_tensor,
    .pack = bn_pack,
    .unpack = bn_unpack,
};

/* ---- l2norm: y = x / |x|; a row's memory holds 1 / |x| ---- */

static lk_status plan_l2norm(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    (void)numbers, (void)error;
    l->memory = 1;
    return plan_same(l);
}

static void l2norm_forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                           size_t rows) {
    const size_t n = l->in_stride;
    for (size_t r = 0; r < rows; r++, x += n, y += n) {
        double squares = 0;
        for (size_t i = 0; i < n; i++) squares += (double)x[i] * (double)x[i];
        const lk_real factor = (lk_real)(1 / sqrt(LK_MAX(squares, 1e-24)));
        for (size_t i = 0; i < n; i++) y[i] = x[i] * factor;
        pass->memory[r] = factor;
    }
}

static void l2norm_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x,
                            const lk_real *y, lk_real *dy, lk_real *dx, size_t rows) {
    (void)x;
    const size_t n = l->in_stride;
    for (size_t r = 0; dx && r < rows; r++, y += n, dy += n, dx += n) {
        double along = 0;
        for (size_t i = 0; i < n; i++) along += (double)y[i] * (double)dy[i];
        for (size_t i = 0; i < n; i++) dx[i] = (dy[i] - y[i] * (lk_real)along) * pass->memory[r];
    }
}

const lk_op lk_op_l2norm = {.name = "l2norm",
                            .plan = plan_l2norm,
                            .forward = l2norm_forward,
                            .backward = LK_TRAINS(l2norm_backward)};

/* ---- l1 ---- */

static lk_status plan_l1(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    (void)numbers;
    if (!(l->amount > 0)) return lk_fail(error, LK_MODEL, "l1 needs a number over 0");
    return plan_same(l);
}

static void l1_forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                       size_t rows) {
    (void)y;
    for (size_t r = 0; pass->penalties && r < rows; r++) {
        double sum = 0;
        for (size_t i = 0; i < l->in_stride; i++) sum += fabs((double)x[r * l->in_stride + i]);
        pass->penalties[r] += l->amount * (lk_real)sum;
    }
}

static void l1_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x, const lk_real *y,
                        lk_real *dy, lk_real *dx, size_t rows) {
    (void)y, (void)dx;
    const lk_real slope = l->amount * pass->batch->scale;
    for (size_t i = 0; i < rows * l->in_stride; i++)
        dy[i] += x[i] > 0 ? slope : x[i] < 0 ? -slope : 0;
}

const lk_op lk_op_l1 = {.name = "l1",
                        .decimal = true,
                        .view = true,
                        .plan = plan_l1,
                        .forward = l1_forward,
                        .backward = LK_TRAINS(l1_backward)};

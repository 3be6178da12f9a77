/* gaussian N, vq K: operators whose outputs are codes of a special kind.

   gaussian (D. P. Kingma and M. Welling 2014) makes of an image a normal distribution over N
   values, by a linear layer each for their means and log-variances. In use the code is the mean;
   while a loss is asked for it is a sample, mean + exp(log-variance / 2) eps, and beta times the
   divergence from the standard normal is added to the row's loss. The packed parameters are the
   weights of the means and of the log-variances, as those of one layer of 2 N outputs, each half
   padded; then the biases. A row's memory holds its means and log-variances, on the way back the
   gradients of the loss by them.

   vq (A. van den Oord et al. 2017) replaces each pixel by the nearest of K vectors of as many
   values as there are channels; a row of values (1x1xN) is one pixel. Its gradient passes as if
   nothing had happened, and the pixels are drawn to their vectors by a penalty. The vectors are no
   weights: they follow the means of the pixels that they stand for. The packed parameters are the
   codebook in panels, then how often each vector was used of late. A row's memory holds the vector
   that each pixel got. */
#include "layer.h"

#include <math.h>
#include <string.h>

/* ---- gaussian ---- */

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

static void gaussian_transpose(const lk_layer *l, const lk_kernels *kernels, size_t which,
                               const lk_real *parameters, lk_real *transposed) {
    if (which + 1 < l->slices)
        lk_linear_transpose(both(l), kernels, which * SLICE_PANELS, slice_end(l, which), 0,
                            both(l).in, parameters, transposed);
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
    .backward = LK_TRAINS(gaussian_backward),
    .slice = LK_TRAINS(gaussian_slice),
    .gradient = LK_TRAINS(gaussian_gradient),
    .transpose = LK_TRAINS(gaussian_transpose),
    .init = gaussian_init,
    .tensors = GAUSSIAN_TENSORS,
    .tensor = gaussian_tensor,
    .pack = gaussian_pack,
    .unpack = gaussian_unpack,
};

/* ---- vq ---- */

enum { CODEBOOK, USAGE, VQ_TENSORS };
enum { MOST_VECTORS = 65536 };
static const double COMMITMENT = 0.25; /* factor of the penalty */
static const double DECAY = 0.99;      /* of the averages, a step */
static const double DEAD = 0.1;        /* vectors used this much less than on average begin anew */

/* Values of a pixel, and pixels. */
static size_t depth(const lk_layer *l) {
    return l->in.channels == 1 && l->in.height == 1 ? l->in.width : l->in.channels;
}
static size_t pixels(const lk_layer *l) {
    return lk_shape_size(l->in) / depth(l);
}
static size_t vectors(const lk_layer *l) {
    return l->parameters / depth(l);
}
static lk_linear codebook(const lk_layer *l) {
    return (lk_linear){depth(l), vectors(l)};
}
static size_t usage_start(const lk_layer *l) {
    return lk_linear_packed(codebook(l));
}

static lk_status plan_vq(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    if (numbers[0] < 2 || numbers[0] > MOST_VECTORS)
        return lk_fail(error, LK_MODEL, "vq needs 2 to %u vectors",
                       (unsigned long long)MOST_VECTORS);
    l->out = l->in;
    l->out_stride = l->in_stride;
    const double values = (double)depth(l) * numbers[0];
    l->flops = 3 * values * (double)pixels(l);
    const lk_status status = lk_layer_check(values, l->flops, error);
    if (status != LK_OK) return status;
    l->parameters = depth(l) * numbers[0];
    l->stored = l->parameters + numbers[0];
    l->packed = usage_start(l) + lk_round_up(numbers[0], LK_LANES);
    l->slices = 1;
    l->memory = pixels(l);
    l->scratch = l->packed;
    return LK_OK;
}

/* Where a vector starts in the panels; its values are LK_LANES apart. */
static size_t vector_start(const lk_layer *l, size_t k) {
    return k / LK_LANES * depth(l) * LK_LANES + k % LK_LANES;
}

/* The nearest vector to x[depth], the first of equals. */
static size_t nearest(const lk_layer *l, const lk_pass *pass, const lk_real *x) {
    lk_real *distances = pass->scratch;
    size_t best = 0;
    pass->kernels->squared_distances(x, depth(l), pass->parameters, lk_linear_panels(codebook(l)),
                                     distances);
    for (size_t k = 1; k < vectors(l); k++)
        if (distances[k] < distances[best]) best = k;
    return best;
}

static void vq_forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                       size_t rows) {
    const size_t d = depth(l), size = lk_shape_size(l->in);
    for (size_t r = 0; r < rows; r++, x += l->in_stride, y += l->out_stride) {
        lk_real *which = pass->memory + r * l->memory;
        for (size_t p = 0; p < pixels(l); p++) {
            const size_t k = nearest(l, pass, x + p * d);
            const lk_real *vector = pass->parameters + vector_start(l, k);
            for (size_t i = 0; i < d; i++) y[p * d + i] = vector[i * LK_LANES];
            which[p] = (lk_real)k;
        }
        memset(y + size, 0, (l->out_stride - size) * sizeof *y);
        if (pass->penalties)
            pass->penalties[r] += (lk_real)COMMITMENT * pass->kernels->squared_error(x, y, size);
    }
}

static void vq_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x, const lk_real *y,
                        lk_real *dy, lk_real *dx, size_t rows) {
    const size_t size = lk_shape_size(l->in);
    const lk_real pull = 2 * (lk_real)COMMITMENT * pass->batch->scale;
    if (!dx) return;
    for (size_t i = 0; i < rows * l->in_stride; i++)
        dx[i] = i % l->in_stride < size ? dy[i] + pull * (x[i] - y[i]) : 0;
}

static lk_slice vq_slice(const lk_layer *l, size_t which) {
    (void)which;
    return (lk_slice){0, l->packed, LK_AVERAGE};
}

/* Pixel i of all rows of a batch. */
static const lk_real *nth_pixel(const lk_layer *l, const lk_real *x, size_t i) {
    return x + i / pixels(l) * l->in_stride + i % pixels(l) * depth(l);
}

/* moves[] = for each vector, packed likewise, the sum of the differences from it of the pixels that
   it stands for; and how many these are. */
static void sum_moves(const lk_layer *l, const lk_pass *pass, const lk_real *x, size_t rows,
                      const lk_real *parameters, lk_real *moves) {
    memset(moves, 0, l->packed * sizeof *moves);
    for (size_t p = 0; p < rows * pixels(l); p++) {
        const lk_real *pixel = nth_pixel(l, x, p);
        const size_t k = (size_t)pass->memory[p], at = vector_start(l, k);
        for (size_t i = 0; i < depth(l); i++)
            moves[at + i * LK_LANES] += pixel[i] - parameters[at + i * LK_LANES];
        moves[usage_start(l) + k] += 1;
    }
}

/* Averages of how often each vector is used, and of the pixels that it stands for, each pixel
   counting the same within a step. A vector that is hardly used becomes a pixel of the batch at
   random, and so do all of them in the first step. */
static void vq_follow(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                      size_t rows, lk_real *parameters) {
    (void)which;
    const size_t seen = rows * pixels(l);
    lk_real *moves = pass->scratch, *usage = parameters + usage_start(l);
    const lk_real *counts = moves + usage_start(l);
    uint64_t first;
    const lk_rng rng = lk_pass_rng(l, pass, 0, vectors(l), &first);
    double before = 0, total = 0;
    sum_moves(l, pass, x, rows, parameters, moves);
    for (size_t k = 0; k < vectors(l); k++) {
        before += (double)usage[k];
        usage[k] = (lk_real)(DECAY * (double)usage[k] + (1 - DECAY) * (double)counts[k]);
        total += (double)usage[k];
    }
    const double even = (before > 0 ? total : (double)seen) / (double)vectors(l);
    for (size_t k = 0; k < vectors(l); k++) {
        lk_real *vector = parameters + vector_start(l, k);
        const lk_real *move = moves + vector_start(l, k);
        if (before > 0 && (double)usage[k] >= DEAD * even) {
            const lk_real share = (lk_real)((1 - DECAY) / (double)usage[k]);
            for (size_t i = 0; i < depth(l); i++)
                vector[i * LK_LANES] += share * move[i * LK_LANES];
        } else {
            const lk_real *pixel = nth_pixel(l, x, (size_t)lk_rng_below(rng, first + k, seen));
            for (size_t i = 0; i < depth(l); i++) vector[i * LK_LANES] = pixel[i];
            usage[k] = (lk_real)even;
        }
    }
}

/* Vectors of about length 1, until the first step. */
static void vq_init(const lk_layer *l, lk_init how, lk_rng rng, lk_real *parameters) {
    (void)how;
    memset(parameters, 0, l->packed * sizeof *parameters);
    lk_linear_init(codebook(l), LK_INIT_HE, 2 * (double)depth(l), 0, rng, parameters);
}

static lk_tensor_shape vq_tensor(const lk_layer *l, size_t which) {
    if (which == USAGE) return (lk_tensor_shape){"usage", 1, {vectors(l)}, vectors(l)};
    return (lk_tensor_shape){"codebook", 2, {vectors(l), depth(l)}, l->parameters};
}

static void vq_pack(const lk_layer *l, size_t which, const lk_real *plain, lk_real *parameters) {
    if (which == CODEBOOK)
        lk_linear_pack(codebook(l), plain, parameters);
    else
        memcpy(parameters + usage_start(l), plain, vectors(l) * sizeof *plain);
}
static void vq_unpack(const lk_layer *l, size_t which, const lk_real *parameters, lk_real *plain) {
    if (which == CODEBOOK)
        lk_linear_unpack(codebook(l), parameters, plain);
    else
        memcpy(plain, parameters + usage_start(l), vectors(l) * sizeof *plain);
}

const lk_op lk_op_vq = {
    .name = "vq",
    .arguments = 1,
    .plan = plan_vq,
    .forward = vq_forward,
    .backward = LK_TRAINS(vq_backward),
    .slice = LK_TRAINS(vq_slice),
    .follow = LK_TRAINS(vq_follow),
    .init = vq_init,
    .tensors = VQ_TENSORS,
    .tensor = vq_tensor,
    .pack = vq_pack,
    .unpack = vq_unpack,
};

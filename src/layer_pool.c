/* maxpool K, unpool K, avgpool K, up K, reshape C H W: operators without parameters.

   maxpool remembers where in each window its value stood; unpool, its partner further down the
   chain, puts values back there and zeros elsewhere (M. Zeiler and R. Fergus 2014). */
#include "layer.h"

/* The shape with windows as pixels, which all but reshape have on one of their sides. */
static lk_shape little(const lk_layer *l) {
    return l->in.height < l->out.height ? l->in : l->out;
}

static lk_status finish(lk_layer *l) {
    l->out_stride = lk_round_up(lk_shape_size(l->out), LK_LANES);
    if (!l->op->view) l->flops = (double)lk_shape_size(l->in) + (double)lk_shape_size(l->out);
    return LK_OK;
}

static lk_status plan_shrink(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    const uint32_t k = l->kernel = numbers[0];
    if (k < 2 || k > LK_MAX_KERNEL || l->in.height % k || l->in.width % k)
        return lk_fail(error, LK_MODEL, "%s needs a window that divides %u x %u", l->op->name,
                       (unsigned long long)l->in.height, (unsigned long long)l->in.width);
    l->out = (lk_shape){l->in.channels, l->in.height / k, l->in.width / k};
    if (l->op == &lk_op_maxpool) l->memory = lk_shape_size(l->out);
    return finish(l);
}

static lk_status plan_grow(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    const uint32_t k = l->kernel = numbers[0];
    if (k < 2 || k > LK_MAX_KERNEL || (double)lk_shape_size(l->in) * k * k > LK_MAX_UNITS)
        return lk_fail(error, LK_MODEL, "%s needs a window of 2 to %u and room for its output",
                       l->op->name, (unsigned long long)LK_MAX_KERNEL);
    l->out = (lk_shape){l->in.channels, l->in.height * k, l->in.width * k};
    return finish(l);
}

static lk_status plan_reshape(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    l->out = (lk_shape){numbers[0], numbers[1], numbers[2]};
    const double size = (double)numbers[0] * numbers[1] * numbers[2];
    if (size < 1 || size != (double)lk_shape_size(l->in))
        return lk_fail(error, LK_MODEL, "reshape needs a shape of %u values",
                       (unsigned long long)lk_shape_size(l->in));
    return finish(l);
}

/* What the kernels take at once: a row of windows, each of them a pixel of the little image. */
static lk_windows windows(const lk_layer *l) {
    const size_t width = little(l).width, k = l->kernel, c = l->in.channels;
    return (lk_windows){.count = width, .kernel = k, .channels = c, .row = width * k * c};
}

/* Where row y starts in the little image; and its windows in the large one. */
static size_t little_row(const lk_layer *l, size_t y) {
    return y * little(l).width * l->in.channels;
}
static size_t large_row(const lk_layer *l, size_t y) {
    return little_row(l, y) * l->kernel * l->kernel;
}

/* ---- maxpool: memory holds, for each output, the place of its value in the window ---- */

static void max_forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                        size_t rows) {
    const lk_windows w = windows(l);
    for (size_t r = 0; r < rows; r++, x += l->in_stride, y += l->out_stride)
        for (size_t i = 0; i < l->out.height; i++)
            pass->kernels->pool_max(&w, x + large_row(l, i), y + little_row(l, i),
                                    pass->memory + r * l->memory + little_row(l, i));
}

/* large = from[little] at the places that are remembered, zero elsewhere. */
static void put(const lk_layer *l, const lk_pass *pass, const lk_real *places, const lk_real *from,
                lk_real *to) {
    const lk_windows w = windows(l);
    for (size_t i = 0; i < little(l).height; i++)
        pass->kernels->pool_put(&w, places + little_row(l, i), from + little_row(l, i),
                                to + large_row(l, i));
}

static void max_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x, const lk_real *y,
                         lk_real *dy, lk_real *dx, size_t rows) {
    (void)x, (void)y;
    for (size_t r = 0; dx && r < rows; r++)
        put(l, pass, pass->memory + r * l->memory, dy + r * l->out_stride, dx + r * l->in_stride);
}

/* ---- unpool ---- */

static void unpool_forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                           size_t rows) {
    const size_t places = lk_shape_size(l->in);
    for (size_t r = 0; r < rows; r++)
        put(l, pass, pass->partner + r * places, x + r * l->in_stride, y + r * l->out_stride);
}

static void unpool_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x,
                            const lk_real *y, lk_real *dy, lk_real *dx, size_t rows) {
    (void)x, (void)y;
    const lk_windows w = windows(l);
    const lk_real *places = pass->partner;
    for (size_t r = 0; dx && r < rows; r++, places += lk_shape_size(l->in), dy += l->out_stride)
        for (size_t i = 0; i < l->in.height; i++)
            pass->kernels->pool_take(&w, places + little_row(l, i), dy + large_row(l, i),
                                     dx + r * l->in_stride + little_row(l, i));
}

/* ---- avgpool and up: one is the other's way back, but for the factor ---- */

static lk_real share(const lk_layer *l) {
    return 1 / (lk_real)((size_t)l->kernel * l->kernel);
}

/* to[little] = factor x the sum of each window of from[large]. */
static void sum_windows(const lk_layer *l, const lk_pass *pass, lk_real factor, const lk_real *from,
                        lk_real *to) {
    const lk_windows w = windows(l);
    for (size_t i = 0; i < little(l).height; i++)
        pass->kernels->pool_sum(&w, factor, from + large_row(l, i), to + little_row(l, i));
}

/* to[large] = factor x from[little], each value all over its window. */
static void fill_windows(const lk_layer *l, const lk_pass *pass, lk_real factor,
                         const lk_real *from, lk_real *to) {
    const lk_windows w = windows(l);
    for (size_t i = 0; i < little(l).height; i++)
        pass->kernels->pool_fill(&w, factor, from + little_row(l, i), to + large_row(l, i));
}

static void average_forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                            size_t rows) {
    for (size_t r = 0; r < rows; r++)
        sum_windows(l, pass, share(l), x + r * l->in_stride, y + r * l->out_stride);
}

static void average_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x,
                             const lk_real *y, lk_real *dy, lk_real *dx, size_t rows) {
    (void)x, (void)y;
    for (size_t r = 0; dx && r < rows; r++)
        fill_windows(l, pass, share(l), dy + r * l->out_stride, dx + r * l->in_stride);
}

static void up_forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                       size_t rows) {
    for (size_t r = 0; r < rows; r++)
        fill_windows(l, pass, 1, x + r * l->in_stride, y + r * l->out_stride);
}

static void up_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x, const lk_real *y,
                        lk_real *dy, lk_real *dx, size_t rows) {
    (void)x, (void)y;
    for (size_t r = 0; dx && r < rows; r++)
        sum_windows(l, pass, 1, dy + r * l->out_stride, dx + r * l->in_stride);
}

const lk_op lk_op_maxpool = {.name = "maxpool",
                             .arguments = 1,
                             .plan = plan_shrink,
                             .forward = max_forward,
                             .backward = LK_TRAINS(max_backward)};
const lk_op lk_op_unpool = {.name = "unpool",
                            .arguments = 1,
                            .partner = &lk_op_maxpool,
                            .plan = plan_grow,
                            .forward = unpool_forward,
                            .backward = LK_TRAINS(unpool_backward)};
const lk_op lk_op_avgpool = {.name = "avgpool",
                             .arguments = 1,
                             .plan = plan_shrink,
                             .forward = average_forward,
                             .backward = LK_TRAINS(average_backward)};
const lk_op lk_op_up = {.name = "up",
                        .arguments = 1,
                        .plan = plan_grow,
                        .forward = up_forward,
                        .backward = LK_TRAINS(up_backward)};
const lk_op lk_op_reshape = {.name = "reshape", .arguments = 3, .view = true, .plan = plan_reshape};

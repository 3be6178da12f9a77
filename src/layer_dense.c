/* dense N: y = f(x W^T + b). The packed parameters are the weights, then the biases. */
#include "layer.h"

enum { WEIGHT, BIAS };
enum { SLICE_PANELS = 2 }; /* columns of panels that one slice of work covers */

static lk_linear linear(const lk_layer *l) {
    return (lk_linear){lk_shape_size(l->in), lk_shape_size(l->out)};
}
static size_t bias_start(const lk_layer *l) {
    return lk_linear_packed(linear(l));
}

static lk_status plan(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    if (numbers[0] == 0 || numbers[0] > LK_MAX_UNITS)
        return lk_fail(error, LK_MODEL, "dense needs 1 to %u units",
                       (unsigned long long)LK_MAX_UNITS);
    l->out = (lk_shape){1, 1, numbers[0]};
    l->out_stride = lk_round_up(numbers[0], LK_LANES);
    const double products = (double)lk_shape_size(l->in) * numbers[0];
    l->flops = 2 * products;
    const lk_status status = lk_layer_check(products, l->flops, error);
    if (status != LK_OK) return status;
    l->parameters = lk_shape_size(l->in) * numbers[0] + numbers[0];
    l->stored = l->parameters;
    l->packed = bias_start(l) + l->out_stride;
    l->transposed = lk_linear_transposed(linear(l));
    l->slices = (lk_linear_panels(linear(l)) + SLICE_PANELS - 1) / SLICE_PANELS + 1;
    return LK_OK;
}

static void forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                    size_t rows) {
    lk_linear_forward(linear(l), pass->kernels, pass->parameters, pass->parameters + bias_start(l),
                      x, l->in_stride, rows, y, l->out_stride);
    pass->kernels->activate(l->activation, y, rows * l->out_stride);
}

static void backward(const lk_layer *l, const lk_pass *pass, const lk_real *x, const lk_real *y,
                     lk_real *dy, lk_real *dx, size_t rows) {
    (void)x;
    pass->kernels->activate_gradient(l->activation, y, dy, rows * l->out_stride);
    if (dx)
        lk_linear_backward(linear(l), pass->kernels, pass->transposed, dy, l->out_stride, rows, dx,
                           l->in_stride);
}

/* The panels that a slice covers: from `which` times SLICE_PANELS on. */
static size_t slice_end(const lk_layer *l, size_t which) {
    return LK_MIN((which + 1) * SLICE_PANELS, lk_linear_panels(linear(l)));
}

static lk_slice slice(const lk_layer *l, size_t which) {
    if (which + 1 == l->slices) return (lk_slice){bias_start(l), l->out_stride, LK_BIAS};
    const size_t first = which * SLICE_PANELS, values = linear(l).in * LK_LANES;
    return (lk_slice){first * values, (slice_end(l, which) - first) * values, LK_WEIGHT};
}

static void gradient(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                     const lk_real *dy, size_t rows, lk_real *gradient) {
    if (which + 1 == l->slices) {
        pass->kernels->column_sums(dy, rows, l->out_stride, lk_linear_panels(linear(l)), gradient);
        return;
    }
    const size_t panel = which * SLICE_PANELS;
    pass->kernels->gemm(&(lk_gemm){.m = linear(l).in,
                                   .k = rows,
                                   .panels = slice_end(l, which) - panel,
                                   .a = x,
                                   .a_row = 1,
                                   .a_col = l->in_stride,
                                   .a_next = LK_LANES,
                                   .b = dy + panel * LK_LANES,
                                   .b_panel = LK_LANES,
                                   .b_row = l->out_stride,
                                   .c = gradient,
                                   .c_row = LK_LANES,
                                   .c_panel = linear(l).in * LK_LANES});
}

static void transpose(const lk_layer *l, const lk_kernels *kernels, size_t which,
                      const lk_real *parameters, lk_real *transposed) {
    if (which + 1 == l->slices) return;
    lk_linear_transpose(linear(l), kernels, which * SLICE_PANELS, slice_end(l, which), 0,
                        linear(l).in, parameters, transposed);
}

static void init(const lk_layer *l, lk_init how, lk_rng rng, lk_real *parameters) {
    lk_linear_init(linear(l), how, (double)linear(l).in, (double)linear(l).out, rng, parameters);
    for (size_t o = 0; o < l->out_stride; o++) parameters[bias_start(l) + o] = 0;
}

static lk_tensor_shape tensor(const lk_layer *l, size_t which) {
    const size_t in = linear(l).in, out = linear(l).out;
    if (which == BIAS) return (lk_tensor_shape){"bias", 1, {out}, out};
    return (lk_tensor_shape){"weight", 2, {out, in}, out * in};
}

static void pack(const lk_layer *l, size_t which, const lk_real *plain, lk_real *parameters) {
    if (which == WEIGHT)
        lk_linear_pack(linear(l), plain, parameters);
    else
        for (size_t o = 0; o < linear(l).out; o++) parameters[bias_start(l) + o] = plain[o];
}

static void unpack(const lk_layer *l, size_t which, const lk_real *parameters, lk_real *plain) {
    if (which == WEIGHT)
        lk_linear_unpack(linear(l), parameters, plain);
    else
        for (size_t o = 0; o < linear(l).out; o++) plain[o] = parameters[bias_start(l) + o];
}

const lk_op lk_op_dense = {
    .name = "dense",
    .arguments = 1,
    .activates = true,
    .plan = plan,
    .forward = forward,
    .backward = LK_TRAINS(backward),
    .slice = LK_TRAINS(slice),
    .gradient = LK_TRAINS(gradient),
    .transpose = LK_TRAINS(transpose),
    .init = init,
    .tensors = 2,
    .tensor = tensor,
    .pack = pack,
    .unpack = unpack,
};

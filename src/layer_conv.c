/* conv N K and deconv N K: convolution and its transpose (V. Dumoulin and F. Visin 2016).

   Both tie a large image to a small one: each pixel of the small image belongs to a window of K x K
   pixels of the large one. A convolution gathers each window into a row and multiplies it by the
   weights; its transpose multiplies first and scatters the rows into the windows. The way back of
   one is the way forward of the other.

   Windows start `step` pixels apart, the first (K - 1) / 2 pixels outside the image, or at its edge
   where they are valid; what lies outside is zero. The packed parameters are weights, then biases.
 */
#include "layer.h"

#include <string.h>

enum { WEIGHT, BIAS };

static bool is_conv(const lk_layer *l) {
    return l->op == &lk_op_conv;
}
static lk_shape large(const lk_layer *l) {
    return is_conv(l) ? l->in : l->out;
}
static lk_shape small(const lk_layer *l) {
    return is_conv(l) ? l->out : l->in;
}
static size_t positions(const lk_layer *l) {
    return (size_t)small(l).height * small(l).width;
}
static size_t taps(const lk_layer *l) {
    return (size_t)l->kernel * l->kernel;
}
static size_t before(const lk_layer *l) {
    return l->valid ? 0 : (l->kernel - 1) / 2;
}

/* Values of a window, and of the row that holds it. */
static size_t window(const lk_layer *l) {
    return taps(l) * large(l).channels;
}
static size_t window_stride(const lk_layer *l) {
    return lk_round_up(window(l), LK_LANES);
}

/* conv: window -> channels; deconv: channels -> window. */
static lk_linear linear(const lk_layer *l) {
    if (is_conv(l)) return (lk_linear){window(l), l->out.channels};
    return (lk_linear){l->in.channels, window(l)};
}
static size_t bias_start(const lk_layer *l) {
    return lk_linear_packed(linear(l));
}
static size_t channel_stride(lk_shape s) {
    return lk_round_up(s.channels, LK_LANES);
}

/* ---- planning ---- */

/* The small side of a large one under a convolution, and the other way round; 0: there is none. */
static uint32_t shrink(const lk_layer *l, uint32_t side) {
    if (!l->valid) return (side + l->step - 1) / l->step;
    return side < l->kernel ? 0 : (side - l->kernel) / l->step + 1;
}
static uint32_t grow(const lk_layer *l, uint32_t side) {
    return l->valid ? (side - 1) * l->step + l->kernel : side * l->step;
}

static lk_status plan(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    l->kernel = numbers[1];
    if (numbers[0] == 0 || numbers[0] > LK_MAX_UNITS || l->kernel == 0 ||
        l->kernel > LK_MAX_KERNEL || l->step == 0 || l->step > l->kernel)
        return lk_fail(error, LK_MODEL,
                       "%s needs channels, a kernel of 1 to %u and a step of at most the kernel",
                       l->op->name, (unsigned long long)LK_MAX_KERNEL);
    l->out.channels = numbers[0];
    l->out.height = is_conv(l) ? shrink(l, l->in.height) : grow(l, l->in.height);
    l->out.width = is_conv(l) ? shrink(l, l->in.width) : grow(l, l->in.width);
    const double size = (double)numbers[0] * l->out.height * l->out.width;
    if (size < 1 || size > LK_MAX_UNITS)
        return lk_fail(error, LK_MODEL, "%s has no output of a size that is possible here",
                       l->op->name);
    const double products = (double)taps(l) * l->in.channels * l->out.channels;
    l->flops = 2 * products * (double)positions(l);
    const lk_status status = lk_layer_check(products, l->flops, error);
    if (status != LK_OK) return status;
    if ((double)positions(l) * (double)window(l) > LK_MAX_PARAMETERS)
        return lk_fail(error, LK_MODEL, "%s has windows too many or too large", l->op->name);
    l->out_stride = lk_round_up(lk_shape_size(l->out), LK_LANES);
    l->parameters = linear(l).in * linear(l).out + l->out.channels;
    l->stored = l->parameters;
    l->packed = bias_start(l) + channel_stride(l->out);
    l->transposed = lk_linear_transposed(linear(l));
    l->slices = lk_linear_panels(linear(l)) * (is_conv(l) ? taps(l) : 1) + 1;
    l->scratch = positions(l) * (window_stride(l) + channel_stride(small(l)));
    return LK_OK;
}

/* ---- windows ---- */

/* The part [*from, *to) of the positions along one side whose pixel at `tap` is inside, for
   position p at pixel p * step + tap - before. */
static void inside(const lk_layer *l, size_t tap, size_t side, size_t count, size_t *from,
                   size_t *to) {
    const size_t b = before(l);
    *from = tap < b ? (b - tap + l->step - 1) / l->step : 0;
    *to = side + b > tap ? LK_MIN(count, (side + b - tap - 1) / l->step + 1) : 0;
    *from = LK_MIN(*from, *to);
}

/* Neighbouring windows of one row whose pixel at a tap lies inside the large image. */
typedef struct run_of_pixels {
    size_t position, count; /* the windows */
    size_t pixel;           /* the first one's pixel; the others' follow, step apart */
} run_of_pixels;

/* The runs of one tap, one for each row of the small image; returns false behind the last. */
static bool next_run(const lk_layer *l, size_t tap, size_t *row, run_of_pixels *run) {
    const lk_shape big = large(l), little = small(l);
    size_t top, bottom, left, right;
    inside(l, tap / l->kernel, big.height, little.height, &top, &bottom);
    inside(l, tap % l->kernel, big.width, little.width, &left, &right);
    if (*row < top) *row = top;
    if (*row >= bottom || left == right) return false;
    const size_t y = *row * l->step + tap / l->kernel - before(l);
    const size_t x = left * l->step + tap % l->kernel - before(l);
    *run = (run_of_pixels){*row * little.width + left, right - left, y * big.width + x};
    ++*row;
    return true;
}

/* rows[positions][window_stride] = the windows of an image of the large side. */
static void gather(const lk_layer *l, const lk_real *image, lk_real *rows) {
    const size_t c = large(l).channels, stride = window_stride(l);
    memset(rows, 0, positions(l) * stride * sizeof *rows);
    for (size_t tap = 0; tap < taps(l); tap++) {
        run_of_pixels run;
        for (size_t row = 0; next_run(l, tap, &row, &run);)
            for (size_t i = 0; i < run.count; i++) {
                const lk_real *from = image + (run.pixel + i * l->step) * c;
                lk_real *to = rows + (run.position + i) * stride + tap * c;
                for (size_t k = 0; k < c; k++) to[k] = from[k];
            }
    }
}

/* image = the sum of the windows that reach each pixel, taps in order. */
static void scatter(const lk_layer *l, const lk_real *rows, lk_real *image) {
    const size_t c = large(l).channels, stride = window_stride(l);
    memset(image, 0, lk_shape_size(large(l)) * sizeof *image);
    for (size_t tap = 0; tap < taps(l); tap++) {
        run_of_pixels run;
        for (size_t row = 0; next_run(l, tap, &row, &run);)
            for (size_t i = 0; i < run.count; i++) {
                const lk_real *from = rows + (run.position + i) * stride + tap * c;
                lk_real *to = image + (run.pixel + i * l->step) * c;
                for (size_t k = 0; k < c; k++) to[k] += from[k];
            }
    }
}

/* Products write whole panels: images whose channels are not take a detour through scratch. */
static lk_real *wide_of(const lk_layer *l, const lk_pass *pass, lk_real *image) {
    return small(l).channels % LK_LANES == 0 ? image
                                             : pass->scratch + positions(l) * window_stride(l);
}

static void narrow(const lk_layer *l, const lk_real *wide, lk_real *image) {
    const size_t c = small(l).channels, stride = channel_stride(small(l));
    if (wide == image) return;
    for (size_t i = 0; i < positions(l); i++)
        for (size_t k = 0; k < c; k++) image[i * c + k] = wide[i * stride + k];
}

/* The other way, with zeros in the padding. */
static const lk_real *widen(const lk_layer *l, const lk_real *image, lk_real *wide) {
    const size_t c = small(l).channels, stride = channel_stride(small(l));
    if (c == stride) return image;
    for (size_t i = 0; i < positions(l); i++)
        for (size_t k = 0; k < stride; k++) wide[i * stride + k] = k < c ? image[i * c + k] : 0;
    return wide;
}

/* ---- forward and backward ---- */

static void conv_image(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y) {
    lk_real *wide = wide_of(l, pass, y);
    gather(l, x, pass->scratch);
    lk_linear_forward(linear(l), pass->kernels, pass->parameters, pass->parameters + bias_start(l),
                      pass->scratch, window_stride(l), positions(l), wide, channel_stride(l->out));
    narrow(l, wide, y);
}

static void deconv_image(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y) {
    const size_t c = l->out.channels, pixels = lk_shape_size(l->out) / c;
    lk_linear_forward(linear(l), pass->kernels, pass->parameters, NULL, x, l->in.channels,
                      positions(l), pass->scratch, window_stride(l));
    scatter(l, pass->scratch, y);
    for (size_t i = 0; i < pixels; i++)
        for (size_t k = 0; k < c; k++) y[i * c + k] += pass->parameters[bias_start(l) + k];
}

static void forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                    size_t rows) {
    for (size_t r = 0; r < rows; r++) {
        const lk_real *from = x + r * l->in_stride;
        lk_real *to = y + r * l->out_stride;
        if (is_conv(l))
            conv_image(l, pass, from, to);
        else
            deconv_image(l, pass, from, to);
    }
    pass->kernels->activate(l->activation, y, rows * l->out_stride);
}

static void backward(const lk_layer *l, const lk_pass *pass, const lk_real *x, const lk_real *y,
                     lk_real *dy, lk_real *dx, size_t rows) {
    (void)x;
    pass->kernels->activate_gradient(l->activation, y, dy, rows * l->out_stride);
    for (size_t r = 0; dx && r < rows; r++) {
        const lk_real *from = dy + r * l->out_stride;
        lk_real *to = dx + r * l->in_stride;
        if (is_conv(l)) {
            lk_linear_backward(linear(l), pass->kernels, pass->transposed, from, l->out.channels,
                               positions(l), pass->scratch, window_stride(l));
            scatter(l, pass->scratch, to);
        } else {
            lk_real *wide = wide_of(l, pass, to);
            gather(l, from, pass->scratch);
            lk_linear_backward(linear(l), pass->kernels, pass->transposed, pass->scratch,
                               window_stride(l), positions(l), wide, channel_stride(l->in));
            narrow(l, wide, to);
        }
    }
}

/* ---- gradients: a slice is one panel of columns, of a convolution for one tap ---- */

static size_t slice_panel(const lk_layer *l, size_t which) {
    return is_conv(l) ? which / taps(l) : which;
}

static lk_slice slice(const lk_layer *l, size_t which) {
    if (which + 1 == l->slices) return (lk_slice){bias_start(l), channel_stride(l->out), LK_BIAS};
    const size_t count = l->in.channels * LK_LANES; /* of a tap, or of the whole panel */
    return (lk_slice){which * count, count, LK_WEIGHT};
}

static void bias_gradient(const lk_layer *l, const lk_real *dy, size_t rows, lk_real *gradient) {
    const size_t c = l->out.channels, pixels = lk_shape_size(l->out) / c;
    memset(gradient, 0, channel_stride(l->out) * sizeof *gradient);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < pixels; i++)
            for (size_t k = 0; k < c; k++) gradient[k] += dy[r * l->out_stride + i * c + k];
}

/* Adds A^T B over `count` positions: A their input channels, B sixteen columns of theirs. */
static void add_products(const lk_layer *l, const lk_pass *pass, const lk_real *a, size_t a_step,
                         const lk_real *b, size_t b_step, size_t count, lk_real *gradient) {
    pass->kernels->gemm(&(lk_gemm){.m = l->in.channels,
                                   .k = count,
                                   .panels = 1,
                                   .a = a,
                                   .a_row = 1,
                                   .a_col = a_step,
                                   .b = b,
                                   .b_panel = LK_LANES,
                                   .b_row = b_step,
                                   .c = gradient,
                                   .c_row = LK_LANES,
                                   .c_panel = LK_LANES,
                                   .accumulate = true});
}

static void conv_gradient(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                          const lk_real *dy, lk_real *gradient) {
    const size_t stride = channel_stride(l->out), c = l->in.channels;
    const lk_real *wide = widen(l, dy, pass->scratch) + slice_panel(l, which) * LK_LANES;
    run_of_pixels run;
    for (size_t row = 0; next_run(l, which % taps(l), &row, &run);)
        add_products(l, pass, x + run.pixel * c, l->step * c, wide + run.position * stride, stride,
                     run.count, gradient);
}

/* Sixteen columns of the windows of dy, from `first` on, side by side. */
static void gather_panel(const lk_layer *l, const lk_real *dy, size_t first, lk_real *panel) {
    const size_t c = l->out.channels, end = LK_MIN(first + LK_LANES, window(l));
    memset(panel, 0, positions(l) * LK_LANES * sizeof *panel);
    for (size_t column = first; column < end; column++) {
        run_of_pixels run;
        for (size_t row = 0; next_run(l, column / c, &row, &run);)
            for (size_t i = 0; i < run.count; i++)
                panel[(run.position + i) * LK_LANES + column - first] =
                    dy[(run.pixel + i * l->step) * c + column % c];
    }
}

static void gradient(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                     const lk_real *dy, size_t rows, lk_real *gradient) {
    if (which + 1 == l->slices) {
        bias_gradient(l, dy, rows, gradient);
        return;
    }
    memset(gradient, 0, slice(l, which).count * sizeof *gradient);
    for (size_t r = 0; r < rows; r++) {
        const lk_real *image = x + r * l->in_stride, *error = dy + r * l->out_stride;
        if (is_conv(l)) {
            conv_gradient(l, pass, which, image, error, gradient);
        } else {
            gather_panel(l, error, which * LK_LANES, pass->scratch);
            add_products(l, pass, image, l->in.channels, pass->scratch, LK_LANES, positions(l),
                         gradient);
        }
    }
}

static void transpose(const lk_layer *l, size_t which, const lk_real *parameters,
                      lk_real *transposed) {
    if (which + 1 == l->slices) return;
    const size_t panel = slice_panel(l, which), c = l->in.channels;
    const size_t first = is_conv(l) ? which % taps(l) * c : 0;
    lk_linear_transpose(linear(l), panel, panel + 1, first, first + c, parameters, transposed);
}

/* ---- weights ---- */

static void init(const lk_layer *l, lk_init how, lk_rng rng, lk_real *parameters) {
    lk_linear_init(linear(l), how, (double)(taps(l) * l->in.channels),
                   (double)(taps(l) * l->out.channels), rng, parameters);
    for (size_t k = 0; k < channel_stride(l->out); k++) parameters[bias_start(l) + k] = 0;
}

/* conv: [out][kernel][kernel][in]; deconv: [kernel][kernel][out][in]. */
static lk_tensor_shape tensor(const lk_layer *l, size_t which) {
    const size_t in = l->in.channels, out = l->out.channels, k = l->kernel;
    if (which == BIAS) return (lk_tensor_shape){"bias", 1, {out}, out};
    if (is_conv(l)) return (lk_tensor_shape){"weight", 4, {out, k, k, in}, out * k * k * in};
    return (lk_tensor_shape){"weight", 4, {k, k, out, in}, k * k * out * in};
}

static void pack(const lk_layer *l, size_t which, const lk_real *plain, lk_real *parameters) {
    if (which == WEIGHT)
        lk_linear_pack(linear(l), plain, parameters);
    else
        for (size_t k = 0; k < l->out.channels; k++) parameters[bias_start(l) + k] = plain[k];
}

static void unpack(const lk_layer *l, size_t which, const lk_real *parameters, lk_real *plain) {
    if (which == WEIGHT)
        lk_linear_unpack(linear(l), parameters, plain);
    else
        for (size_t k = 0; k < l->out.channels; k++) plain[k] = parameters[bias_start(l) + k];
}

#define CONVOLUTION(its_name)                                                                      \
    {                                                                                              \
        .name = its_name, .arguments = 2, .windows = true, .activates = true, .plan = plan,        \
        .forward = forward, .backward = backward, .slice = slice, .gradient = gradient,            \
        .transpose = transpose, .init = init, .tensors = 2, .tensor = tensor, .pack = pack,        \
        .unpack = unpack,                                                                          \
    }

const lk_op lk_op_conv = CONVOLUTION("conv");
const lk_op lk_op_deconv = CONVOLUTION("deconv");

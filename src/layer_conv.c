/* conv N K and deconv N K: convolution and its transpose (V. Dumoulin and F. Visin 2016).

   Both tie a large image to a small one: each pixel of the small image belongs to a window of K x K
   pixels of the large one. A convolution multiplies each window by the weights; its transpose
   multiplies each pixel and adds the results to its window. The way back of one is the way forward
   of the other.

   Windows start `step` pixels apart, the first (K - 1) / 2 pixels outside the image, or at its edge
   where they are valid; what lies outside is zero. So the large image is laid into a border that
   holds every window. There a window is K runs of K pixels side by side, which products read where
   they stand. The packed parameters are weights, then biases.

   Windows of 3 x 3 pixels, one apart, with whole panels of channels on both sides take the shorter
   way of winograd.h instead. And runs of a value or two are too short for products: windows of few
   values are laid out, so that all positions of an image are one product.
 */
#include <string.h>

#include "layer_conv.h"

enum { WEIGHT, BIAS };

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
    l->slices = (units(l) + units_each(l) - 1) / units_each(l) + 1;
    if (is_tiled(l)) {
        l->scratch = LK_MAX(lk_tiling_room(large(l), small(l)), lk_tiling_room(small(l), large(l)));
        return LK_OK;
    }
    l->memory = is_laid(l) ? laid_size(l) : bordered_size(l);
    if (is_conv(l) && l->out.channels % LK_LANES)
        l->memory += positions(l) * channel_stride(l->out);
    /* Of what is dealt out sixteen values are read at a time; the rest is one or the other. */
    l->scratch = LK_MAX(2 * bordered_size(l) + (1 + small(l).width) * window_stride(l),
                        small(l).height * LK_MAX(reaching_row(l), wide_row(l)));
    return LK_OK;
}

/* ---- images ---- */

/* bordered = the large image with zeros around it. */
static void border(const lk_layer *l, const lk_real *image, lk_real *bordered) {
    const size_t width = (size_t)large(l).width * large(l).channels, row = bordered_row(l);
    lk_real *to = bordered + before(l) * (row + large(l).channels);
    lk_real *const end = bordered + bordered_size(l);
    memset(bordered, 0, (size_t)(to - bordered) * sizeof *to);
    for (size_t y = 0; y < large(l).height; y++, to += row, image += width) {
        memcpy(to, image, width * sizeof *to);
        memset(to + width, 0, LK_MIN(row - width, (size_t)(end - to) - width) * sizeof *to);
    }
    if (to < end) memset(to, 0, (size_t)(end - to) * sizeof *to);
}

/* The other way: what is in the border is left out. */
static void crop(const lk_layer *l, const lk_real *bordered, lk_real *image) {
    const size_t width = (size_t)large(l).width * large(l).channels, row = bordered_row(l);
    bordered += before(l) * (row + large(l).channels);
    for (size_t y = 0; y < large(l).height; y++)
        memcpy(image + y * width, bordered + y * row, width * sizeof *image);
}

/* Small images whose channels fill no panels, with zeros in the padding: [positions][stride]. */
static void widen(const lk_layer *l, const lk_real *image, lk_real *wide) {
    const size_t c = small(l).channels, stride = channel_stride(small(l));
    for (size_t i = 0; i < positions(l); i++)
        for (size_t k = 0; k < stride; k++) wide[i * stride + k] = k < c ? image[i * c + k] : 0;
}

static void narrow(const lk_layer *l, const lk_real *wide, lk_real *image) {
    const size_t c = small(l).channels, stride = channel_stride(small(l));
    for (size_t i = 0; i < positions(l); i++)
        for (size_t k = 0; k < c; k++) image[i * c + k] = wide[i * stride + k];
}

/* dealt[step][size] = the values that are so many apart, side by side. */
static void deal(const lk_real *restrict values, size_t step, size_t size,
                 lk_real *restrict dealt) {
    if (step == 2) /* the usual, and in vectors */
        for (size_t i = 0; i < size; i++) {
            dealt[i] = values[2 * i];
            dealt[size + i] = values[2 * i + 1];
        }
    else
        for (size_t s = 0; s < step; s++)
            for (size_t i = 0; i < size; i++) dealt[s * size + i] = values[i * step + s];
}

/* laid[window][positions] = the windows of an image. It is dealt out first, so that values of
   neighbouring windows stand side by side; what is copied too far is written over by the next. */
static void lay_out(const lk_layer *l, const lk_real *image, lk_real *scratch, lk_real *laid) {
    const size_t width = small(l).width, step = l->step * (size_t)large(l).channels;
    const size_t row = bordered_row(l) / step, size = bordered_size(l) / step;
    lk_real *dealt = scratch + bordered_size(l);
    border(l, image, scratch);
    deal(scratch, step, size, dealt);
    for (size_t n = 0; n < window(l); n++) {
        const size_t run = n % window_run(l);
        const lk_real *from = dealt + run % step * size + n / window_run(l) * row + run / step;
        for (size_t y = 0; y < small(l).height; y++, laid += width, from += l->step * row)
            for (size_t x = 0; x < width; x += LK_LANES)
                memcpy(laid + x, from + x, LK_LANES * sizeof *laid);
    }
}

/* memory = the large image, in its border or laid out. */
static void remember(const lk_layer *l, const lk_pass *pass, const lk_real *image,
                     lk_real *memory) {
    if (is_laid(l))
        lay_out(l, image, pass->scratch, memory);
    else
        border(l, image, memory);
}

/* ---- between the large and the small image ---- */

/* image[small] = the windows that are laid out x weights (+ bias). */
static void from_laid(const lk_layer *l, const lk_pass *pass, const lk_real *laid,
                      const lk_real *weights, const lk_real *bias, lk_real *image) {
    pass->kernels->gemm(&(lk_gemm){.m = positions(l),
                                   .k = window(l),
                                   .panels = small(l).channels / LK_LANES,
                                   .a = laid,
                                   .a_row = 1,
                                   .a_col = positions(l),
                                   .b = weights,
                                   .b_panel = window(l) * LK_LANES,
                                   .b_row = LK_LANES,
                                   .c = image,
                                   .c_row = small(l).channels,
                                   .c_panel = LK_LANES,
                                   .bias = bias});
}

/* image[small] = the windows of the bordered image x weights (+ bias): a product for each row. */
static void from_windows(const lk_layer *l, const lk_pass *pass, const lk_real *bordered,
                         const lk_real *weights, const lk_real *bias, lk_real *image) {
    const size_t stride = channel_stride(small(l));
    const bool fits = small(l).channels == stride;
    lk_real *wide = fits ? image : pass->scratch;
    for (size_t y = 0; y < small(l).height; y++)
        pass->kernels->gemm(&(lk_gemm){.m = small(l).width,
                                       .k = window_run(l),
                                       .repeats = l->kernel - 1,
                                       .panels = stride / LK_LANES,
                                       .a = bordered + y * l->step * bordered_row(l),
                                       .a_row = l->step * (size_t)large(l).channels,
                                       .a_col = 1,
                                       .a_jump = bordered_row(l),
                                       .b = weights,
                                       .b_panel = window(l) * LK_LANES,
                                       .b_row = LK_LANES,
                                       .b_jump = window_run(l) * LK_LANES,
                                       .c = wide + y * wide_row(l),
                                       .c_row = stride,
                                       .c_panel = LK_LANES,
                                       .bias = bias});
    if (!fits) narrow(l, wide, image);
}

/* image[large] = for each pixel the sum over the windows that reach it, small image x weights (+
   bias), where channels fill whole panels. Of a row of the large image every step-th pixel lies
   alike in its windows: a product for each row of windows, with a run for each column, the later
   the more to the left. Beyond the ends of a row of windows there are zeros. */
static void reach_panels(const lk_layer *l, const lk_pass *pass, const lk_real *from,
                         const lk_real *weights, const lk_real *bias, lk_real *image) {
    const size_t c = large(l).channels, k = small(l).channels, width = small(l).width * k;
    const size_t step = l->step, left = (l->kernel - 1) / step * k, row = reaching_row(l);
    lk_real *padded = pass->scratch;
    memset(padded, 0, small(l).height * row * sizeof *padded);
    for (size_t y = 0; y < small(l).height; y++)
        memcpy(padded + y * row + left, from + y * width, width * sizeof *padded);
    for (size_t i = 0; i < large(l).height; i++, image += large(l).width * c)
        for (size_t j = 0; j < LK_MIN(step, (size_t)large(l).width); j++) {
            const size_t v = i + before(l), u = j + before(l); /* the first pixel, in the border */
            const size_t first = v < l->kernel ? 0 : (v - l->kernel) / step + 1;
            const size_t end = LK_MIN(v / step + 1, (size_t)small(l).height);
            lk_gemm product = {.m = (large(l).width - j + step - 1) / step,
                               .panels = c / LK_LANES,
                               .a = padded,
                               .a_row = k,
                               .a_col = 1,
                               .a_jump = -(ptrdiff_t)k,
                               .b = weights,
                               .b_panel = k * LK_LANES,
                               .b_row = LK_LANES,
                               .b_jump = step * c * k,
                               .c = image + j * c,
                               .c_row = step * c,
                               .c_panel = LK_LANES,
                               .bias = first < end ? NULL : bias};
            if (first >= end) pass->kernels->gemm(&product); /* nothing reaches it */
            product.k = k;
            product.repeats = (l->kernel - 1 - u % step) / step;
            for (size_t y = first; y < end; y++, product.accumulate = true) {
                product.a = padded + y * row + left + u / step * k;
                product.b = weights + ((v - y * step) * l->kernel + u % step) * c * k;
                if (y + 1 == end) product.bias = bias;
                pass->kernels->gemm(&product);
            }
        }
}

/* Adds a row of small pixels x weights to their windows, value by value. */
static void add_values(const lk_layer *l, const lk_pass *pass, const lk_real *pixels,
                       const lk_real *weights, lk_real *bordered) {
    const size_t k = small(l).channels, run = window_run(l), stride = window_stride(l);
    const size_t width = small(l).width, step = l->step * (size_t)large(l).channels;
    const size_t row = bordered_row(l);
    lk_real *products = pass->scratch + bordered_size(l);
    lk_linear_forward((lk_linear){k, window(l)}, pass->kernels, weights, NULL, pixels, k, width,
                      products, stride);
    for (size_t y = 0; y < l->kernel; y++, products += run, bordered += row)
        for (size_t n = 0; n < run; n++)
            for (size_t i = 0; i < width; i++) bordered[i * step + n] += products[i * stride + n];
}

/* The same for any channels, window by window. */
static void reach_values(const lk_layer *l, const lk_pass *pass, const lk_real *from,
                         const lk_real *weights, const lk_real *bias, lk_real *image) {
    const size_t c = large(l).channels, pixels = lk_shape_size(large(l)) / c;
    lk_real *bordered = pass->scratch;
    memset(bordered, 0, bordered_size(l) * sizeof *bordered);
    for (size_t y = 0; y < small(l).height; y++)
        add_values(l, pass, from + y * small(l).width * small(l).channels, weights,
                   bordered + y * l->step * bordered_row(l));
    crop(l, bordered, image);
    for (size_t n = 0; bias && n < c; n++) {
        const lk_real more = bias[n];
        for (size_t i = 0; i < pixels; i++) image[i * c + n] += more;
    }
}

static void to_windows(const lk_layer *l, const lk_pass *pass, const lk_real *from,
                       const lk_real *weights, const lk_real *bias, lk_real *image) {
    (large(l).channels % LK_LANES ? reach_values : reach_panels)(l, pass, from, weights, bias,
                                                                 image);
}

/* ---- tiles ---- */

static void from_tiles(const lk_layer *l, const lk_pass *pass, const lk_real *images,
                       size_t images_stride, const lk_real *weights, const lk_real *bias,
                       lk_real *to, size_t to_stride, size_t rows) {
    const lk_tiling t = tiling(l, pass);
    lk_tiling_prepare(&t, weights, window_taps(l));
    for (size_t r = 0; r < rows; r++)
        lk_tiling_apply(&t, images + r * images_stride, bias, to + r * to_stride);
}

/* The large image is the small one's windows times the weights in reverse order. */
static void to_tiles(const lk_layer *l, const lk_pass *pass, const lk_real *images,
                     size_t images_stride, const lk_real *weights, const lk_real *bias, lk_real *to,
                     size_t to_stride, size_t rows) {
    const lk_tiling t = {pass->kernels, small(l), large(l), 2 - before(l), pass->scratch};
    const lk_taps taps = small_taps(l);
    lk_tiling_prepare(&t, weights + 8 * taps.pixel, (lk_taps){-taps.row, -taps.pixel, taps.panel});
    for (size_t r = 0; r < rows; r++)
        lk_tiling_apply(&t, images + r * images_stride, bias, to + r * to_stride);
}

/* ---- forward and backward: `memory` keeps the large image for the gradients ---- */

static void forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                    size_t rows) {
    const lk_real *weights = pass->parameters, *bias = weights + bias_start(l);
    if (is_tiled(l)) {
        (is_conv(l) ? from_tiles : to_tiles)(l, pass, x, l->in_stride, weights, bias, y,
                                             l->out_stride, rows);
        pass->kernels->activate(l->activation, y, rows * l->out_stride);
        return;
    }
    for (size_t r = 0; r < rows; r++, x += l->in_stride, y += l->out_stride) {
        if (is_conv(l)) {
            lk_real *memory = pass->memory + r * l->memory;
            remember(l, pass, x, memory);
            (is_laid(l) ? from_laid : from_windows)(l, pass, memory, weights, bias, y);
        } else {
            to_windows(l, pass, x, weights, bias, y);
        }
        pass->kernels->activate(l->activation, y, l->out_stride);
    }
}

static void backward(const lk_layer *l, const lk_pass *pass, const lk_real *x, const lk_real *y,
                     lk_real *dy, lk_real *dx, size_t rows) {
    (void)x;
    if (is_tiled(l)) {
        pass->kernels->activate_gradient(l->activation, y, dy, rows * l->out_stride);
        if (dx)
            (is_conv(l) ? to_tiles : from_tiles)(l, pass, dy, l->out_stride, pass->transposed, NULL,
                                                 dx, l->in_stride, rows);
        return;
    }
    for (size_t r = 0; r < rows; r++, y += l->out_stride, dy += l->out_stride) {
        lk_real *memory = pass->memory + r * l->memory;
        lk_real *to = dx ? dx + r * l->in_stride : NULL;
        pass->kernels->activate_gradient(l->activation, y, dy, l->out_stride);
        if (is_conv(l)) {
            if (l->out.channels % LK_LANES) widen(l, dy, memory + bordered_size(l));
            if (to) to_windows(l, pass, dy, pass->transposed, NULL, to);
        } else {
            remember(l, pass, dy, memory);
            if (to)
                (is_laid(l) ? from_laid : from_windows)(l, pass, memory, pass->transposed, NULL,
                                                        to);
        }
    }
}

static void transpose(const lk_layer *l, const lk_kernels *kernels, size_t which,
                      const lk_real *parameters, lk_real *transposed) {
    if (which + 1 == l->slices) return;
    const size_t runs = units(l) / lk_linear_panels(linear(l)), rows = unit_rows(l);
    for (size_t u = which * units_each(l); u < units_end(l, which); u++)
        lk_linear_transpose(linear(l), kernels, u / runs, u / runs + 1, u % runs * rows,
                            u % runs * rows + rows, parameters, transposed);
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
        .forward = forward, .backward = LK_TRAINS(backward), .slice = LK_TRAINS(lk_conv_slice),    \
        .gradient = LK_TRAINS(lk_conv_gradient), .transpose = LK_TRAINS(transpose), .init = init,  \
        .tensors = 2, .tensor = tensor, .pack = pack, .unpack = unpack,                            \
    }

const lk_op lk_op_conv = CONVOLUTION("conv");
const lk_op lk_op_deconv = CONVOLUTION("deconv");

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
   way of winograd.h instead.
 */
#include <string.h>

#include "layer.h"
#include "winograd.h"

enum { WEIGHT, BIAS };
enum { MOST_SLICES = 4 }; /* of the weights; each reads the images of the whole batch */

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

/* Values of a window, of one of its runs, and of a row that holds the whole of it. */
static size_t window(const lk_layer *l) {
    return taps(l) * large(l).channels;
}
static size_t window_run(const lk_layer *l) {
    return l->kernel * (size_t)large(l).channels;
}
static size_t window_stride(const lk_layer *l) {
    return lk_round_up(window(l), LK_LANES);
}

static bool is_tiled(const lk_layer *l) {
    return l->kernel == 3 && l->step == 1 && lk_tiling_suits(large(l), small(l));
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

/* The large image in its border: values of a row of pixels, and of all. */
static size_t bordered_side(const lk_layer *l, size_t big, size_t little) {
    return LK_MAX(before(l) + big, (little - 1) * l->step + l->kernel);
}
static size_t bordered_row(const lk_layer *l) {
    return bordered_side(l, large(l).width, small(l).width) * large(l).channels;
}
static size_t bordered_size(const lk_layer *l) {
    return lk_round_up(bordered_side(l, large(l).height, small(l).height) * bordered_row(l),
                       LK_LANES);
}

/* Weights fall into units: a panel of columns, of a convolution for one run of the window. A slice
   is a few of them; tiles give all of a window at once. */
static size_t units(const lk_layer *l) {
    return lk_linear_panels(linear(l)) * (is_conv(l) ? l->kernel : 1);
}
static size_t units_each(const lk_layer *l) {
    if (!is_tiled(l)) return (units(l) + MOST_SLICES - 1) / MOST_SLICES;
    return is_conv(l) ? (lk_linear_panels(linear(l)) + 1) / 2 * l->kernel : units(l);
}
static size_t unit_rows(const lk_layer *l) {
    return is_conv(l) ? window_run(l) : l->in.channels;
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
    l->slices = (units(l) + units_each(l) - 1) / units_each(l) + 1;
    if (is_tiled(l)) {
        l->scratch = LK_MAX(lk_tiling_room(large(l), small(l)), lk_tiling_room(small(l), large(l)));
        return LK_OK;
    }
    l->memory = bordered_size(l);
    if (is_conv(l) && l->out.channels % LK_LANES)
        l->memory += positions(l) * channel_stride(l->out);
    l->scratch = LK_MAX(bordered_size(l) + small(l).width * window_stride(l),
                        positions(l) * channel_stride(small(l)));
    return LK_OK;
}

/* ---- images ---- */

/* bordered = the large image with zeros around it. */
static void border(const lk_layer *l, const lk_real *image, lk_real *bordered) {
    const size_t width = (size_t)large(l).width * large(l).channels;
    const size_t left = before(l) * large(l).channels, row = bordered_row(l);
    const size_t start = before(l) * row, end = start + large(l).height * row;
    memset(bordered, 0, start * sizeof *bordered);
    for (lk_real *to = bordered + start; to < bordered + end; to += row, image += width) {
        memset(to, 0, left * sizeof *to);
        memcpy(to + left, image, width * sizeof *to);
        memset(to + left + width, 0, (row - left - width) * sizeof *to);
    }
    memset(bordered + end, 0, (bordered_size(l) - end) * sizeof *bordered);
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

/* ---- between the large and the small image ---- */

/* image[small] = the windows of the bordered image x weights (+ bias): a product for each row. */
static void from_windows(const lk_layer *l, const lk_pass *pass, const lk_real *bordered,
                         const lk_real *weights, const lk_real *bias, lk_real *image) {
    const size_t stride = channel_stride(small(l)), width = small(l).width;
    const bool fits = small(l).channels == stride;
    lk_real *wide = fits ? image : pass->scratch;
    for (size_t y = 0; y < small(l).height; y++)
        pass->kernels->gemm(&(lk_gemm){.m = width,
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
                                       .c = wide + y * width * stride,
                                       .c_row = stride,
                                       .c_panel = LK_LANES,
                                       .bias = bias});
    if (!fits) narrow(l, wide, image);
}

/* Adds a row of small pixels x weights to their windows, in place since they fill whole panels. */
static void add_panels(const lk_layer *l, const lk_pass *pass, const lk_real *pixels,
                       const lk_real *weights, lk_real *bordered) {
    const size_t c = large(l).channels, k = small(l).channels;
    for (size_t tap = 0; tap < taps(l); tap++)
        pass->kernels->gemm(
            &(lk_gemm){.m = small(l).width,
                       .k = k,
                       .panels = c / LK_LANES,
                       .a = pixels,
                       .a_row = k,
                       .a_col = 1,
                       .b = weights + tap * c * k,
                       .b_panel = k * LK_LANES,
                       .b_row = LK_LANES,
                       .c = bordered + tap / l->kernel * bordered_row(l) + tap % l->kernel * c,
                       .c_row = l->step * c,
                       .c_panel = LK_LANES,
                       .accumulate = true});
}

/* The same for any channels: the product, then its values one by one. */
static void add_values(const lk_layer *l, const lk_pass *pass, const lk_real *pixels,
                       const lk_real *weights, lk_real *bordered) {
    const size_t c = large(l).channels, k = small(l).channels, stride = window_stride(l);
    lk_real *rows = pass->scratch + bordered_size(l);
    lk_linear_forward((lk_linear){k, window(l)}, pass->kernels, weights, NULL, pixels, k,
                      small(l).width, rows, stride);
    for (size_t tap = 0; tap < taps(l); tap++) {
        lk_real *to = bordered + tap / l->kernel * bordered_row(l) + tap % l->kernel * c;
        for (size_t i = 0; i < small(l).width; i++, to += l->step * c)
            for (size_t n = 0; n < c; n++) to[n] += rows[i * stride + tap * c + n];
    }
}

/* image[large] = the sum of the windows that reach each pixel: small image x weights. */
static void to_windows(const lk_layer *l, const lk_pass *pass, const lk_real *from,
                       const lk_real *weights, lk_real *image) {
    lk_real *bordered = pass->scratch;
    memset(bordered, 0, bordered_size(l) * sizeof *bordered);
    for (size_t y = 0; y < small(l).height; y++)
        (large(l).channels % LK_LANES ? add_values : add_panels)(
            l, pass, from + y * small(l).width * small(l).channels, weights,
            bordered + y * l->step * bordered_row(l));
    crop(l, bordered, image);
}

/* ---- tiles ---- */

static lk_tiling tiling(const lk_layer *l, const lk_pass *pass) {
    return (lk_tiling){pass->kernels, large(l), small(l), before(l), pass->scratch};
}

/* Weights for products with windows, [small / 16][window][16]; and for the way to windows,
   [window / 16][small][16]. */
static lk_taps window_taps(const lk_layer *l) {
    const ptrdiff_t pixel = (ptrdiff_t)large(l).channels * LK_LANES;
    return (lk_taps){3 * pixel, pixel, 9 * pixel};
}
static lk_taps small_taps(const lk_layer *l) {
    const ptrdiff_t c = small(l).channels, pixel = c * (ptrdiff_t)large(l).channels;
    return (lk_taps){3 * pixel, pixel, c * LK_LANES};
}

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

/* ---- forward and backward: `memory` keeps the bordered image for the gradients ---- */

static void forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                    size_t rows) {
    const lk_real *weights = pass->parameters, *bias = weights + bias_start(l);
    const size_t c = l->out.channels, pixels = lk_shape_size(l->out) / c;
    if (is_tiled(l)) {
        (is_conv(l) ? from_tiles : to_tiles)(l, pass, x, l->in_stride, weights, bias, y,
                                             l->out_stride, rows);
        pass->kernels->activate(l->activation, y, rows * l->out_stride);
        return;
    }
    for (size_t r = 0; r < rows; r++, x += l->in_stride, y += l->out_stride) {
        if (is_conv(l)) {
            lk_real *bordered = pass->memory + r * l->memory;
            border(l, x, bordered);
            from_windows(l, pass, bordered, weights, bias, y);
        } else {
            to_windows(l, pass, x, weights, y);
            for (size_t i = 0; i < pixels; i++)
                for (size_t k = 0; k < c; k++) y[i * c + k] += bias[k];
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
            if (to) to_windows(l, pass, dy, pass->transposed, to);
        } else {
            border(l, dy, memory);
            if (to) from_windows(l, pass, memory, pass->transposed, NULL, to);
        }
    }
}

/* ---- gradients ---- */

/* The units of a slice of weights: up to this one. */
static size_t units_end(const lk_layer *l, size_t which) {
    return LK_MIN((which + 1) * units_each(l), units(l));
}

static lk_slice slice(const lk_layer *l, size_t which) {
    if (which + 1 == l->slices) return (lk_slice){bias_start(l), channel_stride(l->out), LK_BIAS};
    const size_t first = which * units_each(l), values = unit_rows(l) * LK_LANES;
    return (lk_slice){first * values, (units_end(l, which) - first) * values, LK_WEIGHT};
}

static void bias_gradient(const lk_layer *l, const lk_pass *pass, const lk_real *dy, size_t rows,
                          lk_real *gradient) {
    const size_t c = l->out.channels, pixels = lk_shape_size(l->out) / c;
    if (c % LK_LANES == 0) {
        pass->kernels->column_sums(dy, rows * pixels, c, c / LK_LANES, gradient);
        return;
    }
    memset(gradient, 0, channel_stride(l->out) * sizeof *gradient);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < pixels; i++)
            for (size_t k = 0; k < c; k++) gradient[k] += dy[r * l->out_stride + i * c + k];
}

/* Pixels of an image by their values: neighbours are `step` values apart, rows of them `jump`, and
   those of the next image `next`. */
typedef struct pixels {
    const lk_real *first;
    size_t step, jump, next;
} pixels;

/* Adds A^T B over the positions of some rows: A `m` values of each, B sixteen. */
static void add_products(const lk_layer *l, const lk_pass *pass, size_t m, pixels a, pixels b,
                         size_t rows, bool first, lk_real *gradient) {
    pass->kernels->gemm(&(lk_gemm){.m = m,
                                   .k = small(l).width,
                                   .repeats = rows - 1,
                                   .panels = 1,
                                   .a = a.first,
                                   .a_row = 1,
                                   .a_col = a.step,
                                   .a_jump = a.jump,
                                   .a_next = a.next,
                                   .b_panel = b.next, /* a hint */
                                   .b = b.first,
                                   .b_row = b.step,
                                   .b_jump = b.jump,
                                   .c = gradient,
                                   .c_row = LK_LANES,
                                   .accumulate = !first});
}

/* The values of the windows from their n-th on, in the bordered image. */
static pixels windows_at(const lk_layer *l, const lk_real *bordered, size_t n) {
    const size_t row = bordered_row(l);
    return (pixels){bordered + n / window_run(l) * row + n % window_run(l),
                    l->step * (size_t)large(l).channels, l->step * row, l->memory};
}

/* The pixels of a small image of `channels` values each. */
static pixels small_pixels(const lk_layer *l, const lk_real *image, size_t channels, size_t next) {
    return (pixels){image, channels, small(l).width * channels, next};
}

static void conv_gradient(const lk_layer *l, const lk_pass *pass, size_t unit,
                          const lk_real *bordered, const lk_real *dy, bool first,
                          lk_real *gradient) {
    const size_t stride = channel_stride(l->out);
    const bool fits = l->out.channels == stride;
    const lk_real *wide = (fits ? dy : bordered + bordered_size(l)) + unit / l->kernel * LK_LANES;
    add_products(l, pass, window_run(l), windows_at(l, bordered, unit % l->kernel * window_run(l)),
                 small_pixels(l, wide, stride, fits ? l->out_stride : l->memory), l->out.height,
                 first, gradient);
}

/* Sixteen columns of the windows of row y, from `first` on, side by side: [width][16]. */
static void gather_panel(const lk_layer *l, const lk_real *bordered, size_t y, size_t first,
                         lk_real *panel) {
    const size_t end = LK_MIN(first + LK_LANES, window(l));
    memset(panel, 0, small(l).width * LK_LANES * sizeof *panel);
    for (size_t n = first; n < end; n++) {
        const pixels from = windows_at(l, bordered, n);
        for (size_t x = 0; x < small(l).width; x++)
            panel[x * LK_LANES + n - first] = from.first[y * from.jump + x * from.step];
    }
}

static void deconv_gradient(const lk_layer *l, const lk_pass *pass, size_t unit, const lk_real *x,
                            const lk_real *bordered, bool first, lk_real *gradient) {
    const size_t column = unit * LK_LANES, c = l->in.channels, height = l->in.height;
    pixels from = small_pixels(l, x, c, l->in_stride);
    if (l->out.channels % LK_LANES == 0) { /* sixteen columns are side by side */
        add_products(l, pass, c, from, windows_at(l, bordered, column), height, first, gradient);
        return;
    }
    for (size_t y = 0; y < height; y++, from.first += from.jump) {
        gather_panel(l, bordered, y, column, pass->scratch);
        add_products(l, pass, c, from, small_pixels(l, pass->scratch, LK_LANES, 0), 1,
                     first && y == 0, gradient);
    }
}

static void tiles_gradient(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                           const lk_real *dy, size_t rows, lk_real *gradient) {
    const lk_tiling t = tiling(l, pass);
    const size_t first = which * units_each(l), panels = (units_end(l, which) - first) / l->kernel;
    if (is_conv(l))
        lk_tiling_gradient(&t, x, l->in_stride, dy + first / l->kernel * LK_LANES, l->out_stride,
                           rows, panels, false, window_taps(l), gradient);
    else
        lk_tiling_gradient(&t, dy, l->out_stride, x, l->in_stride, rows, 0, true, small_taps(l),
                           gradient);
}

static void gradient(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                     const lk_real *dy, size_t rows, lk_real *gradient) {
    if (which + 1 == l->slices) {
        bias_gradient(l, pass, dy, rows, gradient);
        return;
    }
    if (is_tiled(l)) {
        tiles_gradient(l, pass, which, x, dy, rows, gradient);
        return;
    }
    for (size_t r = 0; r < rows; r++, x += l->in_stride, dy += l->out_stride) {
        const lk_real *bordered = pass->memory + r * l->memory;
        lk_real *to = gradient;
        for (size_t u = which * units_each(l); u < units_end(l, which); u++) {
            if (is_conv(l))
                conv_gradient(l, pass, u, bordered, dy, r == 0, to);
            else
                deconv_gradient(l, pass, u, x, bordered, r == 0, to);
            to += unit_rows(l) * LK_LANES;
        }
    }
}

static void transpose(const lk_layer *l, const lk_kernels *kernels, size_t which,
                      const lk_real *parameters, lk_real *transposed) {
    if (which + 1 == l->slices) return;
    const size_t runs = is_conv(l) ? l->kernel : 1, rows = unit_rows(l);
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
        .forward = forward, .backward = backward, .slice = slice, .gradient = gradient,            \
        .transpose = transpose, .init = init, .tensors = 2, .tensor = tensor, .pack = pack,        \
        .unpack = unpack,                                                                          \
    }

const lk_op lk_op_conv = CONVOLUTION("conv");
const lk_op lk_op_deconv = CONVOLUTION("deconv");

/* The gradients of the weights of conv and deconv: products of the windows of the large image with
   the pixels of the small one, over all rows of a batch. */
#include <string.h>

#include "layer_conv.h"

lk_slice lk_conv_slice(const lk_layer *l, size_t which) {
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
    for (size_t k = 0; k < c; k++) {
        lk_real sum = 0;
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < pixels; i++) sum += dy[r * l->out_stride + i * c + k];
        gradient[k] = sum;
    }
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

/* Of some panels of channels of the small image, over the positions of all rows. */
static void laid_gradient(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                          const lk_real *dy, size_t rows, lk_real *gradient) {
    lk_real turned[LAID_PANELS * LK_LANES * LK_LANES] = {0}; /* [panels][window][16] */
    const size_t first = which * units_each(l), panels = units_end(l, which) - first;
    pass->kernels->gemm(&(lk_gemm){.m = window(l),
                                   .k = positions(l),
                                   .repeats = rows - 1,
                                   .panels = panels,
                                   .a = pass->memory,
                                   .a_row = positions(l),
                                   .a_col = 1,
                                   .a_jump = l->memory,
                                   .b = (is_conv(l) ? dy : x) + first * LK_LANES,
                                   .b_panel = LK_LANES,
                                   .b_row = small(l).channels,
                                   .b_jump = is_conv(l) ? l->out_stride : l->in_stride,
                                   .c = is_conv(l) ? gradient : turned,
                                   .c_row = LK_LANES,
                                   .c_panel = (is_conv(l) ? window(l) : LK_LANES) * LK_LANES});
    if (!is_conv(l)) pass->kernels->transpose(turned, panels, gradient, LK_LANES * LK_LANES);
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

void lk_conv_gradient(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                      const lk_real *dy, size_t rows, lk_real *gradient) {
    if (which + 1 == l->slices) {
        bias_gradient(l, pass, dy, rows, gradient);
        return;
    }
    if (is_tiled(l)) {
        tiles_gradient(l, pass, which, x, dy, rows, gradient);
        return;
    }
    if (is_laid(l)) {
        laid_gradient(l, pass, which, x, dy, rows, gradient);
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

/* What the two files about convolutions share: sizes, and where things are. layer_conv.c tells what
   is what. */
#ifndef LK_LAYER_CONV_H
#define LK_LAYER_CONV_H

#include "layer.h"
#include "winograd.h"

enum { MOST_SLICES = 4 }; /* of the weights; each reads the images of the whole batch */
enum { LAID_PANELS = 4 }; /* of channels, in a slice of weights of windows that are laid out */

static inline bool is_conv(const lk_layer *l) {
    return l->op == &lk_op_conv;
}
static inline lk_shape large(const lk_layer *l) {
    return is_conv(l) ? l->in : l->out;
}
static inline lk_shape small(const lk_layer *l) {
    return is_conv(l) ? l->out : l->in;
}
static inline size_t positions(const lk_layer *l) {
    return (size_t)small(l).height * small(l).width;
}
static inline size_t taps(const lk_layer *l) {
    return (size_t)l->kernel * l->kernel;
}
static inline size_t before(const lk_layer *l) {
    return l->valid ? 0 : (l->kernel - 1) / 2;
}

/* Values of a window, of one of its runs, and of a row that holds the whole of it. */
static inline size_t window(const lk_layer *l) {
    return taps(l) * large(l).channels;
}
static inline size_t window_run(const lk_layer *l) {
    return l->kernel * (size_t)large(l).channels;
}
static inline size_t window_stride(const lk_layer *l) {
    return lk_round_up(window(l), LK_LANES);
}

static inline bool is_tiled(const lk_layer *l) {
    return l->kernel == 3 && l->step == 1 && lk_tiling_suits(large(l), small(l));
}

/* Whether windows are laid out: with no more values than are in a panel. */
static inline bool is_laid(const lk_layer *l) {
    return window(l) <= LK_LANES && small(l).channels % LK_LANES == 0;
}
/* With room for what is copied too far. */
static inline size_t laid_size(const lk_layer *l) {
    return lk_round_up(window(l) * positions(l), LK_LANES) + LK_LANES;
}

/* conv: window -> channels; deconv: channels -> window. */
static inline lk_linear linear(const lk_layer *l) {
    if (is_conv(l)) return (lk_linear){window(l), l->out.channels};
    return (lk_linear){l->in.channels, window(l)};
}
static inline size_t bias_start(const lk_layer *l) {
    return lk_linear_packed(linear(l));
}
static inline size_t channel_stride(lk_shape s) {
    return lk_round_up(s.channels, LK_LANES);
}

/* A row of the small image, its channels padded. */
static inline size_t wide_row(const lk_layer *l) {
    return small(l).width * channel_stride(small(l));
}

/* The large image in its border: values of a row of pixels, and of all. Where windows are laid out
   a row is dealt out evenly. */
static inline size_t bordered_side(const lk_layer *l, size_t big, size_t little) {
    return LK_MAX(before(l) + big, (little - 1) * l->step + l->kernel);
}
static inline size_t bordered_row(const lk_layer *l) {
    const size_t side = bordered_side(l, large(l).width, small(l).width);
    return (is_laid(l) ? lk_round_up(side, l->step) : side) * large(l).channels;
}
static inline size_t bordered_size(const lk_layer *l) {
    return lk_round_up(bordered_side(l, large(l).height, small(l).height) * bordered_row(l),
                       LK_LANES);
}

/* A row of the small image, with zeros where windows outside would reach into the large one. */
static inline size_t reaching_row(const lk_layer *l) {
    const size_t last = (before(l) + large(l).width - 1) / l->step + 1;
    return ((l->kernel - 1) / l->step + LK_MAX(last, (size_t)small(l).width)) * small(l).channels;
}

/* Weights fall into units: a panel of columns, of a convolution for one run of the window; or,
   where windows are laid out, those of sixteen channels of the small image. A slice is a few of
   them; tiles give all of a window at once. */
static inline size_t units(const lk_layer *l) {
    if (is_laid(l)) return small(l).channels / LK_LANES;
    return lk_linear_panels(linear(l)) * (is_conv(l) ? l->kernel : 1);
}
static inline size_t units_each(const lk_layer *l) {
    if (is_laid(l)) return LAID_PANELS;
    if (!is_tiled(l)) return (units(l) + MOST_SLICES - 1) / MOST_SLICES;
    return is_conv(l) ? (lk_linear_panels(linear(l)) + 1) / 2 * l->kernel : units(l);
}
static inline size_t unit_rows(const lk_layer *l) {
    if (is_laid(l)) return is_conv(l) ? window(l) : LK_LANES;
    return is_conv(l) ? window_run(l) : l->in.channels;
}

/* The units of a slice of weights: up to this one. */
static inline size_t units_end(const lk_layer *l, size_t which) {
    return LK_MIN((which + 1) * units_each(l), units(l));
}

static inline lk_tiling tiling(const lk_layer *l, const lk_pass *pass) {
    return (lk_tiling){pass->kernels, large(l), small(l), before(l), pass->scratch};
}

/* Weights for products with windows, [small / 16][window][16]; and for the way to windows,
   [window / 16][small][16]. */
static inline lk_taps window_taps(const lk_layer *l) {
    const ptrdiff_t pixel = (ptrdiff_t)large(l).channels * LK_LANES;
    return (lk_taps){3 * pixel, pixel, 9 * pixel};
}
static inline lk_taps small_taps(const lk_layer *l) {
    const ptrdiff_t c = small(l).channels, pixel = c * (ptrdiff_t)large(l).channels;
    return (lk_taps){3 * pixel, pixel, c * LK_LANES};
}

/* See lk_op. */
lk_slice lk_conv_slice(const lk_layer *l, size_t which);
void lk_conv_gradient(const lk_layer *l, const lk_pass *pass, size_t which, const lk_real *x,
                      const lk_real *dy, size_t rows, lk_real *gradient);

#endif

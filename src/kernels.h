/* The few hot loops. One table of them per instruction set, all with the same bits.

   A "panel" is 16 columns side by side: matrices that are read along their columns are kept as
   [columns / 16][rows][16], so that every variant reads them in whole vectors and in order. Rows of
   activations are padded to a multiple of 16 values (their "stride"). */
#ifndef LK_KERNELS_H
#define LK_KERNELS_H

#include "base.h"

typedef enum lk_activation {
    LK_LINEAR,
    LK_RELU,
    LK_LEAKY, /* slope 0.01 below 0 */
    LK_SIGMOID,
    LK_TANH,
    LK_ACTIVATIONS
} lk_activation;

/* C[i][j] = sum over k of A[i][k] B[k][j], (+ bias[j]), k in ascending order from 0 whatever the
   blocking: so tiles may differ between variants and the bits do not. B is finite: where A is 0 a
   product may be left out, since it changes no sum.

   The inner size may be made of several runs of k values, as the rows of a window are: behind the
   first one, `repeats` more, each a_jump (of either sign) and b_jump behind the one before. */
typedef struct lk_gemm {
    size_t m, k, panels; /* rows of A and C; inner size, of each run; columns / 16 */
    size_t repeats;
    const lk_real *a; /* A[i][k] = a[i * a_row + k * a_col] */
    size_t a_row, a_col;
    ptrdiff_t a_jump;
    size_t a_next;    /* how far behind it what will be read after this is: a hint, or 0 */
    const lk_real *b; /* B[k][16 p + l] = b[p * b_panel + k * b_row + l] */
    size_t b_panel, b_row, b_jump; /* b_panel is a hint as well: free where there is one panel */
    lk_real *c;                    /* C[i][16 p + l] = c[i * c_row + p * c_panel + l] */
    size_t c_row, c_panel;
    bool accumulate;     /* adds to what C holds, instead of to 0 */
    const lk_real *bias; /* 16 x panels values, or NULL */
} lk_gemm;

/* C[i][j] = scale[i] x the sum over k of A[i][k] B[k][j] (+ bias[j]), of whole numbers of 16 bits
   in pairs of k. Whoever calls sees to it that no part of such a sum is beyond 32 bits. */
typedef struct lk_whole {
    size_t m, pairs, panels;
    const int16_t *a;     /* [pairs][m][2] */
    const int16_t *b;     /* [panels][pairs][16][2] */
    const lk_real *scale; /* m values */
    const lk_real *bias;  /* 16 x panels values, or NULL */
    lk_real *c;           /* C[i][j] = c[i * c_row + j] */
    size_t c_row;
} lk_whole;

/* A row of pooling windows side by side: each is kernel x kernel pixels of `channels` values in the
   large image, whose rows are `row` values apart, and one pixel in the little one. */
typedef struct lk_windows {
    size_t count, kernel, channels, row;
} lk_windows;

/* The transforms between a few pixels, side by side in both directions, and the 4 x 4 numbers that
   windows of 3 x 3 pixels are multiplied as: see winograd.h. */
typedef enum lk_winograd {
    LK_WINOGRAD_WINDOW,   /* from 4 x 4 pixels of the large image */
    LK_WINOGRAD_WEIGHTS,  /* from 3 x 3 weights */
    LK_WINOGRAD_SPREAD,   /* from 2 x 2 pixels of the small image */
    LK_WINOGRAD_PIXELS,   /* to 2 x 2 pixels of the small image */
    LK_WINOGRAD_GRADIENT, /* to 3 x 3 gradients of weights */
} lk_winograd;

/* A row of tiles, each of so many pixels. Pixel [i][j] of tile t, channel 16 q + l, is at
   (y + i) row + (x + j) pixel + t advance + q panel + l, number n of its 4 x 4 at n plane +
   t tile + q tile_panel + l. What lies outside of height x width is read as 0 and never written:
   each tile is `step` pixels to the right of the one before. */
typedef struct lk_tiles {
    size_t count, panels;
    ptrdiff_t y, x, step, height, width;
    ptrdiff_t row, pixel, advance, panel;
    size_t plane, tile, tile_panel;
} lk_tiles;

/* Pixels whose channels stand side by side, without padding. What there is one of for each channel
   is kept in whole vectors, those below too. */
typedef struct lk_pixels {
    size_t count, channels;
} lk_pixels;

/* By channel, y = (x - mean) factor + shift; on the way back (where shift is not needed),
   dx = factor (dy - back - (x - mean) norm). */
typedef struct lk_norm {
    const lk_real *mean, *factor, *shift, *back, *norm;
} lk_norm;

/* Adam's constants for one step, bias corrections included. */
typedef struct lk_adam {
    lk_real rate;   /* learning rate / (1 - b1^t) */
    lk_real second; /* 1 / (1 - b2^t) */
    lk_real beta1, beta2, epsilon;
    lk_real keep; /* share of a parameter that weight decay leaves */
} lk_adam;

typedef struct lk_kernels {
    lk_simd simd;

    void (*gemm)(const lk_gemm *g);
    void (*whole_products)(const lk_whole *w);

    /* Blocks of 16 x 16 values, one behind the other, to their transposes, `jump` values apart. */
    void (*transpose)(const lk_real *blocks, size_t count, lk_real *to, size_t jump);

    /* sums[16 panels] of (q[k] - v[k])^2 over k < d, for vectors in panels [panels][d][16]. */
    void (*squared_distances)(const lk_real *q, size_t d, const lk_real *v, size_t panels,
                              lk_real *sums);

    /* sums[16] of q[k] v[k] over k < d, k in ascending order, for a panel of vectors [d][16]. */
    void (*dot_products)(const lk_real *q, size_t d, const lk_real *v, lk_real *sums);

    /* The first panel of values[panels][16], from this one on, with a value over the limit; or
       `panels`. */
    size_t (*panel_over)(const lk_real *values, size_t first, size_t panels, lk_real limit);

    /* y = f(y) in place, and dy *= f'(x) told from y = f(x); n a multiple of 16. */
    void (*activate)(lk_activation f, lk_real *y, size_t n);
    void (*activate_gradient)(lk_activation f, const lk_real *y, lk_real *dy, size_t n);

    /* sums[16 panels] of the columns of a[rows][stride], in row order. */
    void (*column_sums)(const lk_real *a, size_t rows, size_t stride, size_t panels, lk_real *sums);

    /* little = the largest value of each window (NaN if it has one), places = which of its pixels
       holds it, the first of several. */
    void (*pool_max)(const lk_windows *w, const lk_real *large, lk_real *little, lk_real *places);
    /* Each window of the large image: the little value at its place, zeros elsewhere. */
    void (*pool_put)(const lk_windows *w, const lk_real *places, const lk_real *little,
                     lk_real *large);
    /* The other way: little = the values at the places. */
    void (*pool_take)(const lk_windows *w, const lk_real *places, const lk_real *large,
                      lk_real *little);
    /* little = factor x the sum of each window, pixels in order; and large = factor x the little
       value, all over its window. */
    void (*pool_sum)(const lk_windows *w, lk_real factor, const lk_real *large, lk_real *little);
    void (*pool_fill)(const lk_windows *w, lk_real factor, const lk_real *little, lk_real *large);

    /* Tiles of an image to their numbers, and back, there with bias[16 panels] unless it is NULL.
     */
    void (*winograd_take)(lk_winograd kind, const lk_tiles *t, const lk_real *image,
                          lk_real *numbers);
    void (*winograd_put)(lk_winograd kind, const lk_tiles *t, const lk_real *numbers,
                         const lk_real *bias, lk_real *image);

    /* By channel, pixels in order: the sums of x - about and of its square. */
    void (*moments)(const lk_pixels *p, const lk_real *x, const lk_real *about, lk_real *sums,
                    lk_real *squares);
    /* See lk_norm; y may be x, and dx may be dy. */
    void (*normalise)(const lk_pixels *p, const lk_norm *n, const lk_real *x, lk_real *y);
    /* dy *= the slope of what follows y: 1 where y is over 0, else `below`; and, by channel, pixels
       in order, the sums of this dy and of dy (x - mean). */
    void (*moments_back)(const lk_pixels *p, const lk_norm *n, lk_real below, const lk_real *x,
                         lk_real *dy, lk_real *sums, lk_real *products);
    void (*normalise_back)(const lk_pixels *p, const lk_norm *n, const lk_real *x,
                           const lk_real *dy, lk_real *dx);

    /* y = x / (1 - share), but 0 for a share of the values that the key chooses: their 24-bit
       random numbers are below it. y may be x; n a multiple of 16. */
    void (*dropout)(uint64_t key, lk_real share, const lk_real *x, lk_real *y, size_t n);

    /* The sum of all n values: sixteen interleaved sums, then the tree. */
    lk_real (*sum)(const lk_real *a, size_t n);
    /* The sum over n of (a - b)^2. */
    lk_real (*squared_error)(const lk_real *a, const lk_real *b, size_t n);

    /* One row's summed loss, and its gradient times `scale`; n need not be a multiple of 16 but
       rows are padded, and gradient padding is set to 0.
       squared: (y - x)^2, with respect to y. logistic: the binary cross-entropy of sigmoid(logits),
       max(l, 0) - l x + log(1 + exp(-|l|)), with respect to the logits. */
    lk_real (*squared_loss)(const lk_real *x, const lk_real *y, size_t n, lk_real scale,
                            lk_real *gradient);
    lk_real (*logistic_loss)(const lk_real *x, const lk_real *logits, size_t n, lk_real scale,
                             lk_real *gradient);

    /* p[n] = the softmax of n logits, and the logarithm of their summed exponentials; p holds whole
       vectors, the padding is of no meaning. */
    lk_real (*softmax)(const lk_real *logits, size_t n, lk_real *p);
    /* y = e^y in place; n a multiple of 16. */
    void (*exponential)(lk_real *y, size_t n);

    /* One step on n parameters (a multiple of 16); m, v are its moments. */
    void (*adam)(const lk_adam *step, const lk_real *gradient, lk_real *parameters, lk_real *m,
                 lk_real *v, size_t n);

    /* x[i] = pixels[i] / 255 */
    void (*from_pixels)(const uint8_t *pixels, size_t n, lk_real *x);
} lk_kernels;

/* The table of a variant; NULL where it is not built in or this CPU cannot run it. */
const lk_kernels *lk_kernels_get(lk_simd simd);

/* The number of the calling OpenMP thread, 0 where there are none. */
int lk_thread_number(void);

#endif

/* Windows of 3 x 3 pixels, one pixel apart, by 16 products for 2 x 2 of them in place of 36.

   Winograd's minimal filtering F(2x2, 3x3) after A. Lavin and S. Gray, "Fast Algorithms for
   Convolutional Neural Networks" (2016): a tile of 4 x 4 pixels of the large image becomes 4 x 4
   numbers, as do the weights; what these give, multiplied number by number and summed over the
   channels, becomes 2 x 2 pixels of the small image. The 16 numbers of many tiles are 16 matrices,
   [tiles][channels], so that the sums are products of matrices. The gradient of the weights goes
   the same way back. All factors are 1, -1 and 1/2, so little is lost to rounding. */
#ifndef LK_WINOGRAD_H
#define LK_WINOGRAD_H

#include "kernels.h"

/* small[i][j] belongs to the window of the large image whose first pixel is [i - before][j -
   before]; pixels outside are zero. `room` is of lk_tiling_room values. */
typedef struct lk_tiling {
    const lk_kernels *kernels;
    lk_shape large, small;
    size_t before;
    lk_real *room;
} lk_tiling;

/* Where the weight of pixel [u][v] of the window, channel c of one image and 16 q + l of the other
   is: u row + v pixel + c 16 + q panel + l. */
typedef struct lk_taps {
    ptrdiff_t row, pixel, panel;
} lk_taps;

/* Whether it is of use: whole panels of channels, and more than a few pixels. */
bool lk_tiling_suits(lk_shape large, lk_shape small);

size_t lk_tiling_room(lk_shape large, lk_shape small);

/* Puts the weights, with panels of the small image's channels, into the room; lk_tiling_apply then
   makes small images from large ones. */
void lk_tiling_prepare(const lk_tiling *t, const lk_real *weights, lk_taps taps);
void lk_tiling_apply(const lk_tiling *t, const lk_real *large, const lk_real *bias, lk_real *small);

/* gradient = the sum over `rows` images of large values times small values, for all places in the
   window; in `panels` panels of the small image's channels from the first that `small` points at,
   or, if `turned`, in all panels of the large image's. */
void lk_tiling_gradient(const lk_tiling *t, const lk_real *large, size_t large_stride,
                        const lk_real *small, size_t small_stride, size_t rows, size_t panels,
                        bool turned, lk_taps taps, lk_real *gradient);

#endif

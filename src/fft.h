/* Fourier transforms of eight series side by side, in doubles. */
#ifndef LK_FFT_H
#define LK_FFT_H

#include "base.h"

enum { LK_FFT_LANES = 8 };

/* What a transform of one size needs to know: twiddle[2 size], cosines and sines of whole parts of
   a turn, owned by whoever holds it. */
typedef struct lk_fft {
    size_t size; /* a power of two, or three times one */
    const double *twiddle;
} lk_fft;
bool lk_fft_can(size_t size);
/* Fills twiddle[2 size]. */
lk_fft lk_fft_make(size_t size, double *twiddle);

/* re and im are [size][8], transformed in place. Forwards leaves frequencies in an order of its
   own, which backwards takes: what multiplies in between must stand in that order too. Backwards
   after forwards is the series times the size. Decimation in frequency there, in time back
   (W. M. Gentleman and G. Sande 1966; J. W. Cooley and J. W. Tukey 1965). */
void lk_fft_forward(const lk_fft *fft, double *re, double *im);
void lk_fft_backward(const lk_fft *fft, double *re, double *im);

#endif

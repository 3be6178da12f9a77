#include "fft.h"

enum { L = LK_FFT_LANES };

bool lk_fft_can(size_t size) {
    if (size % 3 == 0) size /= 3;
    return size > 0 && (size & (size - 1)) == 0;
}

lk_fft lk_fft_make(size_t size, double *twiddle) {
    for (size_t i = 0; i < size; i++) { /* exp(-2 pi i part) */
        const double part = (double)i / (double)size;
        lk_turn(part > 0.5 ? 360 * (1 - part) : 360 * part, &twiddle[2 * i], &twiddle[2 * i + 1]);
        if (part <= 0.5) twiddle[2 * i + 1] = -twiddle[2 * i + 1];
    }
    return (lk_fft){size, twiddle};
}

/* The numbers of a butterfly are `apart` rows from each other. Lanes are told not to overlap, so
   that they become vectors. */
typedef double *restrict lanes;

/* (a, b) = (a + b, a - b): the last stage of sizes with an odd number of twos, first on the way
   back. */
static inline void two(double *re, double *im) {
    lanes ar = re, ai = im, br = re + L, bi = im + L;
    for (int l = 0; l < L; l++) {
        const double r = ar[l] - br[l], i = ai[l] - bi[l];
        ar[l] += br[l];
        ai[l] += bi[l];
        br[l] = r;
        bi[l] = i;
    }
}

/* Two stages of two at once: u = a - c, v = b - d and w the twiddle of the first number,
   (a, b, c, d) = (a + c + (b + d), (a + c - (b + d)) w^2, (u - i v) w, (u + i v) w^3). */
static inline void split_four(double *re, double *im, size_t apart, const double *w1,
                              const double *w2, const double *w3) {
    lanes ar = re, br = re + apart * L, cr = re + 2 * apart * L, dr = re + 3 * apart * L;
    lanes ai = im, bi = im + apart * L, ci = im + 2 * apart * L, di = im + 3 * apart * L;
    for (int l = 0; l < L; l++) {
        const double ur = ar[l] - cr[l], ui = ai[l] - ci[l];
        const double vr = br[l] - dr[l], vi = bi[l] - di[l];
        const double sr = ar[l] + cr[l], si = ai[l] + ci[l];
        const double tr = br[l] + dr[l], ti = bi[l] + di[l];
        ar[l] = sr + tr;
        ai[l] = si + ti;
        br[l] = (sr - tr) * w2[0] - (si - ti) * w2[1];
        bi[l] = (sr - tr) * w2[1] + (si - ti) * w2[0];
        cr[l] = (ur + vi) * w1[0] - (ui - vr) * w1[1];
        ci[l] = (ur + vi) * w1[1] + (ui - vr) * w1[0];
        dr[l] = (ur - vi) * w3[0] - (ui + vr) * w3[1];
        di[l] = (ur - vi) * w3[1] + (ui + vr) * w3[0];
    }
}

/* The same backwards, times four. */
static inline void join_four(double *re, double *im, size_t apart, const double *w1,
                             const double *w2, const double *w3) {
    lanes ar = re, br = re + apart * L, cr = re + 2 * apart * L, dr = re + 3 * apart * L;
    lanes ai = im, bi = im + apart * L, ci = im + 2 * apart * L, di = im + 3 * apart * L;
    for (int l = 0; l < L; l++) {
        const double pr = br[l] * w2[0] + bi[l] * w2[1], pi = bi[l] * w2[0] - br[l] * w2[1];
        const double qr = cr[l] * w1[0] + ci[l] * w1[1], qi = ci[l] * w1[0] - cr[l] * w1[1];
        const double rr = dr[l] * w3[0] + di[l] * w3[1], ri = di[l] * w3[0] - dr[l] * w3[1];
        const double sr = ar[l] + pr, si = ai[l] + pi, tr = ar[l] - pr, ti = ai[l] - pi;
        ar[l] = sr + (qr + rr);
        ai[l] = si + (qi + ri);
        cr[l] = sr - (qr + rr);
        ci[l] = si - (qi + ri);
        br[l] = tr - (qi - ri);
        bi[l] = ti + (qr - rr);
        dr[l] = tr + (qi - ri);
        di[l] = ti - (qr - rr);
    }
}

/* sqrt(3) / 2 */
static const double HALF_ROOT = 0.8660254037844386;

/* Each third gets one residue of the frequencies. */
static inline void split_three(double *re, double *im, size_t apart, const double *w1,
                               const double *w2) {
    lanes ar = re, br = re + apart * L, cr = re + 2 * apart * L;
    lanes ai = im, bi = im + apart * L, ci = im + 2 * apart * L;
    for (int l = 0; l < L; l++) {
        const double sr = br[l] + cr[l], si = bi[l] + ci[l];
        const double tr = HALF_ROOT * (bi[l] - ci[l]), ti = HALF_ROOT * (cr[l] - br[l]);
        const double mr = ar[l] - sr / 2, mi = ai[l] - si / 2;
        ar[l] += sr;
        ai[l] += si;
        br[l] = (mr + tr) * w1[0] - (mi + ti) * w1[1];
        bi[l] = (mr + tr) * w1[1] + (mi + ti) * w1[0];
        cr[l] = (mr - tr) * w2[0] - (mi - ti) * w2[1];
        ci[l] = (mr - tr) * w2[1] + (mi - ti) * w2[0];
    }
}

static inline void join_three(double *re, double *im, size_t apart, const double *w1,
                              const double *w2) {
    lanes ar = re, br = re + apart * L, cr = re + 2 * apart * L;
    lanes ai = im, bi = im + apart * L, ci = im + 2 * apart * L;
    for (int l = 0; l < L; l++) {
        const double pr = br[l] * w1[0] + bi[l] * w1[1], pi = bi[l] * w1[0] - br[l] * w1[1];
        const double qr = cr[l] * w2[0] + ci[l] * w2[1], qi = ci[l] * w2[0] - cr[l] * w2[1];
        const double tr = HALF_ROOT * (qi - pi), ti = HALF_ROOT * (pr - qr);
        const double mr = ar[l] - (pr + qr) / 2, mi = ai[l] - (pi + qi) / 2;
        ar[l] += pr + qr;
        ai[l] += pi + qi;
        br[l] = mr + tr;
        bi[l] = mi + ti;
        cr[l] = mr - tr;
        ci[l] = mi - ti;
    }
}

void lk_fft_forward(const lk_fft *fft, double *re, double *im) {
    const size_t size = fft->size, third = size / 3;
    const double *w = fft->twiddle;
    size_t run = size;
    if (size % 3 == 0) {
        for (size_t j = 0; j < third; j++)
            split_three(re + j * L, im + j * L, third, w + 2 * j, w + 4 * j);
        run = third;
    }
    for (; run >= 4; run /= 4) {
        const size_t apart = run / 4, turn = 2 * (size / run);
        for (size_t at = 0; at < size; at += run)
            for (size_t j = 0; j < apart; j++)
                split_four(re + (at + j) * L, im + (at + j) * L, apart, w + j * turn,
                           w + 2 * j * turn, w + 3 * j * turn);
    }
    for (size_t at = 0; run == 2 && at < size; at += 2) two(re + at * L, im + at * L);
}

void lk_fft_backward(const lk_fft *fft, double *re, double *im) {
    const size_t size = fft->size, third = size / 3, twos = size % 3 == 0 ? third : size;
    const double *w = fft->twiddle;
    size_t run = 1;
    while (run * run < twos) run *= 2; /* 4^k >= twos when run = 2^k */
    run = run * run == twos ? 4 : 8;
    if (run == 8)
        for (size_t at = 0; at < size; at += 2) two(re + at * L, im + at * L);
    for (; run <= twos; run *= 4) {
        const size_t apart = run / 4, turn = 2 * (size / run);
        for (size_t at = 0; at < size; at += run)
            for (size_t j = 0; j < apart; j++)
                join_four(re + (at + j) * L, im + (at + j) * L, apart, w + j * turn,
                          w + 2 * j * turn, w + 3 * j * turn);
    }
    for (size_t j = 0; size % 3 == 0 && j < third; j++)
        join_three(re + j * L, im + j * L, third, w + 2 * j, w + 4 * j);
}

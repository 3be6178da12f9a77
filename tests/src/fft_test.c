#include "fft.h"

#include <math.h>
#include <stdlib.h>

#include "rng.h"
#include "test.h"

enum { L = LK_FFT_LANES, MOST = 768 };
static double twiddle[2 * MOST], re[MOST * L], im[MOST * L], first_re[MOST * L], first_im[MOST * L];

static void fill(size_t size, uint64_t seed) {
    const lk_rng rng = lk_rng_make(seed, 78, 0);
    for (size_t i = 0; i < size * L; i++) {
        first_re[i] = re[i] = lk_rng_normal(rng, 2 * i);
        first_im[i] = im[i] = lk_rng_normal(rng, 2 * i + 1);
    }
}

/* The frequencies come in an order of their own: the same numbers as the sums of the definition,
   and where each stands is told by the transform of a single wave. */
static void test_definition(size_t size) {
    const double turn = 2 * acos(-1) / (double)size;
    const lk_fft fft = lk_fft_make(size, twiddle);
    size_t place[MOST];
    for (size_t f = 0; f < size; f++) { /* eight waves at a time would do; one is plain */
        for (size_t i = 0; i < size; i++)
            for (size_t l = 0; l < L; l++) {
                re[i * L + l] = cos(turn * (double)(f * i % size));
                im[i * L + l] = sin(turn * (double)(f * i % size));
            }
        lk_fft_forward(&fft, re, im);
        size_t found = 0;
        for (size_t i = 0; i < size; i++) {
            const bool here = fabs(re[i * L] - (double)size) < 1e-9 * (double)size;
            if (here) place[f] = i, found++;
            CHECK(here || hypot(re[i * L], im[i * L]) < 1e-9 * (double)size, "%zu: wave %zu at %zu",
                  size, f, i);
        }
        CHECK(found == 1, "%zu: wave %zu is found %zu times", size, f, found);
    }
    fill(size, size);
    lk_fft_forward(&fft, re, im);
    double worst = 0;
    for (size_t f = 0; f < size; f++)
        for (size_t l = 0; l < L; l += 7) {
            double sum_re = 0, sum_im = 0;
            for (size_t i = 0; i < size; i++) {
                const double c = cos(turn * (double)(f * i % size));
                const double s = -sin(turn * (double)(f * i % size));
                sum_re += first_re[i * L + l] * c - first_im[i * L + l] * s;
                sum_im += first_re[i * L + l] * s + first_im[i * L + l] * c;
            }
            const size_t at = place[f] * L + l;
            worst = fmax(worst, hypot(sum_re - re[at], sum_im - im[at]));
        }
    CHECK(worst < 1e-10, "%zu: off by %g", size, worst);
}

static void test_there_and_back(size_t size) {
    const lk_fft fft = lk_fft_make(size, twiddle);
    fill(size, size + 1);
    lk_fft_forward(&fft, re, im);
    lk_fft_backward(&fft, re, im);
    double worst = 0;
    for (size_t i = 0; i < size * L; i++) {
        worst = fmax(worst, fabs(re[i] / (double)size - first_re[i]));
        worst = fmax(worst, fabs(im[i] / (double)size - first_im[i]));
    }
    CHECK(worst < 1e-13, "%zu: off by %g", size, worst);
}

int main(void) {
    static const size_t SIZES[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 96, 128, 192};
    for (size_t i = 0; i < LK_COUNTOF(SIZES); i++) {
        CHECK(lk_fft_can(SIZES[i]), "%zu", SIZES[i]);
        test_definition(SIZES[i]);
        test_there_and_back(SIZES[i]);
    }
    test_there_and_back(512);
    test_there_and_back(768);
    static const size_t OTHERS[] = {0, 5, 9, 10, 15, 18, 100};
    for (size_t i = 0; i < LK_COUNTOF(OTHERS); i++) CHECK(!lk_fft_can(OTHERS[i]), "%zu", OTHERS[i]);
    return TEST_RESULT();
}

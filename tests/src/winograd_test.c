/* Convolutions by tiles against the plain sums in doubles, and against the scalar variant bit by
   bit: images of even and odd sides, of one row of tiles and of many, windows that stay inside and
   that reach out by one or two pixels. */
#include "winograd.h"

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "test.h"

enum { IMAGES = 2 };

typedef struct shapes {
    uint32_t in, out, height, width; /* channels; the small image's sides */
    size_t before;
} shapes;

static const shapes ALL[] = {{16, 16, 4, 4, 1},  {16, 32, 5, 7, 1},   {32, 16, 6, 9, 0},
                             {16, 16, 7, 3, 2},  {48, 16, 1, 17, 1},  {16, 48, 16, 1, 2},
                             {16, 16, 25, 2, 0}, {32, 32, 14, 14, 1}, {16, 16, 3, 130, 1}};

/* Images, weights [3][3][in][out] and what comes of them. */
typedef struct problem {
    lk_shape large, small;
    size_t before, large_size, small_size, weights_size;
    float *large_images, *small_images, *weights, *bias;
} problem;

static float *normals(size_t n, uint64_t seed) {
    float *p = malloc(n * sizeof *p);
    if (!p) abort();
    fill_normal(p, n, seed);
    return p;
}

static problem make(shapes s) {
    const uint32_t more = s.before == 0 ? 2 : s.before == 1 ? 0 : 1; /* not the same at both ends */
    problem p = {.large = {s.in, s.height + more, s.width + more},
                 .small = {s.out, s.height, s.width},
                 .before = s.before};
    p.large_size = lk_shape_size(p.large);
    p.small_size = lk_shape_size(p.small);
    p.weights_size = 9 * (size_t)s.in * s.out;
    p.large_images = normals(IMAGES * p.large_size, 1);
    p.small_images = normals(IMAGES * p.small_size, 2);
    p.weights = normals(p.weights_size, 3);
    p.bias = normals(s.out, 4);
    return p;
}

static void unmake(problem *p) {
    free(p->large_images), free(p->small_images), free(p->weights), free(p->bias);
}

/* The value of image `image` under pixel [u][v] of the window of small[y][x]; 0 outside. */
static double under(const problem *p, size_t image, size_t y, size_t x, size_t u, size_t v,
                    size_t channel) {
    const size_t row = y + u, column = x + v;
    if (row < p->before || row - p->before >= p->large.height || column < p->before ||
        column - p->before >= p->large.width)
        return 0;
    const size_t pixel = (row - p->before) * p->large.width + column - p->before;
    return (double)p->large_images[image * p->large_size + pixel * p->large.channels + channel];
}

/* [u][v][a channel of one image][those of the other], these in panels of sixteen. */
static lk_taps taps_of(size_t rows, size_t columns) {
    const ptrdiff_t pixel = (ptrdiff_t)(rows * columns);
    return (lk_taps){3 * pixel, pixel, (ptrdiff_t)rows * LK_LANES};
}
static size_t weight_at(size_t tap, size_t rows, size_t columns, size_t row, size_t column) {
    return tap * rows * columns + column / 16 * rows * 16 + row * 16 + column % 16;
}

static lk_tiling tiling(const problem *p, lk_simd simd, lk_real *room) {
    return (lk_tiling){lk_kernels_get(simd), p->large, p->small, p->before, room};
}

static void check_apply(const problem *p, lk_simd simd, lk_real *room, float *got) {
    const size_t in = p->large.channels, out = p->small.channels;
    const lk_tiling t = tiling(p, simd, room);
    lk_tiling_prepare(&t, p->weights, taps_of(in, out));
    lk_tiling_apply(&t, p->large_images, p->bias, got);
    for (size_t i = 0; i < p->small_size; i++) {
        const size_t y = i / out / p->small.width, x = i / out % p->small.width, o = i % out;
        double sum = (double)p->bias[o], size = 1;
        for (size_t tap = 0; tap < 9; tap++)
            for (size_t c = 0; c < in; c++) {
                const double term = under(p, 0, y, x, tap / 3, tap % 3, c) *
                                    (double)p->weights[weight_at(tap, in, out, c, o)];
                sum += term;
                size += fabs(term);
            }
        CHECK(fabs((double)got[i] - sum) <= 1e-6 * size, "%s: value %zu is %g, not %g",
              lk_simd_name(simd), i, (double)got[i], sum);
    }
}

static void check_gradient(const problem *p, lk_simd simd, bool turned, lk_real *room, float *got) {
    const size_t in = p->large.channels, out = p->small.channels;
    const size_t rows = turned ? out : in, columns = turned ? in : out;
    const lk_tiling t = tiling(p, simd, room);
    lk_tiling_gradient(&t, p->large_images, p->large_size, p->small_images, p->small_size, IMAGES,
                       columns / LK_LANES, turned, taps_of(rows, columns), got);
    for (size_t i = 0; i < p->weights_size; i++) {
        const size_t tap = i / (in * out), c = i / out % in, o = i % out;
        double sum = 0, size = 1;
        for (size_t image = 0; image < IMAGES; image++)
            for (size_t k = 0; k < p->small_size / out; k++) {
                const double term =
                    under(p, image, k / p->small.width, k % p->small.width, tap / 3, tap % 3, c) *
                    (double)p->small_images[image * p->small_size + k * out + o];
                sum += term;
                size += fabs(term);
            }
        const float value = got[weight_at(tap, rows, columns, turned ? o : c, turned ? c : o)];
        CHECK(fabs((double)value - sum) <= 1e-6 * size, "%s: gradient %zu is %g, not %g",
              lk_simd_name(simd), i, (double)value, sum);
    }
}

/* The results of both, twice: the scalar variant's first. */
static void check_shapes(shapes s) {
    problem p = make(s);
    const size_t n = p.small_size + 2 * p.weights_size;
    float *room = malloc(lk_tiling_room(p.large, p.small) * sizeof *room);
    float *wanted = malloc(n * sizeof *wanted), *got = malloc(n * sizeof *got);
    if (!room || !wanted || !got) abort();
    EACH_SIMD(simd) {
        float *to = simd == LK_SIMD_SCALAR ? wanted : got;
        check_apply(&p, simd, room, to);
        check_gradient(&p, simd, false, room, to + p.small_size);
        check_gradient(&p, simd, true, room, to + p.small_size + p.weights_size);
        CHECK(memcmp(to, wanted, n * sizeof *to) == 0, "%s: other bits than scalar",
              lk_simd_name(simd));
    }
    free(room), free(wanted), free(got);
    unmake(&p);
}

/* Some panels of the gradient alone are those of the whole. */
static void test_panels(void) {
    problem p = make((shapes){16, 48, 6, 5, 1});
    float *room = malloc(lk_tiling_room(p.large, p.small) * sizeof *room);
    float *whole = malloc(p.weights_size * sizeof *whole);
    float *some = malloc(p.weights_size * sizeof *some);
    if (!room || !whole || !some) abort();
    const lk_tiling t = tiling(&p, LK_SIMD_BEST, room);
    lk_taps taps = {3 * 16 * 16, 16 * 16, 9 * 16 * 16}; /* panel after panel */
    lk_tiling_gradient(&t, p.large_images, p.large_size, p.small_images, p.small_size, IMAGES, 3,
                       false, taps, whole);
    lk_tiling_gradient(&t, p.large_images, p.large_size, p.small_images + 16, p.small_size, IMAGES,
                       2, false, taps, some);
    CHECK(memcmp(some, whole + 9 * 16 * 16, 2 * 9 * 16 * 16 * sizeof *some) == 0, "panels");
    free(room), free(whole), free(some);
    unmake(&p);
}

static void test_suits(void) {
    CHECK(lk_tiling_suits((lk_shape){16, 4, 4}, (lk_shape){32, 4, 4}), "whole panels");
    CHECK(!lk_tiling_suits((lk_shape){15, 4, 4}, (lk_shape){32, 4, 4}), "15 channels");
    CHECK(!lk_tiling_suits((lk_shape){16, 4, 4}, (lk_shape){33, 4, 4}), "33 channels");
    CHECK(!lk_tiling_suits((lk_shape){16, 3, 3}, (lk_shape){16, 3, 3}), "few pixels");
}

int main(void) {
    for (size_t i = 0; i < LK_COUNTOF(ALL); i++) check_shapes(ALL[i]);
    test_panels();
    test_suits();
    return TEST_RESULT();
}

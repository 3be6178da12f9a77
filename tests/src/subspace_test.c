#include "subspace.h"

#include <math.h>
#include <stdlib.h>

#include "eigen.h"
#include "rng.h"
#include "test.h"

typedef struct dense {
    size_t n;
    const double *a;
} dense;

static void apply(const void *context, const double *x, size_t count, double *y) {
    const dense *d = context;
    for (size_t v = 0; v < count; v++)
        for (size_t i = 0; i < d->n; i++) {
            double sum = 0;
            for (size_t j = 0; j < d->n; j++) sum += d->a[i * d->n + j] * x[v * d->n + j];
            y[v * d->n + i] = sum;
        }
}

enum { LARGEST = 150 };
static double matrix[LARGEST * LARGEST], all[LARGEST * LARGEST], all_values[LARGEST];
static double found[LARGEST * LARGEST], found_values[LARGEST], room[3 * LARGEST];

/* Q diag(values) Q^T, Q a product of a few reflections. */
static void make(size_t n, double (*value)(size_t i, size_t n)) {
    memset(matrix, 0, sizeof matrix);
    for (size_t i = 0; i < n; i++) matrix[i * n + i] = value(i, n);
    for (int r = 0; r < 3; r++) {
        double v[LARGEST], length = 0;
        for (size_t i = 0; i < n; i++) {
            v[i] = lk_rng_normal(lk_rng_make(n, 1, (uint64_t)r), i);
            length += v[i] * v[i];
        }
        for (int side = 0; side < 2; side++)
            for (size_t i = 0; i < n; i++) {
                double along = 0;
                const size_t step = side ? n : 1, row = side ? 1 : n;
                for (size_t k = 0; k < n; k++) along += v[k] * matrix[i * row + k * step];
                for (size_t k = 0; k < n; k++)
                    matrix[i * row + k * step] -= 2 * along / length * v[k];
            }
    }
}

static double falling(size_t i, size_t n) {
    (void)n;
    return 1000 * pow(0.5, (double)i);
}
static double close_together(size_t i, size_t n) {
    return 1 - 0.01 * (double)i / (double)n - (i > 20 ? 0.2 : 0);
}
static double twins(size_t i, size_t n) { /* five times the same, as of a graph in five pieces */
    (void)n;
    return i < 5 ? 1 : 0.9 - 0.01 * (double)i;
}
static double low_rank(size_t i, size_t n) {
    (void)n;
    return i < 3 ? (double)(3 - i) : 0;
}
static double nothing(size_t i, size_t n) {
    (void)i, (void)n;
    return 0;
}

/* Values as the full solver has them; vectors that are eigenvectors, orthogonal, of length 1. */
static void check(const char *what, size_t n, size_t count, double least) {
    const dense d = {n, matrix};
    const lk_symmetric a = {n, least, apply, &d};
    lk_error error = {LK_OK, 0, ""};
    memcpy(all, matrix, n * n * sizeof *all);
    CHECK(lk_eigen_symmetric(all, n, all_values, room), "%s", what);
    CHECK(lk_subspace_leading(&a, count, 1e-10, 1, 1, found_values, found, &error) == LK_OK,
          "%s, %zu of %zu: %s", what, count, n, error.message);
    const double scale = fabs(all_values[0]) + 1e-12;
    for (size_t v = 0; v < count; v++) {
        const double *x = found + v * n;
        CHECK(fabs(found_values[v] - all_values[v]) < 1e-9 * scale, "%s: value %zu is %g, not %g",
              what, v, found_values[v], all_values[v]);
        double worst = 0;
        for (size_t i = 0; i < n; i++) {
            double sum = -found_values[v] * x[i];
            for (size_t j = 0; j < n; j++) sum += matrix[i * n + j] * x[j];
            worst = LK_MAX(worst, fabs(sum));
        }
        CHECK(worst < 1e-9 * scale, "%s: residual %g of vector %zu", what, worst, v);
        for (size_t u = 0; u <= v; u++) {
            double dot = 0;
            for (size_t i = 0; i < n; i++) dot += x[i] * found[u * n + i];
            CHECK(fabs(dot - (u == v)) < 1e-10, "%s: %zu . %zu = %g", what, u, v, dot);
        }
    }
}

static void test_same_bits(void) {
    static double again[LARGEST * LARGEST], again_values[LARGEST];
    const dense d = {LARGEST, matrix};
    const lk_symmetric a = {LARGEST, 0, apply, &d};
    make(LARGEST, falling);
    lk_subspace_leading(&a, 9, 1e-10, 1, 1, found_values, found, NULL);
    for (int threads = 2; threads < 5; threads++) {
        memset(again, 0, sizeof again);
        lk_subspace_leading(&a, 9, 1e-10, 1, threads, again_values, again, NULL);
        CHECK(memcmp(again, found, 9 * LARGEST * sizeof *found) == 0, "%d threads", threads);
        CHECK(memcmp(again_values, found_values, 9 * sizeof *found_values) == 0, "%d", threads);
    }
}

int main(void) {
    static const struct {
        const char *what;
        double (*value)(size_t i, size_t n);
    } KINDS[] = {{"falling", falling},
                 {"close together", close_together},
                 {"twins", twins},
                 {"low rank", low_rank},
                 {"nothing", nothing}};
    static const size_t SIZES[][2] = {{1, 1}, {7, 7}, {40, 6}, {LARGEST, 12}};
    for (size_t k = 0; k < LK_COUNTOF(KINDS); k++)
        for (size_t s = 0; s < LK_COUNTOF(SIZES); s++) {
            make(SIZES[s][0], KINDS[k].value);
            check(KINDS[k].what, SIZES[s][0], SIZES[s][1], -1);
        }
    test_same_bits();
    return TEST_RESULT();
}

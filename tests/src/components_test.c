#include <math.h>
#include <stdlib.h>

#include "base.h"
#include "fixture.h"
#include "rng.h"
#include "test.h"

/* Images that are a few patterns, each less than the one before, and noise: components that power
   iteration finds fast. */
enum { PATTERNS = 4 };
static void make(lk_shape shape, size_t n, uint8_t *pixels, lk_real *values) {
    const size_t size = lk_shape_size(shape);
    for (size_t i = 0; i < n; i++)
        for (size_t p = 0; p < size; p++) {
            double v = 0.5 + 0.01 * lk_rng_normal(lk_rng_make(2, 1, i), p);
            for (size_t k = 0; k < PATTERNS; k++)
                v += 0.12 * pow(0.5, (double)k) * lk_rng_normal(lk_rng_make(3, 1, k), i) *
                     lk_rng_normal(lk_rng_make(4, 1, k), p) / 1.5;
            v = LK_MAX(0.0, LK_MIN(1.0, v));
            pixels[i * size + p] = (uint8_t)(v * 255 + 0.5);
            values[i * size + p] = (lk_real)(pixels[i * size + p] / 255.0);
        }
}

/* v <- sum of (x - mean) ((x - mean) . v) / n, without any matrix, each component taken out before
   the next. */
static void power_iteration(const lk_real *x, size_t n, size_t size, double *mean, double *vectors,
                            double *variances, double *total) {
    double *w = malloc(size * sizeof *w);
    memset(mean, 0, size * sizeof *mean);
    *total = 0;
    for (size_t i = 0; i < n * size; i++) mean[i % size] += (double)x[i] / (double)n;
    for (size_t i = 0; i < n * size; i++)
        *total += pow((double)x[i] - mean[i % size], 2) / (double)n;
    for (size_t k = 0; k < PATTERNS; k++) {
        double *v = vectors + k * size;
        for (size_t p = 0; p < size; p++) v[p] = lk_rng_normal(lk_rng_make(9, 1, k), p);
        for (int round = 0; round < 40; round++) {
            for (size_t u = 0; u < k; u++) {
                double along = 0;
                for (size_t p = 0; p < size; p++) along += v[p] * vectors[u * size + p];
                for (size_t p = 0; p < size; p++) v[p] -= along * vectors[u * size + p];
            }
            double length = 0;
            memset(w, 0, size * sizeof *w);
            for (size_t i = 0; i < n; i++) {
                double along = 0;
                for (size_t p = 0; p < size; p++)
                    along += v[p] * ((double)x[i * size + p] - mean[p]);
                for (size_t p = 0; p < size; p++)
                    w[p] += along * ((double)x[i * size + p] - mean[p]) / (double)n;
            }
            for (size_t p = 0; p < size; p++) length += w[p] * w[p];
            variances[k] = sqrt(length);
            for (size_t p = 0; p < size; p++) v[p] = w[p] / variances[k];
        }
    }
    free(w);
}

static void compare(const char *what, const lk_components *c, const double *mean,
                    const double *vectors, const double *variances, double total) {
    CHECK(fabs(c->total - total) < 1e-6 * total, "%s: variance %g, not %g", what, c->total, total);
    for (size_t k = 0; k < PATTERNS; k++) {
        double dot = 0, largest = 0;
        for (size_t p = 0; p < c->size; p++) {
            const double v = c->vectors[k * c->size + p];
            dot += v * vectors[k * c->size + p];
            if (fabs(v) > fabs(largest)) largest = v;
        }
        CHECK(fabs(fabs(dot) - 1) < 1e-6, "%s: component %zu, cosine %.9g", what, k, dot);
        CHECK(largest > 0, "%s: component %zu points the other way", what, k);
        CHECK(fabs(c->variances[k] - variances[k]) < 1e-6 * total, "%s: variance %zu: %g, not %g",
              what, k, c->variances[k], variances[k]);
    }
    for (size_t p = 0; p < c->size; p++)
        CHECK(fabs(c->mean[p] - mean[p]) < 1e-6, "%s: mean %zu", what, p);
}

/* By values, by images, and where both are many: the three ways to the same components; of pixels
   and of values that are the same. */
static void test_all_ways(void) {
    static const struct {
        const char *what;
        lk_shape shape;
        size_t n;
    } CASES[] = {{"more images", {1, 6, 7}, 200},
                 {"fewer images", {3, 6, 7}, 40},
                 {"many values", {3, 20, 19}, 60},
                 {"many of both", {1, 34, 30}, 1030}};
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const lk_shape shape = CASES[i].shape;
        const size_t size = lk_shape_size(shape), n = CASES[i].n;
        uint8_t *pixels = malloc(n * size);
        lk_real *values = malloc(n * size * sizeof *values);
        double *mean = malloc(size * sizeof *mean), variances[PATTERNS], total;
        double *vectors = malloc(PATTERNS * size * sizeof *vectors);
        make(shape, n, pixels, values);
        power_iteration(values, n, size, mean, vectors, variances, &total);
        for (int way = 0; way < 2; way++) {
            const lk_dataset data = {.shape = shape,
                                     .count = n,
                                     .pixels = way ? NULL : pixels,
                                     .values = way ? values : NULL};
            lk_error error = {LK_OK, 0, ""};
            lk_components c, again;
            CHECK(lk_components_find(&data, PATTERNS, 1, &c, &error) == LK_OK, "%s: %s",
                  CASES[i].what, error.message);
            compare(CASES[i].what, &c, mean, vectors, variances, total);
            CHECK(lk_components_find(&data, PATTERNS, 3, &again, &error) == LK_OK, "%s",
                  error.message);
            CHECK(memcmp(c.vectors, again.vectors, PATTERNS * size * sizeof *c.vectors) == 0 &&
                      memcmp(c.variances, again.variances, PATTERNS * sizeof(double)) == 0,
                  "%s: threads change the bits", CASES[i].what);
            lk_components_free(&c);
            lk_components_free(&again);
        }
        free(pixels), free(values), free(mean), free(vectors);
    }
}

/* What the components leave of an image is its distance to their plane: by hand, in three values.
 */
static void test_coding(void) {
    static const lk_real values[] = {1, 5, 2, 3, 5, 2, 1, 5, 4, 3, 5, 4, 2, 5, 9, 2, 5, -3};
    const lk_dataset data = {.shape = {1, 1, 3}, .count = 6, .values = (lk_real *)values};
    lk_components c;
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_components_find(&data, 2, 1, &c, &error) == LK_OK, "%s", error.message);
    /* The third value varies by (1+1+1+1+36+36)/6, the first by 4/6, the second not at all. */
    CHECK(fabs(c.variances[0] - 76 / 6.) < 1e-12 && fabs(c.variances[1] - 4 / 6.) < 1e-12, "%g %g",
          c.variances[0], c.variances[1]);
    CHECK(fabs(c.total - 80 / 6.) < 1e-12, "%g", c.total);
    const lk_real x[] = {3, 7, 8};
    lk_real z[2], x_hat[3];
    lk_components_encode(&c, x, z);
    CHECK(fabs(z[0] - 5) < 1e-6 && fabs(z[1] - 1) < 1e-6, "%g %g", (double)z[0], (double)z[1]);
    lk_components_decode(&c, z, 2, x_hat);
    CHECK(fabs(x_hat[0] - 3) < 1e-6 && fabs(x_hat[1] - 5) < 1e-6 && fabs(x_hat[2] - 8) < 1e-6,
          "%g %g %g", (double)x_hat[0], (double)x_hat[1], (double)x_hat[2]);
    lk_components_decode(&c, z, 1, x_hat);
    CHECK(fabs(x_hat[0] - 2) < 1e-6, "the second component was not left out");
    lk_components_free(&c);
}

/* Three images have no more than two components; one has none. */
static void test_few(void) {
    enum { SIZE = 3 * 20 * 20 };
    static uint8_t pixels[3 * SIZE];
    for (size_t i = 0; i < 3 * SIZE; i++) pixels[i] = (uint8_t)lk_rng_u64(lk_rng_make(1, 1, 1), i);
    for (size_t n = 1; n <= 3; n += 2) {
        const lk_dataset data = {.shape = {3, 20, 20}, .count = n, .pixels = pixels};
        lk_components c;
        CHECK(lk_components_find(&data, 5, 1, &c, NULL) == LK_OK, "%zu images", n);
        for (size_t v = n - 1; v < 5; v++) {
            CHECK(c.variances[v] == 0, "%zu images: variance %zu", n, v);
            for (size_t i = 0; i < SIZE; i++) CHECK(c.vectors[v * SIZE + i] == 0, "vector %zu", v);
        }
        lk_components_free(&c);
    }
}

static void test_refusals(void) {
    static uint8_t pixels[8];
    lk_dataset data = {.shape = {1, 2, 2}, .count = 2, .pixels = pixels};
    lk_components c;
    CHECK(lk_components_find(&data, 5, 1, &c, NULL) == LK_USAGE, "more components than values");
    CHECK(lk_components_find(&data, 0, 1, &c, NULL) == LK_USAGE, "none");
    CHECK(lk_components_find(&data, 1, 0, &c, NULL) == LK_USAGE, "no threads");
    data.count = 0;
    CHECK(lk_components_find(&data, 1, 1, &c, NULL) == LK_DATA, "no images");
}

int main(void) {
    test_all_ways();
    test_coding();
    test_few();
    test_refusals();
    return TEST_RESULT();
}

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "test.h"

static double truth(const lk_real *a, const lk_real *b, size_t d, lk_metric metric) {
    double dot = 0, aa = 0, bb = 0, squares = 0;
    for (size_t k = 0; k < d; k++) {
        const double u = (double)a[k], v = (double)b[k];
        dot += u * v, aa += u * u, bb += v * v, squares += (u - v) * (u - v);
    }
    if (metric == LK_METRIC_L2) return sqrt(squares);
    return aa > 0 && bb > 0 ? 1 - dot / sqrt(aa * bb) : 1;
}

/* Searches with all kernels; every list must hold the k nearest by doubles. */
static void check(const lk_real *vectors, size_t n, size_t d, const lk_real *query, size_t k,
                  lk_metric metric, const char *what) {
    lk_error error = {LK_OK, 0, ""};
    lk_index *index = lk_index_create(vectors, n, d, metric, &error);
    CHECK(index && lk_index_count(index) == n, "%s: %s", what, error.message);
    if (!index) return;
    double *distances = malloc(n * sizeof *distances), scale = 0;
    for (size_t i = 0; i < n; i++) {
        distances[i] = truth(query, vectors + i * d, d, metric);
        scale = LK_MAX(scale, distances[i]);
    }
    const double tolerance = metric == LK_METRIC_L2 ? 1e-6 * scale + 1e-7 : 2e-6;
    lk_neighbour scalar[LK_MAX_NEIGHBOURS], found[LK_MAX_NEIGHBOURS];
    const size_t wanted = LK_MIN(LK_MIN(k, n), (size_t)LK_MAX_NEIGHBOURS);
    EACH_SIMD(simd) {
        memset(found, 0xee, sizeof found);
        const size_t count = lk_index_search(index, query, 1, k, 1, simd, found);
        CHECK(count == wanted, "%s, %s: %zu of %zu", what, lk_simd_name(simd), count, wanted);
        if (simd == LK_SIMD_SCALAR) memcpy(scalar, found, sizeof found);
        CHECK(memcmp(scalar, found, count * sizeof *found) == 0, "%s: %s differs", what,
              lk_simd_name(simd));
    }
    /* Nearest first, none twice, each at its distance, and nobody nearer was left out. */
    bool *taken = calloc(n, sizeof *taken);
    for (size_t i = 0; i < wanted; i++) {
        const lk_neighbour f = found[i];
        CHECK(f.index < n && !taken[f.index], "%s: index %u at %zu", what, f.index, i);
        if (f.index >= n) continue;
        taken[f.index] = true;
        CHECK(fabs((double)f.distance - distances[f.index]) <= tolerance, "%s: %.9g, not %.9g",
              what, (double)f.distance, distances[f.index]);
        CHECK(i == 0 || found[i - 1].distance <= f.distance, "%s: not ascending at %zu", what, i);
    }
    for (size_t i = 0; i < n && wanted; i++)
        CHECK(taken[i] || distances[i] >= (double)found[wanted - 1].distance - tolerance,
              "%s: %zu at %.9g was left out", what, i, distances[i]);
    free(taken), free(distances);
    lk_index_free(index);
}

static void test_brute_force(void) {
    static const size_t COUNTS[] = {1, 2, 15, 16, 17, 255, 256, 257, 1000};
    static const size_t SIZES[] = {1, 2, 7, 16, 33, 64};
    static const size_t KS[] = {1, 2, 8, 128, 1000};
    for (size_t c = 0; c < LK_COUNTOF(COUNTS); c++)
        for (size_t s = 0; s < LK_COUNTOF(SIZES); s++)
            for (int metric = LK_METRIC_L2; metric <= LK_METRIC_COSINE; metric++) {
                const size_t n = COUNTS[c], d = SIZES[s];
                lk_real *vectors = malloc(n * d * sizeof *vectors), query[64];
                fill_normal(vectors, n * d, n + d);
                fill_normal(query, d, 3);
                char what[60];
                snprintf(what, sizeof what, "%zu x %zu, metric %d", n, d, metric);
                for (size_t k = 0; k < LK_COUNTOF(KS); k++)
                    check(vectors, n, d, query, KS[k], (lk_metric)metric, what);
                check(vectors, n, d, vectors + (n - 1) * d, 3, (lk_metric)metric, what);
                memset(query, 0, sizeof query);
                check(vectors, n, d, query, 5, (lk_metric)metric, "zero query");
                if (n > 3) memset(vectors + d, 0, d * sizeof *vectors);
                fill_normal(query, d, 4);
                check(vectors, n, d, query, 128, (lk_metric)metric, "zero vector");
                free(vectors);
            }
}

/* Equal vectors come in the order of their indices, wherever they stand. */
static void test_ties(void) {
    enum { N = 600, D = 3 };
    static lk_real vectors[N * D];
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < D; k++) vectors[i * D + k] = (lk_real)(i % 7 + (k == 1));
    const lk_real query[D] = {2, 3, 2};
    for (int metric = LK_METRIC_L2; metric <= LK_METRIC_COSINE; metric++) EACH_SIMD(simd) {
            lk_index *index = lk_index_create(vectors, N, D, (lk_metric)metric, NULL);
            lk_neighbour found[LK_MAX_NEIGHBOURS];
            CHECK(lk_index_search(index, query, 1, 100, 1, simd, found) == 100, "100");
            for (size_t i = 0; i < 80; i++)
                CHECK(found[i].index == 2 + 7 * i, "%s: %u at %zu", lk_simd_name(simd),
                      found[i].index, i);
            CHECK(found[0].distance == found[79].distance, "distances differ");
            for (size_t i = 1; i < 100; i++)
                CHECK(found[i - 1].distance < found[i].distance ||
                          found[i - 1].index < found[i].index,
                      "%s: order at %zu", lk_simd_name(simd), i);
            lk_index_free(index);
        }
}

static void test_by_hand(void) {
    static const lk_real VECTORS[] = {3, 4, 0, 0, -6, -8, 1, 0};
    const lk_real query[] = {30, 40};
    lk_neighbour f[4];
    lk_index *index = lk_index_create(VECTORS, 4, 2, LK_METRIC_COSINE, NULL);
    CHECK(lk_index_search(index, query, 1, 4, 1, LK_SIMD_BEST, f) == 4, "4");
    CHECK(f[0].index == 0 && fabs((double)f[0].distance) < 1e-6, "%g", (double)f[0].distance);
    CHECK(f[1].index == 3 && fabs((double)f[1].distance - 0.4) < 1e-6, "%g", (double)f[1].distance);
    CHECK(f[2].index == 1 && f[2].distance == 1, "%g", (double)f[2].distance);
    CHECK(f[3].index == 2 && fabs((double)f[3].distance - 2) < 1e-6, "%g", (double)f[3].distance);
    lk_index_free(index);
    index = lk_index_create(VECTORS, 4, 2, LK_METRIC_L2, NULL);
    CHECK(lk_index_search(index, query, 1, 2, 1, LK_SIMD_BEST, f) == 2, "2");
    CHECK(f[0].index == 0 && f[0].distance == 45, "%g", (double)f[0].distance);
    CHECK(f[1].index == 3 && f[1].distance == (float)sqrt(29 * 29 + 1600), "%g",
          (double)f[1].distance);
    CHECK(lk_index_search(index, query, 1, 0, 1, LK_SIMD_BEST, f) == 0, "k = 0");
    CHECK(lk_index_search(index, query, 1, 2, 1, LK_SIMD_WASM, f) == 0,
          "kernels that are not here");
    lk_index_free(index);
}

/* The nearest by the float sums that a search promises: squared differences, or products with
   vectors of length 1, in the order of the dimensions. */
static void scan(const lk_real *vectors, size_t n, size_t d, const lk_real *query, size_t k,
                 lk_metric metric, lk_neighbour *out) {
    double length = 0;
    for (size_t j = 0; j < d; j++) length += (double)query[j] * (double)query[j];
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        const lk_real *v = vectors + i * d;
        double squares = 0;
        for (size_t j = 0; j < d; j++) squares += (double)v[j] * (double)v[j];
        const double scale = squares > 0 ? 1 / sqrt(squares) : 0;
        float key = 0;
        for (size_t j = 0; j < d; j++) {
            const lk_real off = query[j] - v[j];
            key += metric == LK_METRIC_L2 ? off * off : -query[j] * (lk_real)((double)v[j] * scale);
        }
        size_t at = found < k ? found++ : k;
        for (; at > 0 && key < out[at - 1].distance; at--)
            if (at < k) out[at] = out[at - 1];
        if (at < k) out[at] = (lk_neighbour){(uint32_t)i, key};
    }
    for (size_t i = 0; i < found; i++) {
        const double key = (double)out[i].distance;
        const double cosine = length > 0 ? 1 + key / sqrt(length) : 1;
        out[i].distance = (float)(metric == LK_METRIC_L2 ? sqrt(key) : LK_MAX(cosine, 0.0));
    }
}

/* Many queries at once find what each would alone, to the last bit: also where all vectors lie far
   from the origin and close together, and where squares are next to nothing or past all bounds. */
static void test_to_the_bit(void) {
    enum { N = 3000, D = 24, Q = 70, K = 12 };
    static lk_real vectors[N * D], queries[Q * D];
    static lk_neighbour found[Q * K], truly[K];
    static const struct {
        double scale, shift;
    } CASES[] = {{1, 0}, {1e-3, 100}, {1, 1e5}, {1e-22, 0}, {3e18, 0}, {1e30, 0}};
    for (size_t c = 0; c < LK_COUNTOF(CASES); c++) {
        fill_normal(vectors, N * D, 5);
        fill_normal(queries, Q * D, 6);
        for (size_t i = 0; i < N * D; i++)
            vectors[i] = (lk_real)((double)vectors[i] * CASES[c].scale + CASES[c].shift);
        for (size_t i = 0; i < Q * D; i++)
            queries[i] = (lk_real)((double)queries[i] * CASES[c].scale + CASES[c].shift);
        memcpy(vectors + (N - 1) * D, queries, D * sizeof *queries); /* the last is the nearest */
        for (int metric = LK_METRIC_L2; metric <= LK_METRIC_COSINE; metric++) EACH_SIMD(simd) {
                lk_index *index = lk_index_create(vectors, N, D, (lk_metric)metric, NULL);
                memset(found, 0xee, sizeof found);
                CHECK(lk_index_search(index, queries, Q, K, 2, simd, found) == K, "K");
                for (size_t q = 0; q < Q; q++) {
                    scan(vectors, N, D, queries + q * D, K, (lk_metric)metric, truly);
                    CHECK(memcmp(truly, found + q * K, sizeof truly) == 0,
                          "case %zu, metric %d, %s, query %zu: %u at %.9g, not %u at %.9g", c,
                          metric, lk_simd_name(simd), q, found[q * K].index,
                          (double)found[q * K].distance, truly[0].index, (double)truly[0].distance);
                }
                lk_index_free(index);
            }
    }
}

/* Whatever comes last is the nearest so far, so that more are in question than may wait; and there
   are more values than are rounded to whole numbers. */
static void test_approach(void) {
    static const size_t SIZES[] = {3, 1024, 1025};
    for (size_t s = 0; s < LK_COUNTOF(SIZES); s++) {
        const size_t n = 900, d = SIZES[s];
        lk_real *vectors = malloc(n * d * sizeof *vectors), *query = malloc(d * sizeof *query);
        fill_normal(vectors, n * d, 8);
        fill_normal(query, d, 9);
        for (size_t i = 0; i < n * d; i++)
            vectors[i] = query[i % d] + vectors[i] * (lk_real)(n - i / d) / (lk_real)n;
        for (int metric = LK_METRIC_L2; metric <= LK_METRIC_COSINE; metric++)
            for (size_t k = 1; k <= LK_MAX_NEIGHBOURS; k *= 128)
                check(vectors, n, d, query, k, (lk_metric)metric, "approach");
        free(vectors), free(query);
    }
}

/* Two vectors that are as long as whole numbers can tell. All roundings take from the product of
   the query with the nearer, which comes last, and add to that with the other. Their
   opposites keep the centre at 0. */
static void test_worst_rounding(void) {
    enum { MOST = 1024, LENGTH = 32750 };
    static lk_real query[MOST], vectors[4 * MOST];
    for (size_t h = 4; h <= MOST / 2 - 1; h = h * 3 / 2) {
        const size_t d = 2 * h + 2;
        lk_real *far = vectors, *near = vectors + 3 * d;
        const double q = floor(LENGTH / sqrt(2.0 * (double)h)) - 1;
        const double v = floor(LENGTH / sqrt((double)h)) - 1;
        double squares[3] = {0};
        memset(query, 0, sizeof query);
        memset(vectors, 0, sizeof vectors);
        for (size_t k = 0; k < h; k++) {
            query[k] = (lk_real)(q + 0.49);
            query[h + k] = (lk_real)(q + 0.51);
            near[k] = (lk_real)(v + 0.49);
            far[h + k] = (lk_real)(v + 0.51);
        }
        far[h] -= (lk_real)(3 + floor(0.06 * (double)h));
        for (size_t k = 0; k < 2 * h; k++) {
            squares[0] += (double)query[k] * (double)query[k];
            squares[1] += (double)near[k] * (double)near[k];
            squares[2] += (double)far[k] * (double)far[k];
        }
        query[2 * h] = (lk_real)sqrt((double)LENGTH * LENGTH - squares[0]);
        near[2 * h + 1] = (lk_real)sqrt((double)LENGTH * LENGTH - squares[1]);
        far[2 * h + 1] = (lk_real)sqrt((double)LENGTH * LENGTH - squares[2]);
        for (size_t k = 0; k < d; k++) {
            vectors[d + k] = -far[k];
            vectors[2 * d + k] = -near[k];
        }
        lk_index *index = lk_index_create(vectors, 4, d, LK_METRIC_COSINE, NULL);
        lk_neighbour found;
        lk_index_search(index, query, 1, 1, 1, LK_SIMD_BEST, &found);
        CHECK(found.index == 3, "in %zu dimensions %u is found", d, found.index);
        lk_index_free(index);
    }
}

/* Lengths about the largest whose squares are floats; values over many magnitudes, each of which
   counts; vectors that differ in their last digits: all of them rounded, and too many to be so. */
static void test_magnitudes(void) {
    enum { N = 200, MOST = 1025, Q = 4, K = LK_MAX_NEIGHBOURS, KINDS = 3 };
    static const size_t SIZES[] = {31, MOST};
    static lk_real vectors[N * MOST], queries[Q * MOST], some[N * MOST];
    static lk_neighbour found[Q * K], truly[K];
    for (size_t round = 0; round < LK_COUNTOF(SIZES) * KINDS; round++) {
        const size_t d = SIZES[round % 2], kind = round / 2;
        const double scale = kind == 0 ? 1.8e19 / sqrt((double)d) : pow(10, 4 * (double)round - 15);
        fill_normal(vectors, N * d, 20 + round);
        fill_normal(some, N * d, 50 + round);
        fill_normal(queries, Q * d, 80 + round);
        for (size_t i = 0; i < N * d; i++) {
            const double value = (double)vectors[i], other = (double)some[kind ? i : i / d];
            vectors[i] = (lk_real)(scale * (kind == 0   ? value * exp(other / 5)
                                            : kind == 1 ? value * pow(10, -3 * fabs(other))
                                                        : 1 + 1e-6 * value));
        }
        for (size_t i = 0; i < Q * d; i++)
            queries[i] = (lk_real)(scale * (kind == 0 ? 0.1 : queries[i] > 0 ? 1 : -1));
        for (int metric = LK_METRIC_L2; metric <= LK_METRIC_COSINE; metric++) {
            lk_index *index = lk_index_create(vectors, N, d, (lk_metric)metric, NULL);
            CHECK(lk_index_search(index, queries, Q, K, 1, LK_SIMD_BEST, found) == K, "K");
            for (size_t q = 0; q < Q; q++) {
                scan(vectors, N, d, queries + q * d, K, (lk_metric)metric, truly);
                CHECK(memcmp(truly, found + q * K, sizeof truly) == 0,
                      "kind %zu, %zu values, metric %d, query %zu", kind, d, metric, q);
            }
            lk_index_free(index);
        }
    }
}

/* What is no number cannot be searched, and searching for it does no harm. */
static void test_no_numbers(void) {
    static const lk_real BAD[] = {NAN, INFINITY};
    lk_real vectors[40], query[4];
    fill_normal(vectors, 40, 1);
    for (int metric = LK_METRIC_L2; metric <= LK_METRIC_COSINE; metric++)
        for (size_t b = 0; b < LK_COUNTOF(BAD); b++) {
            lk_error error = {LK_OK, 0, ""};
            lk_neighbour found[3];
            const lk_real good = vectors[13];
            vectors[13] = BAD[b];
            CHECK(!lk_index_create(vectors, 10, 4, (lk_metric)metric, &error) &&
                      error.status == LK_NONFINITE,
                  "%g is searched: %s", (double)BAD[b], error.message);
            vectors[13] = good;
            lk_index *index = lk_index_create(vectors, 10, 4, (lk_metric)metric, NULL);
            fill_normal(query, 4, 2);
            query[1] = BAD[b];
            EACH_SIMD(simd) {
                CHECK(lk_index_search(index, query, 1, 3, 1, simd, found) == 3, "3 of them");
                for (size_t i = 0; i < 3; i++)
                    CHECK(found[i].index < 10 && !(found[i].distance < 1), "%u at %g",
                          found[i].index, (double)found[i].distance);
            }
            lk_index_free(index);
        }
}

static void test_refusals(void) {
    const lk_real v[4] = {0};
    lk_error error = {LK_OK, 0, ""};
    CHECK(!lk_index_create(v, 0, 4, LK_METRIC_L2, &error) && error.status == LK_DATA, "no vectors");
    CHECK(!lk_index_create(v, 4, 0, LK_METRIC_L2, &error) && error.status == LK_DATA, "no values");
    CHECK(!lk_index_create(v, UINT32_MAX, SIZE_MAX / 64, LK_METRIC_L2, &error) &&
              error.status == LK_MEMORY,
          "%s", error.message);
    lk_index_free(NULL);
}

int main(void) {
    test_brute_force();
    test_ties();
    test_by_hand();
    test_to_the_bit();
    test_approach();
    test_worst_rounding();
    test_magnitudes();
    test_no_numbers();
    test_refusals();
    return TEST_RESULT();
}

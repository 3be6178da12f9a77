#include <math.h>

#include "fixture.h"
#include "rng.h"
#include "test.h"

/* Two rings, one through the other, in ten dimensions: k-means would cut both; their UMAP puts each
   together and them apart. */
enum { N = 400, D = 10 };
static lk_real vectors[N * D], out[N * 2], again[N * 2];

static double apart(size_t a, size_t b) {
    return hypot((double)out[2 * a] - (double)out[2 * b],
                 (double)out[2 * a + 1] - (double)out[2 * b + 1]);
}

/* How far apart vectors are from their nearest in the space that was laid out, over the distance of
   any two. */
static double test_rings(bool tight) {
    lk_error error = {LK_OK, 0, ""};
    make_rings(vectors, N, D, 0.02);
    CHECK(lk_umap(vectors, N, D, 10, 2, tight, 1, 1, LK_SIMD_SCALAR, out, &error) == LK_OK, "%s",
          error.message);
    /* Each vector's nearest in the layout is of its own ring. */
    size_t strangers = 0;
    for (size_t i = 0; i < N; i++) {
        size_t nearest = i ? 0 : 1;
        CHECK(isfinite(out[2 * i]) && isfinite(out[2 * i + 1]), "vector %zu", i);
        for (size_t j = 0; j < N; j++)
            if (j != i && apart(i, j) < apart(i, nearest)) nearest = j;
        strangers += nearest % 2 != i % 2;
    }
    CHECK(strangers <= N / 100, "%zu of %d are nearest to one of the other ring", strangers, N);
    /* What was near is near: neighbours by angle, of which there are many on a ring. */
    double near_by = 0, anywhere = 0;
    for (size_t i = 0; i < N; i++) {
        size_t nearest = i ? 0 : 1;
        double least = INFINITY;
        for (size_t j = 0; j < N; j++) {
            double sum = 0;
            for (size_t k = 0; k < D; k++)
                sum += pow((double)vectors[i * D + k] - (double)vectors[j * D + k], 2);
            if (j != i && sum < least) {
                least = sum;
                nearest = j;
            }
        }
        near_by += apart(i, nearest) / N;
        anywhere += apart(i, (i + N / 2) % N) / N;
    }
    CHECK(near_by < 0.1 * anywhere, "neighbours are %g apart, all others %g", near_by, anywhere);

    for (int threads = 1; threads <= 3; threads += 2) {
        lk_umap(vectors, N, D, 10, 2, tight, 1, threads, LK_SIMD_BEST, again, NULL);
        CHECK(memcmp(out, again, sizeof out) == 0, "%d threads", threads);
    }
    lk_umap(vectors, N, D, 10, 2, tight, 2, 1, LK_SIMD_BEST, again, NULL);
    CHECK(memcmp(out, again, sizeof out) != 0, "the seed changes nothing");
    return near_by / anywhere;
}

int main(void) {
    lk_error error = {LK_OK, 0, ""};
    const double loose = test_rings(false), tight = test_rings(true);
    CHECK(tight < 0.8 * loose, "neighbours are %g of the way apart, and loosely %g", tight, loose);

    /* Copies of one vector have no distances to tell by. */
    for (size_t i = 0; i < 50 * D; i++) vectors[i] = 1;
    for (int way = 0; way < 2; way++) {
        CHECK(lk_umap(vectors, 50, D, 5, 2, way, 1, 1, LK_SIMD_BEST, out, &error) == LK_OK, "%s",
              error.message);
        for (size_t i = 0; i < 100; i++) CHECK(isfinite(out[i]), "copy %zu", i);
    }
    CHECK(lk_umap(vectors, 5, D, 5, 2, false, 1, 1, LK_SIMD_BEST, out, NULL) == LK_DATA, "too few");
    CHECK(lk_umap(vectors, 50, D, 0, 2, false, 1, 1, LK_SIMD_BEST, out, NULL) == LK_USAGE, "none");
    CHECK(lk_umap(vectors, 50, D, 5, 2, false, 1, 0, LK_SIMD_BEST, out, NULL) == LK_USAGE,
          "no threads");
    return TEST_RESULT();
}

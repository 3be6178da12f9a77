#include "eigen.h"

#include <math.h>
#include <stdlib.h>

#include "fixture.h"
#include "test.h"

/* A v = lambda v, V V^T = 1, descending, the trace kept, the largest component positive: all
   relative to the largest value. */
static void check(const double *a, size_t n, const char *what) {
    double *v = malloc(n * n * sizeof *v), *values = malloc(n * sizeof *values);
    double *room = malloc(3 * n * sizeof *room), norm = 0, trace = 0, sum = 0;
    memcpy(v, a, n * n * sizeof *v);
    CHECK(lk_eigen_symmetric(v, n, values, room), "%s: does not converge", what);
    for (size_t i = 0; i < n * n; i++) norm = LK_MAX(norm, fabs(a[i]) * (double)n);
    const double tolerance = 1e-13 * norm;
    for (size_t i = 0; i < n; i++) {
        const double *row = v + i * n;
        size_t largest = 0;
        trace += a[i * n + i];
        sum += values[i];
        CHECK(i == 0 || values[i] <= values[i - 1], "%s: %g behind %g", what, values[i],
              values[i ? i - 1 : 0]);
        for (size_t j = 0; j < n; j++) {
            double product = 0;
            for (size_t k = 0; k < n; k++) product += a[j * n + k] * row[k];
            CHECK(fabs(product - values[i] * row[j]) <= tolerance, "%s: residual %g of pair %zu",
                  what, product - values[i] * row[j], i);
            if (fabs(row[j]) > fabs(row[largest])) largest = j;
        }
        CHECK(row[largest] > 0, "%s: vector %zu points the other way", what, i);
        for (size_t j = 0; j <= i; j++) {
            double dot = 0;
            for (size_t k = 0; k < n; k++) dot += row[k] * v[j * n + k];
            CHECK(fabs(dot - (i == j)) < 1e-12 * (double)(n + 1), "%s: %zu . %zu = %g", what, i, j,
                  dot);
        }
    }
    CHECK(fabs(sum - trace) <= tolerance * (double)n, "%s: trace %g, not %g", what, sum, trace);
    free(v), free(values), free(room);
}

static double *zeros(size_t n) {
    return calloc(n * n, sizeof(double));
}

static void test_random(void) {
    static const size_t SIZES[] = {1, 2, 3, 4, 5, 8, 17, 31, 64, 100, 150};
    for (size_t s = 0; s < LK_COUNTOF(SIZES); s++)
        for (int kind = 0; kind < 7; kind++) {
            const size_t n = SIZES[s];
            double *a = zeros(n);
            const lk_rng rng = lk_rng_make(s, 1, (uint64_t)kind);
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j <= i; j++) {
                    double v = lk_rng_normal(rng, i * n + j);
                    if (kind == 1) v *= 1e-100;
                    if (kind == 2) v *= 1e120;
                    if (kind == 3 && (i % 3 == 1 || j % 3 == 1)) v = 0; /* empty rows */
                    if (kind == 4 && i > j + 1) v = 0;                  /* tridiagonal already */
                    if (kind == 5) v *= pow(10, -(double)(i + j) / (double)n * 8); /* graded */
                    a[i * n + j] = a[j * n + i] = v;
                }
            /* Sums of squares that vanish beside the rest. */
            for (size_t i = 0; i < n * n && kind == 6; i++)
                if (i % (n + 1)) a[i] *= 1e-160;
            char what[40];
            snprintf(what, sizeof what, "n = %zu, kind %d", n, kind);
            check(a, n, what);
            free(a);
        }
}

/* Low rank, repeated values, nothing at all. */
static void test_special(void) {
    enum { N = 40 };
    double *a = zeros(N);
    check(a, N, "zero");
    for (size_t i = 0; i < N; i++) a[i * N + i] = 1;
    check(a, N, "identity");
    for (size_t i = 0; i < N * N; i++) a[i] = 1;
    check(a, N, "ones");
    for (size_t rank = 1; rank < 6; rank++) {
        memset(a, 0, N * N * sizeof *a);
        for (size_t r = 0; r < rank; r++)
            for (size_t i = 0; i < N; i++)
                for (size_t j = 0; j < N; j++) {
                    const lk_rng rng = lk_rng_make(r, 2, 2);
                    a[i * N + j] += lk_rng_normal(rng, i) * lk_rng_normal(rng, j);
                }
        check(a, N, "low rank");
    }
    free(a);
}

static void test_by_hand(void) {
    double room[9], values[3];
    double one[] = {-7};
    CHECK(lk_eigen_symmetric(one, 1, values, room) && values[0] == -7 && one[0] == 1, "1 x 1");
    double two[] = {2, 1, 1, 2};
    CHECK(lk_eigen_symmetric(two, 2, values, room), "2 x 2");
    CHECK(fabs(values[0] - 3) < 1e-15 && fabs(values[1] - 1) < 1e-15, "%g, %g", values[0],
          values[1]);
    CHECK(fabs(fabs(two[0]) - sqrt(0.5)) < 1e-15 && fabs(two[0] - two[1]) < 1e-15, "%g", two[0]);
    double three[] = {0, 0, 0, 0, -2, 0, 0, 0, 5};
    CHECK(lk_eigen_symmetric(three, 3, values, room), "3 x 3");
    CHECK(values[0] == 5 && values[1] == 0 && values[2] == -2, "%g, %g, %g", values[0], values[1],
          values[2]);
    CHECK(three[2] == 1 && three[3] == 1 && three[7] == 1, "vectors");
    /* 2 on the diagonal, -1 beside it: 2 - 2 cos(k pi / (n + 1)). */
    enum { N = 50 };
    static double a[N * N], many[N], space[3 * N];
    for (size_t i = 0; i < N; i++) {
        a[i * N + i] = 2;
        if (i) a[i * N + i - 1] = a[(i - 1) * N + i] = -1;
    }
    CHECK(lk_eigen_symmetric(a, N, many, space), "second differences");
    for (size_t k = 0; k < N; k++) {
        const double wanted = 2 - 2 * cos((double)(N - k) * acos(-1) / (N + 1));
        CHECK(fabs(many[k] - wanted) < 1e-13, "%.17g, not %.17g", many[k], wanted);
    }
}

int main(void) {
    test_random();
    test_special();
    test_by_hand();
    return TEST_RESULT();
}

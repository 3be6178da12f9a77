/* Against t-SNE by its definition: all pairs, in doubles, with libm. */
#include <math.h>
#include <stdlib.h>

#include "analyses.h"
#include "fixture.h"
#include "test.h"

enum { N = 240, D = 6, CLUSTERS = 4 };
static lk_real vectors[N * D];
static double p[N][N], y[N][2], moves[N][2], gains[N][2], rate;

/* Four clouds, one behind the other. */
static void make_clouds(lk_real *to, size_t n, uint64_t seed) {
    fill_normal(to, n * D, seed);
    for (size_t i = 0; i < n; i++) to[i * D + i % CLUSTERS] += 6;
}

static double square(size_t i, size_t j) {
    double d = 0;
    for (size_t k = 0; k < D; k++)
        d += pow((double)vectors[i * D + k] - (double)vectors[j * D + k], 2);
    return d;
}

/* p_j|i by halving, over the nearest 3 x perplexity, then symmetric. */
static void find_p(double perplexity) {
    memset(p, 0, sizeof p);
    for (size_t i = 0; i < N; i++) {
        double d[N], row[N], low = 0, high = INFINITY, beta = 1;
        for (size_t j = 0; j < N; j++) d[j] = square(i, j);
        for (size_t j = 0; j < N; j++) {
            size_t nearer = 0;
            for (size_t l = 0; l < N; l++) nearer += l != i && d[l] < d[j];
            row[j] = i == j || nearer >= (size_t)(3 * perplexity) ? INFINITY : d[j];
        }
        memcpy(d, row, sizeof d);
        for (int round = 0; round < 100; round++) {
            double sum = 0, entropy = 0;
            for (size_t j = 0; j < N; j++) sum += row[j] = exp(-beta * d[j]);
            for (size_t j = 0; j < N; j++) {
                row[j] /= sum;
                if (row[j] > 0) entropy -= row[j] * log(row[j]);
            }
            *(exp(entropy) > perplexity ? &low : &high) = beta;
            beta = isinf(high) ? 2 * beta : (low + high) / 2;
        }
        for (size_t j = 0; j < N; j++) {
            p[i][j] += row[j] / (2 * N);
            p[j][i] += row[j] / (2 * N);
        }
    }
}

static double kernel(size_t i, size_t j) {
    const double dx = y[i][0] - y[j][0], dy = y[i][1] - y[j][1];
    return i == j ? 0 : 1 / (1 + dx * dx + dy * dy);
}

static double kernel_sum(void) {
    double total = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) total += kernel(i, j);
    return total;
}

static void step(int number) {
    const double total = kernel_sum(), early = number < 250 ? 12 : 1;
    double mean[2] = {0, 0};
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < 2; c++) {
            double gradient = 0;
            for (size_t j = 0; j < N; j++) {
                const double k = kernel(i, j);
                gradient += (early * p[i][j] - k / total) * k * (y[i][c] - y[j][c]);
            }
            if (number == 250) gains[i][c] = 1;
            const bool same = (gradient > 0) == (moves[i][c] > 0);
            gains[i][c] = same ? fmax(0.8 * gains[i][c], 0.01) : gains[i][c] + 0.2;
            moves[i][c] = (number < 250 ? 0.5 : 0.8) * moves[i][c] - rate * gains[i][c] * gradient;
        }
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < 2; c++) mean[c] += (y[i][c] += moves[i][c]) / N;
    for (size_t i = 0; i < N; i++)
        for (size_t c = 0; c < 2; c++) y[i][c] -= mean[c];
}

static double divergence(void) {
    const double total = kernel_sum();
    double sum = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            if (p[i][j] > 1e-12) sum += p[i][j] * log(p[i][j] * total / kernel(i, j));
    return sum;
}

static lk_tsne *create(const lk_real *x, size_t n, double perplexity, int threads, lk_simd simd) {
    lk_error error = {LK_OK, 0, ""};
    const lk_tsne_options o = {perplexity, 3, threads, simd};
    lk_tsne *tsne = lk_tsne_create(x, n, D, &o, &error);
    CHECK(tsne, "%s", error.message);
    return tsne;
}

static void test_definition(void) {
    lk_real positions[2 * N];
    lk_tsne *tsne = create(vectors, N, 15, 1, LK_SIMD_BEST);
    find_p(15);
    rate = 200;
    lk_tsne_positions(tsne, positions);
    for (size_t i = 0; i < 2 * N; i++) {
        y[i / 2][i % 2] = (double)positions[i];
        gains[i / 2][i % 2] = 1;
    }
    for (int number = 0; number < LK_TSNE_STEPS; number++) {
        lk_tsne_step(tsne);
        step(number);
        if (number != 9) continue; /* small differences grow, as in weather */
        double wrong = 0, all = 0;
        lk_tsne_positions(tsne, positions);
        for (size_t i = 0; i < 2 * N; i++) {
            wrong += pow((double)positions[i] - y[i / 2][i % 2], 2);
            all += y[i / 2][i % 2] * y[i / 2][i % 2];
        }
        CHECK(sqrt(wrong / all) < 0.01, "ten steps: off by %g", sqrt(wrong / all));
    }
    CHECK(lk_tsne_steps(tsne) == LK_TSNE_STEPS, "%u", lk_tsne_steps(tsne));
    const double exact = divergence();
    lk_tsne_positions(tsne, positions);
    for (size_t i = 0; i < 2 * N; i++) y[i / 2][i % 2] = (double)positions[i];
    const double ours = divergence(), said = lk_tsne_divergence(tsne);
    CHECK(ours < 1.03 * exact, "divergence %g, by all pairs %g", ours, exact);
    CHECK(fabs(said / ours - 1) < 0.02, "says %g, is %g", said, ours);
    lk_tsne_free(tsne);
}

/* By pairs and on a grid: see repulsion.c. */
static void test_same_bits(size_t n, int steps) {
    lk_real *x = malloc(n * D * sizeof *x);
    lk_real *first = malloc(n * 2 * sizeof *first), *other = malloc(n * 2 * sizeof *other);
    make_clouds(x, n, 5);
    EACH_SIMD(simd) {
        const int threads = simd == LK_SIMD_V2 ? 3 : 1;
        lk_tsne *tsne = create(x, n, 15, threads, simd);
        for (int i = 0; i < steps; i++) lk_tsne_step(tsne);
        const bool reference = simd == LK_SIMD_SCALAR;
        lk_tsne_positions(tsne, reference ? first : other);
        CHECK(reference || memcmp(first, other, n * 2 * sizeof *first) == 0,
              "%zu by %s, %d threads", n, lk_simd_name(simd), threads);
        lk_tsne_free(tsne);
    }
    free(x), free(first), free(other);
}

/* Clouds stay together, new points go where they belong, and a known one to where it is. */
static void test_place(void) {
    enum { NEW = 80 };
    lk_real positions[2 * N], queries[NEW * D], placed[2 * NEW], again[2 * N];
    lk_tsne *tsne = create(vectors, N, 15, 2, LK_SIMD_BEST);
    while (lk_tsne_steps(tsne) < LK_TSNE_STEPS) lk_tsne_step(tsne);
    lk_tsne_positions(tsne, positions);
    lk_tsne_free(tsne);
    make_clouds(queries, NEW, 99);
    const lk_status status =
        lk_tsne_place(vectors, positions, N, D, queries, NEW, 2, LK_SIMD_BEST, placed, NULL);
    CHECK(status == LK_OK, "%d", status);
    lk_index *index = lk_index_create(positions, N, 2, LK_METRIC_L2, NULL);
    lk_neighbour near;
    size_t right = 0;
    for (size_t i = 0; i < NEW; i++) {
        lk_index_search(index, placed + 2 * i, 1, 1, 1, LK_SIMD_BEST, &near);
        right += near.index % CLUSTERS == i % CLUSTERS;
    }
    CHECK(right >= NEW - 2, "%zu of %d", right, NEW);
    lk_tsne_place(vectors, positions, N, D, vectors, N, 1, LK_SIMD_BEST, again, NULL);
    double off = 0, spread = 0;
    for (size_t i = 0; i < 2 * N; i++) {
        off += pow((double)again[i] - (double)positions[i], 2);
        spread += pow((double)positions[i], 2);
    }
    CHECK(sqrt(off / spread) < 0.1, "known points move by %g", sqrt(off / spread));
    lk_index_free(index);
}

static void test_odd_input(void) {
    static const lk_tsne_options GOOD = {5, 1, 1, LK_SIMD_BEST};
    lk_error error;
    lk_real same[16 * D] = {0}, positions[32];
    lk_tsne *tsne = create(same, 16, 42, 1, LK_SIMD_BEST);
    for (int i = 0; tsne && i < 400; i++) lk_tsne_step(tsne);
    if (tsne) lk_tsne_positions(tsne, positions);
    for (size_t i = 0; i < 32; i++) CHECK(isfinite(positions[i]), "equal vectors, %zu", i);
    CHECK(positions[0] != positions[2], "equal vectors stay together");
    lk_tsne_free(tsne);
    CHECK(!lk_tsne_create(vectors, 7, D, &GOOD, &error) && error.status == LK_DATA, "seven");
    static const double BAD[] = {1, 42.5, -3, NAN, INFINITY};
    for (size_t i = 0; i < LK_COUNTOF(BAD); i++) {
        const lk_tsne_options o = {BAD[i], 1, 1, LK_SIMD_BEST};
        CHECK(!lk_tsne_create(vectors, N, D, &o, &error) && error.status == LK_USAGE, "%g", BAD[i]);
    }
    same[7] = NAN;
    CHECK(!lk_tsne_create(same, 16, D, &GOOD, &error) && error.status == LK_NONFINITE, "NaN");
}

int main(void) {
    make_clouds(vectors, N, 4);
    test_definition();
    test_same_bits(N, 50);
    test_same_bits(2000, 10);
    test_place();
    test_odd_input();
    return TEST_RESULT();
}

/* The plane of PCA for vectors of any width, without their covariance: subspace iteration on a
   block of sixteen directions, each round with Rayleigh and Ritz's rotation (G. H. Golub and
   C. F. Van Loan, Matrix Computations, section 8.2). The fourteen that are not asked for make the
   two converge at the rate of the seventeenth eigenvalue. */
#include <math.h>

#include "arena.h"
#include "eigen.h"
#include "kernels.h"
#include "rng.h"

enum { B = LK_LANES, SHARDS = 8, ROWS = 256, MOST_ROUNDS = 100 };

struct lk_axes {
    size_t d;
    double share[2];
    lk_real *axes; /* [2][d] */
    double *mean;  /* [d] */
};

typedef struct solver {
    const lk_real *vectors;
    const lk_kernels *kernels;
    size_t n, d;
    int threads;
    const double *mean;
    double *v;        /* [d][16]: directions */
    double *w;        /* [d][16]: the covariance times these */
    lk_real *narrow;  /* [d][16]: v in singles */
    double *sums;     /* [SHARDS][d][16] */
    lk_real *partial; /* [SHARDS][d][16] */
    lk_real *along;   /* [SHARDS][ROWS][16]: rows along the directions */
} solver;

/* The rows of one shard, block by block: their places along the directions, and back. */
static void multiply_shard(const solver *s, size_t shard, const lk_real *bias) {
    const size_t d = s->d, each = (s->n + SHARDS - 1) / SHARDS;
    const size_t end = LK_MIN(s->n, (shard + 1) * each);
    double *sums = s->sums + shard * d * B;
    lk_real *partial = s->partial + shard * d * B, *along = s->along + shard * ROWS * B;
    for (size_t i = 0; i < d * B; i++) sums[i] = 0;
    for (size_t first = shard * each; first < end; first += ROWS) {
        const size_t rows = LK_MIN((size_t)ROWS, end - first);
        const lk_real *a = s->vectors + first * d;
        s->kernels->gemm(&(lk_gemm){.m = rows,
                                    .k = d,
                                    .panels = 1,
                                    .a = a,
                                    .a_row = d,
                                    .a_col = 1,
                                    .b = s->narrow,
                                    .b_row = B,
                                    .c = along,
                                    .c_row = B,
                                    .bias = bias});
        s->kernels->gemm(&(lk_gemm){.m = d,
                                    .k = rows,
                                    .panels = 1,
                                    .a = a,
                                    .a_row = 1,
                                    .a_col = d,
                                    .b = along,
                                    .b_row = B,
                                    .c = partial,
                                    .c_row = B});
        double block[B] = {0};
        for (size_t i = 0; i < rows; i++)
            for (size_t c = 0; c < B; c++) block[c] += (double)along[i * B + c];
        for (size_t k = 0; k < d; k++)
            for (size_t c = 0; c < B; c++)
                sums[k * B + c] += (double)partial[k * B + c] - s->mean[k] * block[c];
    }
}

/* w = the covariance times v. */
static void multiply(const solver *s) {
    lk_real bias[B];
    double shift[B] = {0};
    for (size_t k = 0; k < s->d; k++)
        for (size_t c = 0; c < B; c++) {
            s->narrow[k * B + c] = (lk_real)s->v[k * B + c];
            shift[c] -= s->mean[k] * s->v[k * B + c];
        }
    for (size_t c = 0; c < B; c++) bias[c] = (lk_real)shift[c];
#pragma omp parallel for schedule(dynamic) num_threads(s->threads) if (s->threads > 1)
    for (int shard = 0; shard < SHARDS; shard++) multiply_shard(s, (size_t)shard, bias);
    for (size_t i = 0; i < s->d * B; i++) {
        s->w[i] = 0;
        for (size_t shard = 0; shard < SHARDS; shard++) s->w[i] += s->sums[shard * s->d * B + i];
        s->w[i] /= (double)s->n;
    }
}

/* Makes the columns of v orthonormal, in order (Gram and Schmidt, each column twice); one that
   depends on those before it becomes 0. */
static void orthonormalise(double *v, size_t d) {
    for (size_t c = 0; c < B; c++) {
        double before = 0, after = 0;
        for (size_t k = 0; k < d; k++) before += v[k * B + c] * v[k * B + c];
        for (size_t e = 0; e < 2 * c; e++) {
            double dot = 0;
            for (size_t k = 0; k < d; k++) dot += v[k * B + c] * v[k * B + e % c];
            for (size_t k = 0; k < d; k++) v[k * B + c] -= dot * v[k * B + e % c];
        }
        for (size_t k = 0; k < d; k++) after += v[k * B + c] * v[k * B + c];
        const double scale = after > 1e-20 * before ? 1 / sqrt(after) : 0;
        for (size_t k = 0; k < d; k++) v[k * B + c] *= scale;
    }
}

/* a[d][16] times the transpose of turn[16][16]. */
static void rotate(double *a, size_t d, const double *turn) {
    for (size_t k = 0; k < d; k++) {
        double row[B];
        for (size_t c = 0; c < B; c++) {
            row[c] = 0;
            for (size_t e = 0; e < B; e++) row[c] += turn[c * B + e] * a[k * B + e];
        }
        for (size_t c = 0; c < B; c++) a[k * B + c] = row[c];
    }
}

/* One round: v turns to the best directions of its span, and is replaced by the covariance times
   these. Returns how far the two leading ones are from being eigenvectors, as a part of the largest
   eigenvalue. */
static double round_once(const solver *s, double *values) {
    double h[B * B], room[3 * B], wrong = 0;
    multiply(s);
    for (size_t a = 0; a < B; a++)
        for (size_t b = 0; b < B; b++) {
            h[a * B + b] = 0;
            for (size_t k = 0; k < s->d; k++)
                h[a * B + b] +=
                    (s->v[k * B + a] * s->w[k * B + b] + s->v[k * B + b] * s->w[k * B + a]) / 2;
        }
    if (!lk_eigen_symmetric(h, B, values, room)) return INFINITY;
    rotate(s->v, s->d, h);
    rotate(s->w, s->d, h);
    for (size_t k = 0; k < s->d; k++)
        for (size_t c = 0; c < 2; c++) {
            const double off = s->w[k * B + c] - values[c] * s->v[k * B + c];
            wrong += off * off;
        }
    return values[0] > 0 ? sqrt(wrong) / values[0] : 0;
}

static void iterate(const solver *s, double *values) {
    const lk_rng rng = lk_rng_make(0, LK_STREAM_MAP, 1);
    for (size_t i = 0; i < s->d * B; i++) s->v[i] = lk_rng_normal(rng, i);
    orthonormalise(s->v, s->d);
    for (int i = 0; i < MOST_ROUNDS; i++) {
        if (round_once(s, values) < 2e-6) break;
        for (size_t k = 0; k < s->d * B; k++) s->v[k] = s->w[k];
        orthonormalise(s->v, s->d);
    }
}

/* The two axes, each with its largest component positive, and their shares of the variance. */
static void finish(const solver *s, const double *values, lk_axes *axes) {
    double variance = 0;
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->d; k++) {
            const double off = (double)s->vectors[i * s->d + k] - s->mean[k];
            variance += off * off / (double)s->n;
        }
    for (size_t c = 0; c < 2; c++) {
        size_t largest = 0;
        for (size_t k = 1; k < s->d; k++)
            if (fabs(s->v[k * B + c]) > fabs(s->v[largest * B + c])) largest = k;
        const double sign = s->v[largest * B + c] < 0 ? -1 : 1;
        for (size_t k = 0; k < s->d; k++)
            axes->axes[c * s->d + k] = (lk_real)(sign * s->v[k * B + c]);
        axes->share[c] = variance > 0 ? LK_MAX(values[c], 0.0) / variance : 0;
    }
}

static void find_mean(const lk_real *vectors, size_t n, size_t d, double *mean) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < d; k++) mean[k] += (double)vectors[i * d + k];
    for (size_t k = 0; k < d; k++) mean[k] /= (double)n;
}

static bool solve(const lk_real *vectors, size_t n, int threads, lk_simd simd, lk_axes *axes) {
    const size_t d = axes->d;
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        solver s = {vectors, lk_kernels_get(simd), n, d, threads, axes->mean, 0, 0, 0, 0, 0, 0};
        size_t block = 0;
        if (!lk_mul_size(d, B * SHARDS, &block)) arena.overflow = true;
        s.v = lk_arena_take(&arena, d * B, sizeof *s.v);
        s.w = lk_arena_take(&arena, d * B, sizeof *s.w);
        s.narrow = lk_arena_take(&arena, d * B, sizeof *s.narrow);
        s.sums = lk_arena_take(&arena, block, sizeof *s.sums);
        s.partial = lk_arena_take(&arena, block, sizeof *s.partial);
        s.along = lk_arena_take(&arena, SHARDS * ROWS * B, sizeof *s.along);
        if (s.v) {
            double values[B];
            iterate(&s, values);
            finish(&s, values, axes);
            lk_free(arena.base);
            return true;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return false;
}

lk_axes *lk_axes_create(const lk_real *vectors, size_t n, size_t d, int threads, lk_simd simd,
                        lk_error *error) {
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        lk_axes *axes = lk_arena_take(&arena, 1, sizeof *axes), all = {.d = d};
        all.axes = lk_arena_take(&arena, 2 * d, sizeof *all.axes);
        all.mean = lk_arena_take(&arena, d, sizeof *all.mean);
        if (axes) {
            *axes = all;
            find_mean(vectors, n, d, axes->mean);
            if (solve(vectors, n, threads, simd, axes)) return axes;
            lk_free(axes);
            break;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    lk_fail(error, LK_MEMORY, "out of memory");
    return NULL;
}

void lk_axes_free(lk_axes *axes) {
    lk_free(axes);
}

double lk_axes_share(const lk_axes *axes, size_t which) {
    return axes->share[which];
}

void lk_axes_place(const lk_axes *axes, const lk_real *vectors, size_t n, lk_real *positions) {
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 2; c++) {
            double sum = 0;
            for (size_t k = 0; k < axes->d; k++)
                sum += ((double)vectors[i * axes->d + k] - axes->mean[k]) *
                       (double)axes->axes[c * axes->d + k];
            positions[2 * i + c] = (lk_real)sum;
        }
}

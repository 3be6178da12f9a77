/* A mixture of Gaussians by expectation and maximisation (A. P. Dempster, N. M. Laird and D. B.
   Rubin 1977), from the clusters of k-means on. */
#include <math.h>
#include <string.h>

#include "arena.h"
#include "kernels.h"
#include "mixture.h"

/* WIDENING of the mean variance is added to every variance: no Gaussian closes in on one vector. */
enum { SHARDS = 32, ITERATIONS = 200 };
static const double WIDENING = 1e-4, ENOUGH = 1e-5;

typedef struct fit {
    const lk_real *vectors;
    const lk_kernels *kernels;
    size_t n, d, clusters, stride;
    int threads;
    double widening;
    double *means;     /* [clusters][d] */
    double *whitening; /* [clusters][d][d]: of each, W with W C W^T = 1, lower triangle */
    double *offsets;   /* [clusters]: log share - log det C / 2 */
    lk_real *shares;   /* [n][stride]: how much of a vector is each cluster's */
    double *apart;     /* threads x [d + clusters] */
} fit;

/* What is added to variances. */
static double find_widening(const fit *f) {
    double total = 0;
    for (size_t k = 0; k < f->d; k++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < f->n; i++) sum += (double)f->vectors[i * f->d + k];
        for (size_t i = 0; i < f->n; i++) {
            const double v = (double)f->vectors[i * f->d + k] - sum / (double)f->n;
            squares += v * v;
        }
        total += squares / (double)f->n;
    }
    return LK_MAX(WIDENING * total / (double)f->d, 1e-12);
}

/* One Gaussian by its shares of the vectors. A cluster that has next to none keeps its place. */
static void maximise_one(const fit *f, size_t c, double *apart) {
    const size_t d = f->d;
    double *mean = f->means + c * d, *w = f->whitening + c * d * d, total = 0;
    for (size_t i = 0; i < f->n; i++) total += (double)f->shares[i * f->stride + c];
    if (total < 1e-3) {
        f->offsets[c] = -INFINITY;
        return;
    }
    memset(mean, 0, d * sizeof *mean);
    memset(w, 0, d * d * sizeof *w);
    for (size_t i = 0; i < f->n; i++) {
        const double share = (double)f->shares[i * f->stride + c] / total;
        for (size_t a = 0; share > 0 && a < d; a++)
            mean[a] += share * (double)f->vectors[i * d + a];
    }
    for (size_t i = 0; i < f->n; i++) {
        const double share = (double)f->shares[i * f->stride + c] / total;
        if (!(share > 0)) continue;
        for (size_t a = 0; a < d; a++) {
            apart[a] = (double)f->vectors[i * d + a] - mean[a];
            for (size_t b = 0; b <= a; b++) w[a * d + b] += share * apart[a] * apart[b];
        }
    }
    for (size_t a = 0; a < d; a++) w[a * d + a] += f->widening;
    f->offsets[c] = lk_log(total / (double)f->n) - lk_invert_factor(w, d) / 2;
}

static void maximise(const fit *f) {
    const int clusters = (int)f->clusters;
#pragma omp parallel for schedule(dynamic) num_threads(f->threads) if (f->threads > 1)
    for (int c = 0; c < clusters; c++)
        maximise_one(f, (size_t)c, f->apart + (size_t)lk_thread_number() * (f->d + f->clusters));
}

/* The log density of a vector under Gaussian c times its share, less d / 2 log(2 pi). */
static double log_density(const fit *f, const lk_real *x, size_t c, double *apart) {
    const size_t d = f->d;
    const double *w = f->whitening + c * d * d;
    double squares = 0;
    if (!isfinite(f->offsets[c])) return -INFINITY;
    for (size_t a = 0; a < d; a++) apart[a] = (double)x[a] - f->means[c * d + a];
    for (size_t a = 0; a < d; a++) {
        double sum = 0;
        for (size_t b = 0; b <= a; b++) sum += w[a * d + b] * apart[b];
        squares += sum * sum;
    }
    return f->offsets[c] - squares / 2;
}

/* A vector's shares; returns the logarithm of its density. */
static double share_out(const fit *f, size_t i, double *apart) {
    lk_real *shares = f->shares + i * f->stride;
    double *logs = apart + f->d, most = -INFINITY, sum = 0;
    for (size_t c = 0; c < f->clusters; c++) {
        logs[c] = log_density(f, f->vectors + i * f->d, c, apart);
        most = LK_MAX(most, logs[c]);
    }
    for (size_t c = 0; c < f->clusters; c++) shares[c] = (lk_real)LK_MAX(logs[c] - most, -80.0);
    f->kernels->exponential(shares, f->stride);
    for (size_t c = 0; c < f->clusters; c++) sum += (double)shares[c];
    for (size_t c = 0; c < f->stride; c++)
        shares[c] = c < f->clusters ? (lk_real)((double)shares[c] / sum) : 0;
    return most + lk_log(sum);
}

static double expect(const fit *f) {
    const int shards = SHARDS;
    double partial[SHARDS], total = 0;
#pragma omp parallel for schedule(dynamic) num_threads(f->threads) if (f->threads > 1)
    for (int h = 0; h < shards; h++) {
        const size_t end = f->n * (size_t)(h + 1) / SHARDS;
        partial[h] = 0;
        for (size_t i = f->n * (size_t)h / SHARDS; i < end; i++)
            partial[h] +=
                share_out(f, i, f->apart + (size_t)lk_thread_number() * (f->d + f->clusters));
    }
    for (int h = 0; h < shards; h++) total += partial[h];
    return total / (double)f->n - (double)f->d / 2 * 1.8378770664093453; /* log(2 pi) */
}

static double climb(fit *f, uint32_t *cluster) {
    double before = -INFINITY, now = 0;
    f->widening = find_widening(f);
    for (size_t i = 0; i < f->n; i++) f->shares[i * f->stride + cluster[i]] = 1;
    for (int round = 0; round < ITERATIONS; round++) {
        maximise(f);
        now = expect(f);
        if (now - before < ENOUGH) break;
        before = now;
    }
    for (size_t i = 0; i < f->n; i++) {
        const lk_real *shares = f->shares + i * f->stride;
        for (uint32_t c = cluster[i] = 0; c < f->clusters; c++)
            if (shares[c] > shares[cluster[i]]) cluster[i] = c;
    }
    return now;
}

lk_status lk_gaussians(const lk_real *vectors, size_t n, size_t d, size_t clusters, int threads,
                       lk_simd simd, uint32_t *cluster, double *likelihood, lk_error *error) {
    if (threads < 1 || threads > 1024) return lk_fail(error, LK_USAGE, "threads must be 1 to 1024");
    for (size_t i = 0; i < n; i++)
        if (cluster[i] >= clusters) return lk_fail(error, LK_USAGE, "there is no such cluster");
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        fit f = {.vectors = vectors,
                 .kernels = lk_kernels_get(simd),
                 .n = n,
                 .d = d,
                 .clusters = clusters,
                 .stride = lk_round_up(clusters, LK_LANES),
                 .threads = threads};
        size_t matrices = 0, shares = 0;
        if (!lk_mul_size(d * d, clusters, &matrices) || !lk_mul_size(n, f.stride, &shares))
            arena.overflow = true;
        f.means = lk_arena_take(&arena, clusters * d, sizeof *f.means);
        f.whitening = lk_arena_take(&arena, matrices, sizeof *f.whitening);
        f.offsets = lk_arena_take(&arena, clusters, sizeof *f.offsets);
        f.shares = lk_arena_take(&arena, shares, sizeof *f.shares);
        f.apart = lk_arena_take(&arena, (size_t)threads * (d + clusters), sizeof *f.apart);
        if (f.means) {
            *likelihood = climb(&f, cluster);
            lk_free(arena.base);
            return isfinite(*likelihood)
                       ? LK_OK
                       : lk_fail(error, LK_NONFINITE, "the likelihood is not finite");
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

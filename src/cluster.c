/* k-means: Lloyd's iterations (1982) from starts by k-means++ (D. Arthur and S. Vassilvitskii
   2007), in the greedy form that tries several draws for each next centre and keeps the best. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "arena.h"
#include "kernels.h"
#include "rng.h"

/* Sums of a cluster's members are taken by shards of the vectors, added in order. */
enum { SHARDS = 32, ITERATIONS = 300 };

typedef struct search {
    const lk_real *vectors;
    const lk_kernels *kernels;
    size_t n, d, clusters, panels;
    int threads;
    lk_rng rng;
    double *centres;    /* [clusters][d] */
    lk_real *packed;    /* [panels][d][16] */
    lk_real *distances; /* threads x [16 panels] */
    uint32_t *cluster;  /* [n] */
    double *nearest;    /* [n] squared distance to the nearest centre */
    double *trial;      /* [n] the same with one more centre */
    double *best;       /* [n] of the best trial */
    double *sums;       /* [SHARDS][clusters][d] */
    uint32_t *members;  /* [SHARDS][clusters] */
    /* of the best start so far */
    uint32_t *best_cluster;
    double *best_centres;
    double inertia;
} search;

static void pack(search *s) {
    for (size_t c = 0; c < s->clusters; c++)
        for (size_t k = 0; k < s->d; k++)
            s->packed[(c / LK_LANES * s->d + k) * LK_LANES + c % LK_LANES] =
                (lk_real)s->centres[c * s->d + k];
}

/* ---- the start ---- */

/* trial[i] = the squared distance to the nearest centre, were vector `which` the next; their sum.
 */
static double try_centre(search *s, size_t which) {
    const lk_real *centre = s->vectors + which * s->d;
    const int shards = SHARDS;
    double partial[SHARDS], total = 0;
#pragma omp parallel for schedule(dynamic) num_threads(s->threads) if (s->threads > 1)
    for (int h = 0; h < shards; h++) {
        const size_t end = s->n * (size_t)(h + 1) / SHARDS;
        partial[h] = 0;
        for (size_t i = s->n * (size_t)h / SHARDS; i < end; i++) {
            const double distance =
                (double)s->kernels->squared_error(s->vectors + i * s->d, centre, s->d);
            s->trial[i] = LK_MIN(s->nearest[i], distance);
            partial[h] += s->trial[i];
        }
    }
    for (int h = 0; h < shards; h++) total += partial[h];
    return total;
}

/* A vector drawn with probability its squared distance to the nearest centre. */
static size_t draw(const search *s, double total, uint64_t index) {
    double left = lk_rng_uniform(s->rng, index) * total;
    size_t chosen = 0;
    while (chosen + 1 < s->n && (left -= s->nearest[chosen]) >= 0) chosen++;
    return chosen;
}

static void start(search *s) {
    size_t tries = 2;
    for (size_t c = s->clusters; c > 2; c /= 3) tries++; /* about 2 + ln(clusters) */
    for (size_t i = 0; i < s->n; i++) s->nearest[i] = DBL_MAX;
    double total = 0;
    for (size_t c = 0; c < s->clusters; c++) {
        double least = DBL_MAX;
        size_t which = 0;
        for (size_t t = 0; t < (c ? tries : 1); t++) {
            const uint64_t index = c * tries + t;
            const size_t drawn = c ? draw(s, total, index) : lk_rng_below(s->rng, index, s->n);
            const double sum = try_centre(s, drawn);
            if (t > 0 && sum >= least) continue;
            least = sum;
            which = drawn;
            double *kept = s->best;
            s->best = s->trial;
            s->trial = kept;
        }
        memcpy(s->nearest, s->best, s->n * sizeof *s->nearest);
        total = least;
        for (size_t k = 0; k < s->d; k++)
            s->centres[c * s->d + k] = (double)s->vectors[which * s->d + k];
    }
}

/* ---- iterations ---- */

/* Every vector goes to its nearest centre, the first of equals; how many went elsewhere than
   before. */
static size_t assign(search *s) {
    pack(s);
    const int shards = SHARDS;
    size_t moved[SHARDS], total = 0;
#pragma omp parallel for schedule(dynamic) num_threads(s->threads) if (s->threads > 1)
    for (int h = 0; h < shards; h++) {
        lk_real *distances = s->distances + (size_t)lk_thread_number() * s->panels * LK_LANES;
        const size_t end = s->n * (size_t)(h + 1) / SHARDS;
        moved[h] = 0;
        for (size_t i = s->n * (size_t)h / SHARDS; i < end; i++) {
            s->kernels->squared_distances(s->vectors + i * s->d, s->d, s->packed, s->panels,
                                          distances);
            uint32_t best = 0;
            for (uint32_t c = 1; c < s->clusters; c++)
                if (distances[c] < distances[best]) best = c;
            moved[h] += s->cluster[i] != best;
            s->cluster[i] = best;
            s->nearest[i] = (double)distances[best];
        }
    }
    for (int h = 0; h < shards; h++) total += moved[h];
    return total;
}

static void add_up(search *s) {
    const size_t width = s->clusters * s->d;
    const int shards = SHARDS;
    memset(s->sums, 0, SHARDS * width * sizeof *s->sums);
    memset(s->members, 0, SHARDS * s->clusters * sizeof *s->members);
#pragma omp parallel for schedule(dynamic) num_threads(s->threads) if (s->threads > 1)
    for (int h = 0; h < shards; h++) {
        const size_t end = s->n * (size_t)(h + 1) / SHARDS;
        for (size_t i = s->n * (size_t)h / SHARDS; i < end; i++) {
            double *sum = s->sums + (size_t)h * width + s->cluster[i] * s->d;
            const lk_real *vector = s->vectors + i * s->d;
            for (size_t k = 0; k < s->d; k++) sum[k] += (double)vector[k];
            s->members[(size_t)h * s->clusters + s->cluster[i]]++;
        }
    }
    for (size_t h = 1; h < SHARDS; h++) {
        for (size_t k = 0; k < width; k++) s->sums[k] += s->sums[h * width + k];
        for (size_t c = 0; c < s->clusters; c++) s->members[c] += s->members[h * s->clusters + c];
    }
}

/* A cluster without members takes the vector that is farthest from its centre, of a cluster that
   can spare it. */
static void fill_empty(search *s) {
    for (size_t c = 0; c < s->clusters; c++) {
        if (s->members[c] > 0) continue;
        size_t farthest = s->n;
        for (size_t i = 0; i < s->n; i++)
            if (s->members[s->cluster[i]] > 1 &&
                (farthest == s->n || s->nearest[i] > s->nearest[farthest]))
                farthest = i;
        if (farthest == s->n) return; /* there are not as many vectors */
        const size_t old = s->cluster[farthest];
        for (size_t k = 0; k < s->d; k++) {
            const double value = (double)s->vectors[farthest * s->d + k];
            s->sums[old * s->d + k] -= value;
            s->sums[c * s->d + k] = value;
        }
        s->members[old]--;
        s->members[c] = 1;
        s->cluster[farthest] = (uint32_t)c;
        s->nearest[farthest] = 0;
    }
}

static void move(search *s) {
    add_up(s);
    fill_empty(s);
    for (size_t c = 0; c < s->clusters; c++)
        for (size_t k = 0; k < s->d && s->members[c]; k++)
            s->centres[c * s->d + k] = s->sums[c * s->d + k] / s->members[c];
}

static void run(search *s) {
    start(s);
    memset(s->cluster, 0xff, s->n * sizeof *s->cluster);
    for (int i = 0; i < ITERATIONS && assign(s) > 0; i++) move(s);
    double inertia = 0;
    for (size_t i = 0; i < s->n; i++) inertia += s->nearest[i];
    if (!(inertia < s->inertia)) return;
    s->inertia = inertia;
    memcpy(s->best_cluster, s->cluster, s->n * sizeof *s->cluster);
    memcpy(s->best_centres, s->centres, s->clusters * s->d * sizeof *s->centres);
}

static void take(search *s, lk_arena *arena) {
    size_t width = 0, shards = 0;
    if (!lk_mul_size(s->clusters, s->d, &width) || !lk_mul_size(width, SHARDS, &shards))
        arena->overflow = true;
    s->centres = lk_arena_take(arena, width, sizeof *s->centres);
    s->best_centres = lk_arena_take(arena, width, sizeof *s->best_centres);
    s->packed = lk_arena_take(arena, s->panels * s->d * LK_LANES, sizeof *s->packed);
    s->distances =
        lk_arena_take(arena, (size_t)s->threads * s->panels * LK_LANES, sizeof *s->distances);
    s->cluster = lk_arena_take(arena, s->n, sizeof *s->cluster);
    s->best_cluster = lk_arena_take(arena, s->n, sizeof *s->best_cluster);
    s->nearest = lk_arena_take(arena, s->n, sizeof *s->nearest);
    s->trial = lk_arena_take(arena, s->n, sizeof *s->trial);
    s->best = lk_arena_take(arena, s->n, sizeof *s->best);
    s->sums = lk_arena_take(arena, shards, sizeof *s->sums);
    s->members = lk_arena_take(arena, SHARDS * s->clusters, sizeof *s->members);
}

lk_status lk_kmeans(const lk_real *vectors, size_t n, size_t d, size_t clusters, size_t restarts,
                    uint64_t seed, int threads, lk_simd simd, lk_real *centres, uint32_t *cluster,
                    double *inertia, lk_error *error) {
    if (threads < 1 || threads > 1024) return lk_fail(error, LK_USAGE, "threads must be 1 to 1024");
    if (clusters == 0 || restarts == 0) return lk_fail(error, LK_USAGE, "no clusters are wanted");
    if (clusters > n)
        return lk_fail(error, LK_DATA, "%u clusters of %u vectors", (unsigned long long)clusters,
                       (unsigned long long)n);
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(vectors[i])) return lk_fail(error, LK_NONFINITE, "a value is not finite");
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        search s = {.vectors = vectors,
                    .kernels = lk_kernels_get(simd),
                    .n = n,
                    .d = d,
                    .clusters = clusters,
                    .panels = (clusters + LK_LANES - 1) / LK_LANES,
                    .threads = threads,
                    .inertia = INFINITY};
        take(&s, &arena);
        if (s.centres) {
            for (size_t r = 0; r < restarts; r++) {
                s.rng = lk_rng_make(seed, LK_STREAM_CLUSTERS, r + 1);
                run(&s);
            }
            for (size_t i = 0; i < clusters * d; i++) centres[i] = (lk_real)s.best_centres[i];
            memcpy(cluster, s.best_cluster, n * sizeof *cluster);
            *inertia = s.inertia;
            lk_free(arena.base);
            return LK_OK;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

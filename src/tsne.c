/* t-SNE: points in the plane such that who is near whom is as among the vectors (L. van der Maaten
   and G. Hinton 2008). Attraction goes over the nearest neighbours, repulsion over all pairs by
   interpolation. The start is PCA's plane (D. Kobak and P. Berens 2019), the learning rate
   max(n / 12, 200) (A. C. Belkina et al. 2019), both of which keep the large order. */
#include <math.h>

#include "affinity.h"
#include "analyses.h"
#include "arena.h"
#include "repulsion.h"
#include "rng.h"

enum { SHARD = 512, EARLY = 250 };
static const double EXAGGERATION = 12;

struct lk_tsne {
    size_t n;
    int threads;
    uint32_t steps;
    double rate;
    lk_affinity affinity;
    lk_repulsion *repulsion;
    double total;   /* of 1 / (1 + d^2) over all pairs, at the last step's start */
    double *y;      /* [n][2] */
    double *moves;  /* [n][2]: the last step's */
    double *gains;  /* [n][2]: of the learning rate (R. A. Jacobs 1988) */
    double *forces; /* [n][2] */
    double *shards;
};

static size_t shard_count(size_t n) {
    return (n + SHARD - 1) / SHARD;
}

/* PCA's plane, its first axis with a deviation of 1e-4, and a hundredth of that at random, so that
   equal vectors can part. */
static lk_status start(lk_tsne *t, const lk_real *vectors, size_t d, const lk_tsne_options *o,
                       lk_error *error) {
    const lk_dataset data = {
        .shape = {1, 1, (uint32_t)d}, .count = t->n, .values = (lk_real *)vectors};
    lk_components plane;
    const lk_status status = lk_components_find(&data, LK_MIN(d, 2), o->threads, &plane, error);
    if (status) return status;
    const lk_rng rng = lk_rng_make(o->seed, LK_STREAM_MAP, 0);
    const double scale = plane.variances[0] > 0 ? 1e-4 / sqrt(plane.variances[0]) : 0;
    for (size_t i = 0; i < t->n; i++) {
        lk_real z[2] = {0, 0};
        lk_components_encode(&plane, vectors + i * d, z);
        for (size_t k = 0; k < 2; k++) {
            t->y[2 * i + k] = (double)z[k] * scale + 1e-6 * lk_rng_normal(rng, 2 * i + k);
            t->gains[2 * i + k] = 1;
        }
    }
    lk_components_free(&plane);
    return LK_OK;
}

static lk_tsne *make_room(size_t n) {
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        lk_tsne *t = lk_arena_take(&arena, 1, sizeof *t), all = {.n = n};
        all.y = lk_arena_take(&arena, 2 * n, sizeof *all.y);
        all.moves = lk_arena_take(&arena, 2 * n, sizeof *all.moves);
        all.gains = lk_arena_take(&arena, 2 * n, sizeof *all.gains);
        all.forces = lk_arena_take(&arena, 2 * n, sizeof *all.forces);
        all.shards = lk_arena_take(&arena, shard_count(n), sizeof *all.shards);
        if (t) {
            *t = all;
            return t;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return NULL;
}

lk_tsne *lk_tsne_create(const lk_real *vectors, size_t n, size_t d, const lk_tsne_options *o,
                        lk_error *error) {
    if (!(o->perplexity >= 2 && o->perplexity <= LK_MOST_PERPLEXITY)) {
        lk_fail(error, LK_USAGE, "the perplexity must be 2 to 42");
        return NULL;
    }
    if (n < LK_LEAST_MAPPED || n > UINT32_MAX || d == 0 || d > UINT32_MAX) {
        lk_fail(error, LK_DATA, "a map wants at least 8 images");
        return NULL;
    }
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(vectors[i])) {
            lk_fail(error, LK_NONFINITE, "a value is not finite");
            return NULL;
        }
    lk_tsne *t = make_room(n);
    if (t) t->repulsion = lk_repulsion_create(n);
    if (!t || !t->repulsion) {
        lk_fail(error, LK_MEMORY, "out of memory");
    } else {
        t->threads = o->threads;
        t->rate = LK_MAX((double)n / EXAGGERATION, 200.0);
        if (!start(t, vectors, d, o, error) &&
            !lk_affinity_make(vectors, n, d, o->perplexity, o->threads, o->simd, &t->affinity,
                              error))
            return t;
    }
    lk_tsne_free(t);
    return NULL;
}

void lk_tsne_free(lk_tsne *t) {
    if (!t) return;
    lk_free(t->affinity.first);
    lk_free(t->repulsion);
    lk_free(t);
}

/* The force on point i of those it is near to: the sum of p_ij (y_i - y_j) / (1 + d^2). */
static void attract(const lk_tsne *t, size_t i, double *force) {
    const lk_affinity *p = &t->affinity;
    const double x = t->y[2 * i], y = t->y[2 * i + 1];
    force[0] = force[1] = 0;
    for (size_t k = p->first[i]; k < p->first[i + 1]; k++) {
        const double *other = t->y + 2 * (size_t)p->column[k];
        const double dx = x - other[0], dy = y - other[1];
        const double share = (double)p->share[k] / (1 + dx * dx + dy * dy);
        force[0] += share * dx;
        force[1] += share * dy;
    }
}

/* Moves point i against the gradient (equation 5 of the paper, but for its factor of 4). */
static void move(lk_tsne *t, size_t i, double exaggeration, double momentum) {
    double pull[2];
    attract(t, i, pull);
    for (size_t k = 0; k < 2; k++) {
        const size_t at = 2 * i + k;
        const double gradient = exaggeration * pull[k] - t->forces[at] / t->total;
        const bool onward = (gradient > 0) != (t->moves[at] > 0);
        t->gains[at] = onward ? t->gains[at] + 0.2 : LK_MAX(t->gains[at] * 0.8, 0.01);
        t->moves[at] = momentum * t->moves[at] - t->rate * t->gains[at] * gradient;
    }
}

void lk_tsne_step(lk_tsne *t) {
    const bool early = t->steps < EARLY;
    if (t->steps == EARLY)
        for (size_t i = 0; i < 2 * t->n; i++) t->gains[i] = 1;
    t->total = lk_repulsion_measure(t->repulsion, t->y, t->threads, t->forces);
    const size_t shards = shard_count(t->n);
#pragma omp parallel for schedule(dynamic) num_threads(t->threads) if (t->threads > 1)
    for (size_t s = 0; s < shards; s++)
        for (size_t i = s * SHARD; i < LK_MIN((s + 1) * SHARD, t->n); i++)
            move(t, i, early ? EXAGGERATION : 1, early ? 0.5 : 0.8);
    double mean[2] = {0, 0};
    for (size_t i = 0; i < 2 * t->n; i++) {
        t->y[i] += t->moves[i];
        mean[i % 2] += t->y[i] / (double)t->n;
    }
    for (size_t i = 0; i < 2 * t->n; i++) t->y[i] -= mean[i % 2];
    t->steps++;
}

uint32_t lk_tsne_steps(const lk_tsne *t) {
    return t->steps;
}

void lk_tsne_positions(const lk_tsne *t, lk_real *positions) {
    for (size_t i = 0; i < 2 * t->n; i++) positions[i] = (lk_real)t->y[i];
}

double lk_tsne_divergence(lk_tsne *t) {
    const lk_affinity *p = &t->affinity;
    const double total = lk_repulsion_measure(t->repulsion, t->y, t->threads, t->forces);
    const size_t shards = shard_count(t->n);
#pragma omp parallel for schedule(dynamic) num_threads(t->threads) if (t->threads > 1)
    for (size_t s = 0; s < shards; s++) {
        t->shards[s] = 0;
        for (size_t i = s * SHARD; i < LK_MIN((s + 1) * SHARD, t->n); i++)
            for (size_t k = p->first[i]; k < p->first[i + 1]; k++) {
                const double *a = t->y + 2 * i, *b = t->y + 2 * (size_t)p->column[k];
                const double dx = a[0] - b[0], dy = a[1] - b[1], share = (double)p->share[k];
                if (share > 1e-300)
                    t->shards[s] += share * lk_log(share * total * (1 + dx * dx + dy * dy));
            }
    }
    double sum = 0;
    for (size_t s = 0; s < shards; s++) sum += t->shards[s];
    return sum;
}

/* ---- new points ---- */

enum { NEAR = 15, ROUNDS = 20 };

/* What draws a point at y to its nearest: the sum of p_j log(1 + d^2), t-SNE's divergence without
   the repulsion. */
static double pull_of(const lk_real *weights, const double (*near)[2], size_t count,
                      const double *y) {
    double sum = 0;
    for (size_t j = 0; j < count; j++) {
        const double dx = near[j][0] - y[0], dy = near[j][1] - y[1];
        sum += (double)weights[j] * lk_log(1 + dx * dx + dy * dy);
    }
    return sum;
}

/* The place of the least pull: from the best of the near points on, each round goes to the mean of
   all, weighted by p_j / (1 + d^2), where the present one's slope is 0. A plain mean would lie
   between the clusters of neighbours that are in two. */
static void settle(const lk_real *weights, const double (*near)[2], size_t count, double *y) {
    double least = INFINITY;
    for (size_t j = 0; j < count; j++) {
        const double pull = pull_of(weights, near, count, near[j]);
        if (pull >= least) continue;
        least = pull;
        y[0] = near[j][0];
        y[1] = near[j][1];
    }
    for (int round = 0; round < ROUNDS; round++) {
        double sum = 0, x = 0, z = 0;
        for (size_t j = 0; j < count; j++) {
            const double dx = near[j][0] - y[0], dy = near[j][1] - y[1];
            const double w = (double)weights[j] / (1 + dx * dx + dy * dy);
            sum += w;
            x += w * near[j][0];
            z += w * near[j][1];
        }
        y[0] = x / sum;
        y[1] = z / sum;
    }
}

static void place_one(const lk_kernels *kernels, const lk_neighbour *found, size_t count,
                      const lk_real *positions, lk_real *placed) {
    lk_real weights[NEAR];
    double near[NEAR][2], y[2] = {0, 0};
    lk_affinity_weights(kernels, found, count, (double)count / 3, weights);
    for (size_t j = 0; j < count; j++)
        for (size_t k = 0; k < 2; k++)
            near[j][k] = (double)positions[2 * (size_t)found[j].index + k];
    settle(weights, near, count, y);
    placed[0] = (lk_real)y[0];
    placed[1] = (lk_real)y[1];
}

lk_status lk_tsne_place(const lk_real *known, const lk_real *positions, size_t n, size_t d,
                        const lk_real *queries, size_t count, int threads, lk_simd simd,
                        lk_real *placed, lk_error *error) {
    size_t bytes = 0;
    if (!lk_mul_size(count, NEAR * sizeof(lk_neighbour), &bytes))
        return lk_fail(error, LK_MEMORY, "out of memory");
    lk_index *index = lk_index_create(known, n, d, LK_METRIC_L2, error);
    if (!index) return error->status;
    lk_neighbour *found = lk_alloc(bytes);
    if (found) {
        const size_t each = lk_index_search(index, queries, count, NEAR, threads, simd, found);
        for (size_t i = 0; i < count; i++)
            place_one(lk_kernels_get(simd), found + i * NEAR, each, positions, placed + 2 * i);
    }
    lk_free(found);
    lk_index_free(index);
    return found ? LK_OK : lk_fail(error, LK_MEMORY, "out of memory");
}

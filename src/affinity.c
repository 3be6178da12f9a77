#include "affinity.h"

#include <math.h>

#include "arena.h"

enum { ROOM = LK_MAX_NEIGHBOURS }; /* a multiple of 16 */

/* weights = exp(-beta d^2), `squares` holding the d^2 less the least of them. Returns the logarithm
   of the perplexity of what they become when they are divided by *sum. */
static double spread(const lk_kernels *kernels, const double *squares, size_t count, double beta,
                     lk_real *weights, double *sum) {
    for (size_t j = 0; j < ROOM; j++)
        weights[j] = j < count ? (lk_real)-LK_MIN(beta * squares[j], 80.0) : -80;
    kernels->exponential(weights, lk_round_up(count, LK_LANES));
    double total = 0, products = 0;
    for (size_t j = 0; j < count; j++) {
        total += (double)weights[j];
        products += (double)weights[j] * squares[j];
    }
    *sum = total;
    return lk_log(total) + beta * products / total;
}

void lk_affinity_weights(const lk_kernels *kernels, const lk_neighbour *near, size_t count,
                         double perplexity, lk_real *out) {
    const double target = lk_log(LK_MIN(perplexity, (double)count));
    double squares[ROOM], mean = 0, sum = 1;
    lk_real weights[ROOM];
    for (size_t j = 0; j < count; j++) {
        const double d = (double)near[j].distance, least = (double)near[0].distance;
        squares[j] = d * d - least * least;
        mean += squares[j] / (double)count;
    }
    /* Widths are sought in units of the mean, by halving the interval once it is closed. */
    double beta = 1, low = 0, high = INFINITY;
    for (size_t j = 0; j < count && mean > 0; j++) squares[j] /= mean;
    for (int i = 0; i < 60; i++) {
        const double entropy = spread(kernels, squares, count, beta, weights, &sum);
        if (fabs(entropy - target) < 1e-5) break;
        if (entropy > target)
            low = beta;
        else
            high = beta;
        beta = isinf(high) ? 2 * beta : (low + high) / 2;
    }
    for (size_t j = 0; j < count; j++) out[j] = (lk_real)((double)weights[j] / sum);
}

/* ---- the matrix ---- */

/* Each vector's `each` nearest others, by ascending number, and the shares it gives them. */
typedef struct graph {
    size_t n, each;
    lk_neighbour *found; /* [n][each + 1] */
    uint32_t *near;      /* [n][each] */
    lk_real *given;      /* [n][each] */
    size_t *begin;       /* [n + 1]: where those who gave to a vector begin in the next two */
    uint32_t *giver;     /* [n each], by ascending number */
    lk_real *taken;      /* [n each] */
} graph;

/* Takes vector i itself out of its own neighbours: with many equal to it, it may not be there. */
static void leave_out(lk_neighbour *found, size_t i, size_t each) {
    size_t at = 0;
    while (at < each && found[at].index != i) at++;
    for (; at < each; at++) found[at] = found[at + 1];
}

static void sort_by_number(uint32_t *near, lk_real *given, size_t count) {
    for (size_t j = 1; j < count; j++) {
        const uint32_t index = near[j];
        const lk_real share = given[j];
        size_t at = j;
        for (; at > 0 && near[at - 1] > index; at--) {
            near[at] = near[at - 1];
            given[at] = given[at - 1];
        }
        near[at] = index;
        given[at] = share;
    }
}

static void give_shares(graph *g, double perplexity, int threads, lk_simd simd) {
    const lk_kernels *kernels = lk_kernels_get(simd);
#pragma omp parallel for schedule(dynamic, 64) num_threads(threads) if (threads > 1)
    for (size_t i = 0; i < g->n; i++) {
        lk_neighbour *found = g->found + i * (g->each + 1);
        leave_out(found, i, g->each);
        lk_real *given = g->given + i * g->each;
        lk_affinity_weights(kernels, found, g->each, perplexity, given);
        for (size_t j = 0; j < g->each; j++) g->near[i * g->each + j] = found[j].index;
        sort_by_number(g->near + i * g->each, given, g->each);
    }
}

/* The same shares by those who get them. */
static void turn_round(graph *g) {
    for (size_t k = 0; k < g->n * g->each; k++) g->begin[g->near[k] + 1]++;
    for (size_t i = 0; i < g->n; i++) g->begin[i + 1] += g->begin[i];
    /* begin[i] is moved on as those who give to i are found, then back. */
    for (size_t k = 0; k < g->n * g->each; k++) {
        const size_t to = g->begin[g->near[k]]++;
        g->giver[to] = (uint32_t)(k / g->each);
        g->taken[to] = g->given[k];
    }
    for (size_t i = g->n; i > 0; i--) g->begin[i] = g->begin[i - 1];
    g->begin[0] = 0;
}

/* Row i: whom it gives to and who gives to it, in one list; returns its length. `column` may be
   NULL. */
static size_t merge(const graph *g, size_t i, uint32_t *column, lk_real *share) {
    const lk_real half = (lk_real)(0.5 / (double)g->n);
    size_t a = i * g->each, b = g->begin[i], count = 0;
    const size_t end_a = a + g->each, end_b = g->begin[i + 1];
    while (a < end_a || b < end_b) {
        const uint32_t to = a < end_a ? g->near[a] : UINT32_MAX;
        const uint32_t from = b < end_b ? g->giver[b] : UINT32_MAX;
        const uint32_t other = LK_MIN(to, from);
        lk_real sum = 0;
        if (to == other) sum += g->given[a++];
        if (from == other) sum += g->taken[b++];
        if (column) {
            column[count] = other;
            share[count] = sum * half;
        }
        count++;
    }
    return count;
}

static lk_status merge_all(const graph *g, lk_affinity *out) {
    size_t total = 0;
    for (size_t i = 0; i < g->n; i++) total += merge(g, i, NULL, NULL);
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        out->first = lk_arena_take(&arena, g->n + 1, sizeof *out->first);
        out->column = lk_arena_take(&arena, total, sizeof *out->column);
        out->share = lk_arena_take(&arena, total, sizeof *out->share);
        if (!out->first && !lk_arena_commit(&arena)) return LK_MEMORY;
    }
    out->n = g->n;
    for (size_t i = 0; i < g->n; i++)
        out->first[i + 1] =
            out->first[i] + merge(g, i, out->column + out->first[i], out->share + out->first[i]);
    return LK_OK;
}

lk_status lk_affinity_make(const lk_real *vectors, size_t n, size_t d, double perplexity,
                           int threads, lk_simd simd, lk_affinity *out, lk_error *error) {
    const size_t each = LK_MIN(LK_MIN((size_t)(3 * perplexity), n - 1), (size_t)LK_MOST_NEAR);
    perplexity = LK_MIN(perplexity, (double)each / 3);
    lk_index *index = lk_index_create(vectors, n, d, LK_METRIC_L2, error);
    if (!index) return error->status;
    graph g = {.n = n, .each = each};
    lk_arena arena = {0};
    size_t total = 0;
    if (!lk_mul_size(n, each + 1, &total)) arena.overflow = true;
    for (int pass = 0; pass < 2; pass++) {
        g.found = lk_arena_take(&arena, total, sizeof *g.found);
        g.near = lk_arena_take(&arena, total, sizeof *g.near);
        g.given = lk_arena_take(&arena, total, sizeof *g.given);
        g.begin = lk_arena_take(&arena, n + 1, sizeof *g.begin);
        g.giver = lk_arena_take(&arena, total, sizeof *g.giver);
        g.taken = lk_arena_take(&arena, total, sizeof *g.taken);
        if (!g.found && !lk_arena_commit(&arena)) break;
    }
    lk_status status = g.found ? LK_OK : LK_MEMORY;
    if (!status) {
        lk_index_search(index, vectors, n, each + 1, threads, simd, g.found);
        give_shares(&g, perplexity, threads, simd);
        turn_round(&g);
        status = merge_all(&g, out);
    }
    lk_free(arena.base);
    lk_index_free(index);
    return status ? lk_fail(error, status, "out of memory") : LK_OK;
}

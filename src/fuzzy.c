#include "fuzzy.h"

#include <math.h>
#include <string.h>

#include "arena.h"

enum { BLOCK = 1024 };

typedef struct graph {
    const lk_real *vectors;
    size_t n, d, neighbours;
    int threads;
    lk_simd simd;
    lk_neighbour *found; /* [n][neighbours], without the vector itself */
    lk_real *certain;    /* [n][neighbours]: how surely each of these is a neighbour */
} graph;

/* ---- the edges ---- */

/* The nearest of each vector, itself left out: among equals it need not be the first. */
static lk_status find_neighbours(graph *g, lk_error *error) {
    lk_index *index = lk_index_create(g->vectors, g->n, g->d, LK_METRIC_L2, error);
    if (!index) return error ? error->status : LK_MEMORY;
    const size_t k = g->neighbours + 1;
    lk_neighbour *block = lk_alloc(BLOCK * k * sizeof *block);
    for (size_t first = 0; block && first < g->n; first += BLOCK) {
        const size_t n = LK_MIN((size_t)BLOCK, g->n - first);
        lk_index_search(index, g->vectors + first * g->d, n, k, g->threads, g->simd, block);
        for (size_t i = 0; i < n; i++) {
            lk_neighbour *to = g->found + (first + i) * g->neighbours;
            size_t kept = 0;
            for (size_t j = 0; j < k && kept < g->neighbours; j++)
                if (block[i * k + j].index != first + i) to[kept++] = block[i * k + j];
        }
    }
    lk_index_free(index);
    lk_free(block);
    return block ? LK_OK : lk_fail(error, LK_MEMORY, "out of memory");
}

/* certain = exp(-(distance beyond the nearest) / scale) in [128]; their sum. */
static double weigh(const graph *g, const lk_neighbour *to, double scale, lk_real *certain) {
    double sum = 0;
    memset(certain, 0, LK_MAX_NEIGHBOURS * sizeof *certain);
    for (size_t k = 0; k < g->neighbours; k++) {
        const double beyond = (double)to[k].distance - (double)to[0].distance;
        certain[k] = beyond > 0 ? -(lk_real)LK_MIN(beyond / scale, 80.0) : 0;
    }
    lk_kernels_get(g->simd)->exponential(certain, lk_round_up(g->neighbours, LK_LANES));
    for (size_t k = 0; k < g->neighbours; k++) sum += (double)certain[k];
    return sum;
}

/* To each vector the scale under which its neighbours come to log2 of their number. */
static void weigh_all(graph *g) {
    const double wanted = lk_log((double)g->neighbours + 1) / lk_log(2);
    const int n = (int)g->n;
#pragma omp parallel for schedule(dynamic, 64) num_threads(g->threads) if (g->threads > 1)
    for (int i = 0; i < n; i++) {
        const lk_neighbour *to = g->found + (size_t)i * g->neighbours;
        lk_real certain[LK_MAX_NEIGHBOURS];
        double low = 0, high = INFINITY,
               scale = LK_MAX((double)to[g->neighbours / 2].distance, 1e-12);
        for (int round = 0; round < 40; round++) {
            const double sum = weigh(g, to, scale, certain);
            if (fabs(sum - wanted) < 1e-5) break;
            if (sum > wanted)
                high = scale;
            else
                low = scale;
            scale = isfinite(high) ? (low + high) / 2 : 2 * scale;
        }
        memcpy(g->certain + (size_t)i * g->neighbours, certain, g->neighbours * sizeof *certain);
    }
}

/* How surely j counts i among its neighbours. */
static lk_real back(const graph *g, size_t i, size_t j) {
    for (size_t k = 0; k < g->neighbours; k++)
        if (g->found[j * g->neighbours + k].index == i) return g->certain[j * g->neighbours + k];
    return 0;
}

/* Each pair is found at i, and put down at j too where i is none of j's own. Once to count, once to
   write. */
static void join(const graph *g, lk_fuzzy *out, bool write) {
    for (size_t i = 0; i < g->n; i++)
        for (size_t k = 0; k < g->neighbours; k++) {
            const size_t j = g->found[i * g->neighbours + k].index;
            const lk_real there = g->certain[i * g->neighbours + k], again = back(g, i, j);
            /* An edge both ends of which have it is put down by each for itself. */
            for (int end = 0; end < (again > 0 ? 1 : 2); end++) {
                const size_t from = end ? j : i;
                if (write) {
                    out->to[out->first[from]] = (uint32_t)(end ? i : j);
                    out->certain[out->first[from]] = there + again - there * again;
                }
                out->first[from + !write]++;
            }
        }
    if (write) {
        memmove(out->first + 1, out->first, g->n * sizeof *out->first);
        out->first[0] = 0;
    }
    for (size_t i = 0; i < g->n && !write; i++) out->first[i + 1] += out->first[i];
}

static void take(graph *g, lk_arena *arena, lk_fuzzy *out) {
    size_t edges = 0; /* of which those that are mutual are one each */
    if (!lk_mul_size(g->n, 2 * g->neighbours, &edges)) arena->overflow = true;
    out->first = lk_arena_take(arena, g->n + 1, sizeof *out->first);
    out->to = lk_arena_take(arena, edges, sizeof *out->to);
    out->certain = lk_arena_take(arena, edges, sizeof *out->certain);
    g->found = lk_arena_take(arena, edges / 2, sizeof *g->found);
    g->certain = lk_arena_take(arena, edges / 2, sizeof *g->certain);
}

lk_status lk_fuzzy_make(const lk_real *vectors, size_t n, size_t d, size_t neighbours, int threads,
                        lk_simd simd, lk_fuzzy *out, lk_error *error) {
    graph g = {.vectors = vectors,
               .n = n,
               .d = d,
               .neighbours = neighbours,
               .threads = threads,
               .simd = simd};
    lk_arena arena = {0};
    take(&g, &arena, out);
    if (!lk_arena_commit(&arena)) return lk_fail(error, LK_MEMORY, "out of memory");
    take(&g, &arena, out);
    out->n = n;
    const lk_status status = find_neighbours(&g, error);
    if (status != LK_OK) {
        lk_free(arena.base);
        return status;
    }
    weigh_all(&g);
    for (int write = 0; write < 2; write++) join(&g, out, write);
    return LK_OK;
}

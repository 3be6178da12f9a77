/* Exact nearest neighbours: a scan over vectors kept in panels of sixteen, so that sixteen
   distances are summed side by side, each in the order of the dimensions.

   Nearness is what rises as distance falls and is a product of matrices: the dot product, for
   Euclidean distances less half the vector's squared length. That is exact enough for a cosine. By
   Euclidean distance a vector is passed over only if its nearness is so low that no rounding can
   explain it; the distance of whoever is left is summed anew from the differences. */
#include <float.h>
#include <math.h>

#include "arena.h"
#include "kernels.h"

enum { BLOCK_PANELS = 16, BLOCK = BLOCK_PANELS * LK_LANES, QUERIES = 32 };

struct lk_index {
    lk_metric metric;
    size_t count, dimensions, panels;
    lk_real *vectors; /* [panels][dimensions][16]; of length 1 for cosine; padding zero */
    lk_real *halves;  /* [panels][16]: minus half of each squared length; NULL for cosine */
    double longest;   /* length of the longest vector */
};

static double squared_length(const lk_real *vector, size_t d) {
    double sum = 0;
    for (size_t k = 0; k < d; k++) sum += (double)vector[k] * (double)vector[k];
    return sum;
}

static void put_vector(lk_index *index, size_t i, const lk_real *vector) {
    const size_t d = index->dimensions;
    const double squares = squared_length(vector, d);
    double scale = 1;
    if (index->metric == LK_METRIC_COSINE)
        scale = squares > 0 ? 1 / sqrt(squares) : 0;
    else
        index->halves[i] = (lk_real)(squares / -2);
    index->longest = LK_MAX(sqrt(squares), index->longest);
    lk_real *to = index->vectors + i / LK_LANES * d * LK_LANES + i % LK_LANES;
    for (size_t k = 0; k < d; k++) to[k * LK_LANES] = (lk_real)((double)vector[k] * scale);
}

lk_index *lk_index_create(const lk_real *vectors, size_t n, size_t d, lk_metric metric,
                          lk_error *error) {
    if (n == 0 || d == 0 || n > UINT32_MAX) {
        lk_fail(error, LK_DATA, "no vectors to search");
        return NULL;
    }
    const size_t panels = (n + LK_LANES - 1) / LK_LANES;
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        size_t values = 0;
        if (!lk_mul_size(panels * LK_LANES, d, &values)) arena.overflow = true;
        lk_index *index = lk_arena_take(&arena, 1, sizeof *index);
        lk_real *packed = lk_arena_take(&arena, values, sizeof *packed);
        lk_real *halves = metric == LK_METRIC_L2
                              ? lk_arena_take(&arena, panels * LK_LANES, sizeof *halves)
                              : NULL;
        if (index) {
            *index = (lk_index){metric, n, d, panels, packed, halves, 0};
            for (size_t i = 0; i < n; i++) put_vector(index, i, vectors + i * d);
            return index;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    lk_fail(error, LK_MEMORY, "out of memory");
    return NULL;
}

void lk_index_free(lk_index *index) {
    lk_free(index);
}
size_t lk_index_count(const lk_index *index) {
    return index->count;
}

/* nearness[n][BLOCK] of n queries and the panels p..p+panels-1. */
static void measure(const lk_index *index, const lk_kernels *kernels, const lk_real *queries,
                    size_t n, size_t p, size_t panels, lk_real *nearness) {
    const size_t d = index->dimensions;
    kernels->gemm(&(lk_gemm){.m = n,
                             .k = d,
                             .panels = panels,
                             .a = queries,
                             .a_row = d,
                             .a_col = 1,
                             .b = index->vectors + p * d * LK_LANES,
                             .b_panel = d * LK_LANES,
                             .b_row = LK_LANES,
                             .c = nearness,
                             .c_row = BLOCK,
                             .c_panel = LK_LANES,
                             .bias = index->halves ? index->halves + p * LK_LANES : NULL});
}

/* A query and the nearest that were found so far. Keys fall with nearness: squared distances, or
   minus the dot product. */
typedef struct search {
    const lk_real *query;
    double squares; /* its squared length */
    double doubt;   /* more than what nearness and keys can be wrong by; or infinite */
    lk_neighbour *out;
    size_t found, most;
} search;

static search begin(const lk_index *index, const lk_real *query, size_t k, lk_neighbour *out) {
    const size_t d = index->dimensions;
    const double squares = squared_length(query, d), reach = sqrt(squares) + index->longest;
    /* Each of d products and of d sums is rounded, and so are a few numbers more; what is very
       small loses more than its share. */
    double doubt = (double)(d + 8) * ((double)FLT_EPSILON * reach * reach + (double)FLT_MIN);
    if (!(reach * reach < (double)FLT_MAX / 4)) doubt = INFINITY;
    return (search){query, squares, doubt, out, 0, k};
}

/* Whose nearness is not over this is no candidate. A key is off by a part of itself, which is at
   most the square of `reach`. */
static lk_real limit_of(const lk_index *index, const search *s) {
    if (s->found < s->most) return -INFINITY;
    const double worst = (double)s->out[s->found - 1].distance;
    if (index->metric == LK_METRIC_COSINE) return (lk_real)-worst;
    return (lk_real)((s->squares - worst) / 2 - s->doubt);
}

/* Puts (i, key) into out[0..n), which ascends and holds at most k; returns the new n. */
static size_t insert(lk_neighbour *out, size_t n, size_t k, size_t i, float key) {
    if (n == k && !(key < out[n - 1].distance)) return n;
    size_t at = n < k ? n++ : n - 1;
    for (; at > 0 && key < out[at - 1].distance; at--) out[at] = out[at - 1];
    out[at] = (lk_neighbour){(uint32_t)i, key};
    return n;
}

/* The candidates of panel p, by their nearness[16]. */
static void take_panel(const lk_index *index, const lk_kernels *kernels, size_t p,
                       const lk_real *nearness, search *s) {
    const size_t d = index->dimensions, first = p * LK_LANES;
    const size_t n = LK_MIN((size_t)LK_LANES, index->count - first);
    lk_real keys[LK_LANES];
    if (index->metric == LK_METRIC_L2)
        kernels->squared_distances(s->query, d, index->vectors + first * d, 1, keys);
    else
        for (size_t i = 0; i < n; i++) keys[i] = -nearness[i];
    for (size_t i = 0; i < n; i++)
        s->found = insert(s->out, s->found, s->most, first + i, (float)keys[i]);
}

/* The candidates of the panels from p on, by their nearness[panels][16]. */
static void take_block(const lk_index *index, const lk_kernels *kernels, size_t p, size_t panels,
                       const lk_real *nearness, search *s) {
    const bool all = index->metric == LK_METRIC_L2 && !isfinite(s->doubt);
    for (size_t i = 0; i < panels; i++) {
        if (!all) i = kernels->panel_over(nearness, i, panels, limit_of(index, s));
        if (i < panels) take_panel(index, kernels, p + i, nearness + i * LK_LANES, s);
    }
}

/* Keys become distances. */
static void finish(const lk_index *index, search *s) {
    const double length = sqrt(s->squares);
    for (size_t i = 0; i < s->found; i++) {
        double distance = (double)s->out[i].distance;
        if (index->metric == LK_METRIC_L2)
            distance = sqrt(distance);
        else
            distance = length > 0 ? 1 + distance / length : 1;
        /* The rounding of lengths may leave a cosine just over 1. */
        s->out[i].distance = (float)LK_MAX(distance, 0.0);
    }
}

/* The k neighbours of n queries, at most QUERIES: they share each block of vectors while it is in
   the cache. out[n][stride]. */
static void search_group(const lk_index *index, const lk_kernels *kernels, const lk_real *queries,
                         size_t n, size_t k, size_t stride, lk_neighbour *out) {
    lk_real nearness[QUERIES * BLOCK];
    search searches[QUERIES];
    for (size_t q = 0; q < n; q++)
        searches[q] = begin(index, queries + q * index->dimensions, k, out + q * stride);
    for (size_t p = 0; p < index->panels; p += BLOCK_PANELS) {
        const size_t panels = LK_MIN((size_t)BLOCK_PANELS, index->panels - p);
        measure(index, kernels, queries, n, p, panels, nearness);
        for (size_t q = 0; q < n; q++)
            take_block(index, kernels, p, panels, nearness + q * BLOCK, &searches[q]);
    }
    for (size_t q = 0; q < n; q++) finish(index, &searches[q]);
}

size_t lk_index_search(const lk_index *index, const lk_real *queries, size_t n, size_t k,
                       int threads, lk_simd simd, lk_neighbour *out) {
    const lk_kernels *kernels = lk_kernels_get(simd);
    const size_t each = LK_MIN(k, LK_MIN(index->count, (size_t)LK_MAX_NEIGHBOURS));
    if (each == 0 || !kernels) return 0;
    const int groups = (int)((n + QUERIES - 1) / QUERIES);
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int g = 0; g < groups; g++) {
        const size_t first = (size_t)g * QUERIES;
        search_group(index, kernels, queries + first * index->dimensions,
                     LK_MIN((size_t)QUERIES, n - first), each, k, out + first * k);
    }
    return each;
}

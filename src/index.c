/* Exact nearest neighbours: a scan over vectors kept in panels of sixteen, so that sixteen
   distances are summed side by side, each in the order of the dimensions. */
#include <math.h>

#include "arena.h"
#include "kernels.h"

enum { BLOCK_PANELS = 16, BLOCK = BLOCK_PANELS * LK_LANES, QUERIES = 32 };

struct lk_index {
    lk_metric metric;
    size_t count, dimensions, panels;
    lk_real *vectors; /* [panels][dimensions][16]; of length 1 for cosine; padding zero */
};

static void put_vector(lk_index *index, size_t i, const lk_real *vector) {
    const size_t d = index->dimensions;
    double scale = 1;
    if (index->metric == LK_METRIC_COSINE) {
        double sum = 0;
        for (size_t k = 0; k < d; k++) sum += (double)vector[k] * (double)vector[k];
        scale = sum > 0 ? 1 / sqrt(sum) : 0;
    }
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
        if (index) {
            *index = (lk_index){metric, n, d, panels, packed};
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

/* For n queries and the panels p..p+panels-1: what falls with nearness, squared distances or minus
   dot products, into keys[n][BLOCK]. */
static void scan(const lk_index *index, const lk_kernels *kernels, const lk_real *queries, size_t n,
                 size_t p, size_t panels, lk_real *keys) {
    const size_t d = index->dimensions;
    const lk_real *vectors = index->vectors + p * d * LK_LANES;
    if (index->metric == LK_METRIC_L2) {
        for (size_t q = 0; q < n; q++)
            kernels->squared_distances(queries + q * d, d, vectors, panels, keys + q * BLOCK);
        return;
    }
    kernels->gemm(&(lk_gemm){.m = n,
                             .k = d,
                             .panels = panels,
                             .a = queries,
                             .a_row = d,
                             .a_col = 1,
                             .b = vectors,
                             .b_panel = d * LK_LANES,
                             .b_row = LK_LANES,
                             .c = keys,
                             .c_row = BLOCK,
                             .c_panel = LK_LANES});
    for (size_t i = 0; i < n * BLOCK; i++) keys[i] = -keys[i];
}

/* Puts (i, key) into out[0..n), which ascends and holds at most k; returns the new n. */
static size_t insert(lk_neighbour *out, size_t n, size_t k, size_t i, float key) {
    if (n == k && !(key < out[n - 1].distance)) return n;
    size_t at = n < k ? n++ : n - 1;
    for (; at > 0 && key < out[at - 1].distance; at--) out[at] = out[at - 1];
    out[at] = (lk_neighbour){(uint32_t)i, key};
    return n;
}

/* Keys become distances. */
static void finish(const lk_index *index, const lk_real *query, lk_neighbour *out, size_t n) {
    double length = 0;
    for (size_t k = 0; k < index->dimensions; k++) length += (double)query[k] * (double)query[k];
    length = sqrt(length);
    for (size_t i = 0; i < n; i++) {
        double distance = (double)out[i].distance;
        if (index->metric == LK_METRIC_L2)
            distance = sqrt(distance);
        else
            distance = length > 0 ? 1 + distance / length : 1;
        /* The rounding of lengths may leave a cosine just over 1. */
        out[i].distance = (float)LK_MAX(distance, 0.0);
    }
}

/* The neighbours of n queries, at most QUERIES: they share each block of vectors while it is in the
   cache. out[n][stride]. */
static void search(const lk_index *index, const lk_kernels *kernels, const lk_real *queries,
                   size_t n, size_t k, size_t stride, lk_neighbour *out) {
    const size_t d = index->dimensions;
    lk_real keys[QUERIES * BLOCK] = {0};
    size_t found[QUERIES] = {0};
    for (size_t p = 0; p < index->panels; p += BLOCK_PANELS) {
        const size_t panels = LK_MIN((size_t)BLOCK_PANELS, index->panels - p);
        const size_t first = p * LK_LANES;
        const size_t end = LK_MIN(panels * LK_LANES, index->count - first);
        scan(index, kernels, queries, n, p, panels, keys);
        for (size_t q = 0; q < n; q++)
            for (size_t i = 0; i < end; i++)
                found[q] =
                    insert(out + q * stride, found[q], k, first + i, (float)keys[q * BLOCK + i]);
    }
    for (size_t q = 0; q < n; q++) finish(index, queries + q * d, out + q * stride, k);
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
        search(index, kernels, queries + first * index->dimensions,
               LK_MIN((size_t)QUERIES, n - first), each, k, out + first * k);
    }
    return each;
}

/* Exact nearest neighbours: a scan over vectors kept in panels of sixteen, so that sixteen
   distances are summed side by side, each in the order of the dimensions.

   Nearness is what rises as distance falls and is a product of matrices: the dot product, for
   Euclidean distances less half the vector's squared length. It is found from whole numbers of 16
   bits, into which vectors and queries are rounded: half as many bytes to read as of floats, half
   the time to multiply, half as much memory again. A vector is passed over only if its nearness is
   so low that no rounding can explain it; the distance of whoever is left is summed anew from the
   floats themselves. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "arena.h"
#include "kernels.h"

enum {
    BLOCK_PANELS = 16,
    BLOCK = BLOCK_PANELS * LK_LANES,
    QUERIES = 32,
    PAIRS = 512,
    WAITING = 2 * LK_MAX_NEIGHBOURS
};

/* The longest vector, and each query, is as long as that in whole numbers; rounded up by half in
   each of 2 PAIRS dimensions it is still under 2^15, and a product of two under 2^31. */
#define WHOLE_LENGTH 32750.0

struct lk_index {
    lk_metric metric;
    size_t count, dimensions, panels;
    lk_real *vectors; /* [panels][dimensions][16]; of length 1 for cosine; padding zero */
    /* What is rounded are vectors as seen from their centre, which are shorter. That changes no
       Euclidean distance, and all products with a query by as much. */
    double *centre;   /* [dimensions]; 0 where nothing is rounded */
    lk_real *halves;  /* [panels][16]: minus half of each squared length; NULL for cosine */
    double longest;   /* length of the longest vector */
    int16_t *rounded; /* [panels][pairs][16][2]: the vectors times `factor` */
    size_t pairs;     /* of dimensions; 0: there are too many to be rounded */
    double factor;
};

static double squared_length(const lk_real *vector, size_t d) {
    double sum = 0;
    for (size_t k = 0; k < d; k++) sum += (double)vector[k] * (double)vector[k];
    return sum;
}

/* Where value k of a panel's sixteen vectors is. */
static lk_real *values_of(const lk_index *index, size_t p, size_t k) {
    return index->vectors + (p * index->dimensions + k) * LK_LANES;
}

/* How many vectors are in panel p. */
static size_t filled(const lk_index *index, size_t p) {
    return LK_MIN((size_t)LK_LANES, index->count - p * LK_LANES);
}

/* False: it is not finite. */
static bool put_vector(lk_index *index, size_t i, const lk_real *vector) {
    const size_t d = index->dimensions;
    const double squares = squared_length(vector, d);
    double scale = 1;
    if (index->metric == LK_METRIC_COSINE) scale = squares > 0 ? 1 / sqrt(squares) : 0;
    lk_real *to = values_of(index, i / LK_LANES, 0) + i % LK_LANES;
    for (size_t k = 0; k < d; k++) to[k * LK_LANES] = (lk_real)((double)vector[k] * scale);
    return isfinite(squares);
}

static void find_centre(lk_index *index) {
    for (size_t p = 0; p < index->panels; p++)
        for (size_t k = 0; k < index->dimensions; k++)
            for (size_t l = 0; l < LK_LANES; l++)
                index->centre[k] += (double)values_of(index, p, k)[l];
    for (size_t k = 0; k < index->dimensions; k++) index->centre[k] /= (double)index->count;
}

static void measure_panel(lk_index *index, size_t p) {
    double squares[LK_LANES] = {0};
    for (size_t k = 0; k < index->dimensions; k++)
        for (size_t l = 0; l < LK_LANES; l++) {
            const double value = (double)values_of(index, p, k)[l] - index->centre[k];
            squares[l] += value * value;
        }
    for (size_t l = 0; l < filled(index, p); l++) {
        if (index->halves) index->halves[p * LK_LANES + l] = (lk_real)(squares[l] / -2);
        index->longest = LK_MAX(sqrt(squares[l]), index->longest);
    }
}

/* The nearest whole number to a value times the factor: what is added leaves no bit for less than
   1, and puts the number into the lowest ones. */
static int16_t rounded(double value, double factor) {
    const double shifted = value * factor + 0x1.8p52;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (int16_t)(uint16_t)bits;
}

/* What makes a length that of whole numbers; 0 where that is out of reach. */
static double factor_of(double length) {
    const bool usual = length > (double)FLT_MIN && length < (double)FLT_MAX;
    return usual ? WHOLE_LENGTH / length : 0;
}

static void round_panel(lk_index *index, size_t p) {
    int16_t *to = index->rounded + p * index->pairs * 2 * LK_LANES;
    for (size_t k = 0; k < index->dimensions; k++)
        for (size_t l = 0; l < filled(index, p); l++)
            to[(k / 2 * LK_LANES + l) * 2 + k % 2] =
                rounded((double)values_of(index, p, k)[l] - index->centre[k], index->factor);
}

static lk_status fill(lk_index *index, const lk_real *vectors, lk_error *error) {
    for (size_t i = 0; i < index->count; i++)
        if (!put_vector(index, i, vectors + i * index->dimensions))
            return lk_fail(error, LK_NONFINITE, "a vector to search is not finite");
    if (index->pairs) find_centre(index);
    for (size_t p = 0; p < index->panels; p++) measure_panel(index, p);
    index->factor = factor_of(index->longest);
    for (size_t p = 0; p < index->panels && index->pairs; p++) round_panel(index, p);
    return LK_OK;
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
        const size_t pairs = d <= 2 * PAIRS ? (d + 1) / 2 : 0;
        if (!lk_mul_size(panels * LK_LANES, d, &values)) arena.overflow = true;
        lk_index *index = lk_arena_take(&arena, 1, sizeof *index);
        lk_real *packed = lk_arena_take(&arena, values, sizeof *packed);
        lk_real *halves = metric == LK_METRIC_L2
                              ? lk_arena_take(&arena, panels * LK_LANES, sizeof *halves)
                              : NULL;
        double *centre = lk_arena_take(&arena, d, sizeof *centre);
        int16_t *whole = lk_arena_take(&arena, panels * LK_LANES * pairs * 2, sizeof *whole);
        if (index) {
            *index = (lk_index){metric, n, d, panels, packed, centre, halves, 0, whole, pairs, 0};
            if (fill(index, vectors, error) == LK_OK) return index;
            lk_index_free(index);
            return NULL;
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

/* A few queries side by side; rounded where the index is. */
typedef struct group {
    const lk_real *queries;             /* [n][dimensions] */
    size_t n;                           /* at most QUERIES */
    int16_t whole[QUERIES * 2 * PAIRS]; /* [pairs][n][2] */
    lk_real scales[QUERIES];            /* a product of whole numbers times that is one of floats */
    lk_real nearness[QUERIES * BLOCK];  /* [n][BLOCK] */
} group;

/* The nearness of a group to the panels p..p+panels-1. */
static void measure(const lk_index *index, const lk_kernels *kernels, size_t p, size_t panels,
                    group *g) {
    const size_t d = index->dimensions;
    const lk_real *bias = index->halves ? index->halves + p * LK_LANES : NULL;
    if (index->pairs == 0)
        kernels->gemm(&(lk_gemm){.m = g->n,
                                 .k = d,
                                 .panels = panels,
                                 .a = g->queries,
                                 .a_row = d,
                                 .a_col = 1,
                                 .b = values_of(index, p, 0),
                                 .b_panel = d * LK_LANES,
                                 .b_row = LK_LANES,
                                 .c = g->nearness,
                                 .c_row = BLOCK,
                                 .c_panel = LK_LANES,
                                 .bias = bias});
    else
        kernels->whole_products(&(lk_whole){.m = g->n,
                                            .pairs = index->pairs,
                                            .panels = panels,
                                            .a = g->whole,
                                            .b = index->rounded + p * index->pairs * 2 * LK_LANES,
                                            .scale = g->scales,
                                            .bias = bias,
                                            .c = g->nearness,
                                            .c_row = BLOCK});
}

/* A query and what was found so far. Keys fall with nearness: squared distances, or minus the dot
   product. To find one, a vector has to come from afar, so that those in question wait until most
   of them are no longer. */
typedef struct search {
    const lk_real *query;
    double length; /* by Euclidean distance, as seen from the centre */
    /* More than what nearness and half a key, or a key by cosine, can be wrong by together; or
       infinite. Whose nearness is twice that below another's has the larger key. */
    double doubt;
    lk_neighbour *out; /* by their keys */
    size_t found, most;
    lk_neighbour likely[LK_MAX_NEIGHBOURS]; /* the `most` nearest, with minus their nearness */
    size_t seen;
    float limit;                   /* whose nearness is not over this is no candidate */
    lk_neighbour waiting[WAITING]; /* in order, with nearness */
    size_t waits;
} search;

/* Value k of a query as it is multiplied. */
static double query_value(const lk_index *index, const lk_real *query, size_t k) {
    return (double)query[k] - (index->halves ? index->centre[k] : 0);
}

/* Rounds query q of the group; how far that, and the rounding of vectors, takes a product from what
   it should be. */
static double round_query(const lk_index *index, double length, size_t q, group *g) {
    const size_t d = index->dimensions;
    const lk_real *query = g->queries + q * d;
    const double factor = factor_of(length), scale = 1 / (factor * index->factor);
    const bool usual = scale > (double)FLT_MIN && scale < (double)FLT_MAX;
    for (size_t k = 0; k < index->pairs * 2; k++)
        g->whole[(k / 2 * g->n + q) * 2 + k % 2] =
            k < d && usual ? rounded(query_value(index, query, k), factor) : (int16_t)0;
    g->scales[q] = usual ? (lk_real)scale : 0;
    /* By Cauchy and Schwarz: each of d values of either is off by at most a half. */
    const double share = sqrt((double)d) * 0.51 / WHOLE_LENGTH;
    return usual ? length * index->longest * share * (2 + share) : INFINITY;
}

static void begin(const lk_index *index, size_t q, group *g, size_t k, lk_neighbour *out,
                  search *s) {
    const size_t d = index->dimensions;
    double squares = 0;
    for (size_t i = 0; i < d; i++) {
        const double value = query_value(index, g->queries + q * d, i);
        squares += value * value;
    }
    const double length = sqrt(squares), reach = length + index->longest;
    const double largest = index->metric == LK_METRIC_COSINE ? length : reach * reach;
    /* Each of d products and of d sums is rounded, and so are a few numbers more; what is very
       small loses more than its share. */
    double doubt = (double)(d + 8) * ((double)FLT_EPSILON * largest + (double)FLT_MIN);
    if (index->pairs) doubt += round_query(index, length, q, g);
    if (!(largest < (double)FLT_MAX / 4)) doubt = INFINITY;
    s->query = g->queries + q * d;
    s->length = length;
    s->doubt = doubt;
    s->out = out;
    s->most = k;
    s->limit = -INFINITY;
    s->found = s->seen = s->waits = 0;
}

/* Puts (i, key) into out[0..n), which ascends and holds at most k; returns the new n. */
static size_t insert(lk_neighbour *out, size_t n, size_t k, size_t i, float key) {
    if (n == k && !(key < out[n - 1].distance)) return n;
    size_t at = n < k ? n++ : n - 1;
    for (; at > 0 && key < out[at - 1].distance; at--) out[at] = out[at - 1];
    out[at] = (lk_neighbour){(uint32_t)i, key};
    return n;
}

/* Keeps a candidate for later. Once as many as are asked for are known to be nearer, others are
   none any more. */
static void put_off(search *s, size_t i, float nearness) {
    s->seen = insert(s->likely, s->seen, s->most, i, -nearness);
    if (s->seen == s->most)
        s->limit = (float)(-(double)s->likely[s->most - 1].distance - 2 * s->doubt);
    s->waiting[s->waits++] = (lk_neighbour){(uint32_t)i, nearness};
}

/* keys[16] of panel p. */
static void find_keys(const lk_index *index, const lk_kernels *kernels, size_t p, const search *s,
                      lk_real *keys) {
    const lk_real *vectors = values_of(index, p, 0);
    if (index->metric == LK_METRIC_L2) {
        kernels->squared_distances(s->query, index->dimensions, vectors, 1, keys);
        return;
    }
    kernels->dot_products(s->query, index->dimensions, vectors, keys);
    for (size_t i = 0; i < LK_LANES; i++) keys[i] = -keys[i];
}

/* Lets those go that are no candidates any more; if more than so many are left, they are taken by
   their keys. */
static void settle(const lk_index *index, const lk_kernels *kernels, size_t left, search *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->waits; i++)
        if (s->waiting[i].distance > s->limit) s->waiting[n++] = s->waiting[i];
    s->waits = n;
    if (n <= left) return;
    lk_real keys[LK_LANES];
    for (size_t i = 0, last = index->panels; i < n; i++) {
        const size_t at = s->waiting[i].index, p = at / LK_LANES;
        if (p != last) find_keys(index, kernels, p, s, keys);
        s->found = insert(s->out, s->found, s->most, at, (float)keys[at % LK_LANES]);
        last = p;
    }
    s->waits = 0;
}

/* The candidates of the panels from p on, by their nearness[panels][16]. */
static void take_block(const lk_index *index, const lk_kernels *kernels, size_t p, size_t panels,
                       const lk_real *nearness, search *s) {
    for (size_t i = 0; i < panels; i++) {
        i = kernels->panel_over(nearness, i, panels, (lk_real)s->limit);
        for (size_t l = 0; l < LK_LANES && i < panels; l++) {
            const size_t at = (p + i) * LK_LANES + l;
            const float near = (float)nearness[i * LK_LANES + l];
            if (at >= index->count || !(near > s->limit)) continue;
            if (s->waits == WAITING) settle(index, kernels, WAITING / 2, s);
            put_off(s, at, near);
        }
    }
}

/* All vectors by their keys, where nearness tells nothing. */
static void take_all(const lk_index *index, const lk_kernels *kernels, search *s) {
    lk_real keys[LK_LANES];
    s->found = 0;
    for (size_t i = 0; i < index->count; i++) {
        if (i % LK_LANES == 0) find_keys(index, kernels, i / LK_LANES, s, keys);
        s->found = insert(s->out, s->found, s->most, i, (float)keys[i % LK_LANES]);
    }
}

/* Keys become distances. */
static void finish(const lk_index *index, const lk_kernels *kernels, search *s) {
    if (isfinite(s->doubt)) settle(index, kernels, 0, s);
    if (s->found < s->most) take_all(index, kernels, s);
    const double length = s->length;
    for (size_t i = 0; i < s->found; i++) {
        double distance = (double)s->out[i].distance;
        if (index->metric == LK_METRIC_L2)
            distance = sqrt(distance);
        else
            distance = length > 0 ? 1 + distance / length : 1;
        /* The rounding of lengths may leave a cosine just over 1. */
        s->out[i].distance = (float)(distance < 0 ? 0 : distance);
    }
}

/* The k neighbours of n queries, at most QUERIES: they share each block of vectors while it is in
   the cache. out[n][stride]. */
static void search_group(const lk_index *index, const lk_kernels *kernels, const lk_real *queries,
                         size_t n, size_t k, size_t stride, lk_neighbour *out) {
    group g;
    g.queries = queries;
    g.n = n;
    search searches[QUERIES];
    for (size_t q = 0; q < n; q++) begin(index, q, &g, k, out + q * stride, &searches[q]);
    for (size_t p = 0; p < index->panels; p += BLOCK_PANELS) {
        const size_t panels = LK_MIN((size_t)BLOCK_PANELS, index->panels - p);
        measure(index, kernels, p, panels, &g);
        for (size_t q = 0; q < n; q++)
            if (isfinite(searches[q].doubt))
                take_block(index, kernels, p, panels, g.nearness + q * BLOCK, &searches[q]);
    }
    for (size_t q = 0; q < n; q++) finish(index, kernels, &searches[q]);
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

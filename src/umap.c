/* UMAP (L. McInnes, J. Healy and J. Melville 2018): the graph of nearest neighbours, each edge a
   share of certainty, is laid out in a few dimensions so that the same edges are short there. It
   starts from the graph's leading eigenvectors. In an epoch every vector moves by itself, seeing
   the others where they stood at its start, so that threads do not change the result. */
#include <math.h>
#include <string.h>

#include "arena.h"
#include "fuzzy.h"
#include "rng.h"
#include "subspace.h"

enum { EPOCHS = 300, STRANGERS = 5, MOST_EDGES = 1 << 12 };
static const lk_real MOST_STEP = 4, SPAN = 10;

/* How sure a layout makes it that two are neighbours, d apart: 1 / (1 + a d^(2 b)). Of the paper's
   least distances it is near to the curve of 0.1, for pictures, and to that of 0, for clusters,
   with exponents that square roots make. */
typedef struct kernel {
    lk_real a, b;
} kernel;
static const kernel LOOSE = {(lk_real)1.6, 1}, TIGHT = {(lk_real)1.935, (lk_real)0.75};

typedef struct graph {
    lk_fuzzy edges;
    size_t n, dimensions;
    const kernel *kernel;
    int threads;
    double *factor;  /* [n] 1 / sqrt(sum of a vector's weights) */
    double *leading; /* [dimensions + 1][n] */
    double *values;  /* [dimensions + 1] */
    lk_real *before; /* [n][dimensions]: where all stood before the epoch */
} graph;

/* ---- the start: leading eigenvectors of the normalised weights, the first left out ---- */

static void apply(const void *context, const double *x, size_t count, double *y) {
    const graph *g = context;
    const lk_fuzzy *f = &g->edges;
    for (size_t v = 0; v < count; v++, x += g->n, y += g->n)
        for (size_t i = 0; i < g->n; i++) {
            double sum = 0;
            for (size_t e = f->first[i]; e < f->first[i + 1]; e++)
                sum += (double)f->certain[e] * g->factor[f->to[e]] * x[f->to[e]];
            y[i] = sum * g->factor[i];
        }
}

static lk_status begin(graph *g, uint64_t seed, lk_real *out, lk_error *error) {
    const lk_fuzzy *f = &g->edges;
    for (size_t i = 0; i < g->n; i++) {
        double sum = 0;
        for (size_t e = f->first[i]; e < f->first[i + 1]; e++) sum += (double)f->certain[e];
        g->factor[i] = 1 / sqrt(sum);
    }
    const lk_symmetric a = {g->n, -1, apply, g};
    const lk_status status = lk_subspace_leading(&a, g->dimensions + 1, 1e-3, seed, g->threads,
                                                 g->values, g->leading, error);
    if (status != LK_OK) return status;
    double largest = 1e-300;
    for (size_t i = g->n; i < (g->dimensions + 1) * g->n; i++)
        largest = LK_MAX(largest, fabs(g->leading[i]));
    const lk_rng rng = lk_rng_make(seed, LK_STREAM_COMPONENTS, 4);
    for (size_t i = 0; i < g->n; i++)
        for (size_t v = 0; v < g->dimensions; v++)
            out[i * g->dimensions + v] =
                SPAN * (lk_real)(g->leading[(v + 1) * g->n + i] / largest) +
                (lk_real)(1e-4 * lk_rng_normal(rng, i * g->dimensions + v));
    return LK_OK;
}

/* ---- the layout ---- */

/* Moves y by `factor` times its difference to `other`, no value by more than MOST_STEP x rate. */
static void pull(lk_real *y, const lk_real *other, size_t d, lk_real factor, lk_real rate) {
    for (size_t v = 0; v < d; v++) {
        const lk_real step = factor * (y[v] - other[v]);
        y[v] += rate * (step > MOST_STEP ? MOST_STEP : step < -MOST_STEP ? -MOST_STEP : step);
    }
}

static lk_real apart(const lk_real *a, const lk_real *b, size_t d) {
    lk_real sum = 0;
    for (size_t v = 0; v < d; v++) sum += (a[v] - b[v]) * (a[v] - b[v]);
    return sum;
}

/* d^(2 b), b being 1 or 3/4, of a squared distance. */
static lk_real raise(const kernel *k, lk_real squared) {
    const double length = sqrt((double)squared);
    return k->b < 1 ? (lk_real)(length * sqrt(length)) : squared;
}

/* What an edge of this squared length pulls by, and a stranger that is so far away pushes by. */
static lk_real attract(const kernel *k, lk_real squared) {
    const lk_real raised = raise(k, squared);
    if (!(squared > 0)) return 0;
    return -2 * k->a * k->b * (raised / squared) / (1 + k->a * raised);
}
static lk_real repel(const kernel *k, lk_real squared) {
    return 2 * k->b / (((lk_real)0.001 + squared) * (1 + k->a * raise(k, squared)));
}

/* An edge of weight w acts in that share of the epochs, evenly, and pulls from both its ends; with
   it come vectors drawn at random, which push. */
static void move(const graph *g, size_t i, uint32_t epoch, lk_rng rng, lk_real rate, lk_real *y) {
    const lk_fuzzy *f = &g->edges;
    const size_t d = g->dimensions;
    uint64_t draws = i * MOST_EDGES * STRANGERS;
    for (size_t e = f->first[i]; e < f->first[i + 1]; e++) {
        const double w = (double)f->certain[e];
        if ((uint32_t)((epoch + 1) * w) == (uint32_t)(epoch * w)) continue;
        const lk_real *neighbour = g->before + f->to[e] * d;
        for (int end = 0; end < 2; end++)
            pull(y, neighbour, d, attract(g->kernel, apart(y, neighbour, d)), rate);
        for (int s = 0; s < STRANGERS; s++) {
            const size_t other = lk_rng_below(rng, draws++, g->n);
            const lk_real *stranger = g->before + other * d;
            if (other != i) pull(y, stranger, d, repel(g->kernel, apart(y, stranger, d)), rate);
        }
    }
}

static void lay_out(graph *g, uint64_t seed, lk_real *out) {
    const int n = (int)g->n;
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        const lk_rng rng = lk_rng_make(seed, LK_STREAM_COMPONENTS, 5 + epoch);
        const lk_real rate = 1 - (lk_real)epoch / EPOCHS;
        memcpy(g->before, out, g->n * g->dimensions * sizeof *out);
#pragma omp parallel for schedule(dynamic, 256) num_threads(g->threads) if (g->threads > 1)
        for (int i = 0; i < n; i++)
            move(g, (size_t)i, epoch, rng, rate, out + (size_t)i * g->dimensions);
    }
}

static void take(graph *g, lk_arena *arena) {
    size_t values = 0;
    if (!lk_mul_size(g->n, g->dimensions + 1, &values)) arena->overflow = true;
    g->factor = lk_arena_take(arena, g->n, sizeof *g->factor);
    g->leading = lk_arena_take(arena, values, sizeof *g->leading);
    g->values = lk_arena_take(arena, g->dimensions + 1, sizeof *g->values);
    g->before = lk_arena_take(arena, values, sizeof *g->before);
}

lk_status lk_umap(const lk_real *vectors, size_t n, size_t d, size_t neighbours, size_t dimensions,
                  bool tight, uint64_t seed, int threads, lk_simd simd, lk_real *out,
                  lk_error *error) {
    if (threads < 1 || threads > 1024) return lk_fail(error, LK_USAGE, "threads must be 1 to 1024");
    if (neighbours == 0 || neighbours >= LK_MAX_NEIGHBOURS)
        return lk_fail(error, LK_USAGE, "neighbours must be 1 to %u", LK_MAX_NEIGHBOURS - 1ull);
    if (n <= neighbours || n <= dimensions)
        return lk_fail(error, LK_DATA, "%u vectors are too few", (unsigned long long)n);
    graph g = {
        .n = n, .dimensions = dimensions, .kernel = tight ? &TIGHT : &LOOSE, .threads = threads};
    lk_status status = lk_fuzzy_make(vectors, n, d, neighbours, threads, simd, &g.edges, error);
    if (status != LK_OK) return status;
    lk_arena arena = {0};
    take(&g, &arena);
    if (lk_arena_commit(&arena)) {
        take(&g, &arena);
        status = begin(&g, seed, out, error);
        if (status == LK_OK) lay_out(&g, seed, out);
    } else {
        status = lk_fail(error, LK_MEMORY, "out of memory");
    }
    lk_free(arena.base);
    lk_free(g.edges.first);
    return status;
}

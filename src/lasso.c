/* Each vector as a sparse combination of the others: the lasso (R. Tibshirani 1996) by coordinate
   descent (J. Friedman, T. Hastie and R. Tibshirani 2010) over a few candidates. Who else belongs
   among them is told by the conditions that a solution meets, |x_j . residual| <= lambda for all
   that have no part: those who break them most join. All of it is told by the products of any two
   vectors, which are made first, so that the rest costs the same however long the vectors are. */
#include <math.h>
#include <string.h>

#include "analyses.h"
#include "arena.h"
#include "kernels.h"

enum { BLOCK_PANELS = 8, BLOCK = BLOCK_PANELS * LK_LANES, JOINING = 8, ROUNDS = 40, SWEEPS = 2000 };

typedef struct solver {
    size_t n, d, stride; /* stride: n in whole vectors */
    double ratio;
    int threads;
    const lk_kernels *kernels;
    const lk_real *vectors;
    lk_real *units;    /* [n][d]: centred, of length 1 */
    lk_real *panels;   /* threads x [BLOCK_PANELS][d][16]: some of them */
    lk_real *products; /* [n][stride]: of any two */
    lk_real *slopes;   /* threads x [stride]: of all with a residual */
    lk_link *links;    /* [n][LK_MOST_LINKS]: candidates and their coefficients */
    uint32_t *counts;  /* [n] */
} solver;

/* A vector that does not vary becomes 0, which nobody is made of. */
static void make_unit(const lk_real *from, size_t d, lk_real *to) {
    double mean = 0, squares = 0, all = 0;
    for (size_t k = 0; k < d; k++) mean += (double)from[k] / (double)d;
    for (size_t k = 0; k < d; k++) all += (double)from[k] * (double)from[k];
    for (size_t k = 0; k < d; k++) squares += ((double)from[k] - mean) * ((double)from[k] - mean);
    for (size_t k = 0; k < d; k++)
        to[k] = squares > 1e-14 * all ? (lk_real)(((double)from[k] - mean) / sqrt(squares)) : 0;
}

/* The products of a block of vectors with themselves and with all behind them, put down for both.
 */
static void multiply_block(const solver *s, size_t first) {
    const size_t count = LK_MIN((size_t)BLOCK, s->n - first), d = s->d;
    lk_real *panels = s->panels + (size_t)lk_thread_number() * BLOCK * d;
    memset(panels, 0, BLOCK * d * sizeof *panels);
    for (size_t i = 0; i < count; i++) {
        lk_real *to = panels + i / LK_LANES * d * LK_LANES + i % LK_LANES;
        for (size_t k = 0; k < d; k++) to[k * LK_LANES] = s->units[(first + i) * d + k];
    }
    s->kernels->gemm(&(lk_gemm){.m = s->n - first,
                                .k = d,
                                .panels = (count + LK_LANES - 1) / LK_LANES,
                                .a = s->units + first * d,
                                .a_row = d,
                                .a_col = 1,
                                .b = panels,
                                .b_panel = d * LK_LANES,
                                .b_row = LK_LANES,
                                .c = s->products + first * s->stride + first,
                                .c_row = s->stride,
                                .c_panel = LK_LANES});
    for (size_t i = first + count; i < s->n; i++)
        for (size_t j = first; j < first + count; j++)
            s->products[j * s->stride + i] = s->products[i * s->stride + j];
}

/* Coordinate descent for vector i over its candidates. */
static void solve(const solver *s, size_t i, double lambda) {
    lk_link *links = s->links + i * LK_MOST_LINKS;
    const size_t count = s->counts[i];
    double gram[LK_MOST_LINKS][LK_MOST_LINKS], slope[LK_MOST_LINKS], b[LK_MOST_LINKS];
    for (size_t a = 0; a < count; a++) {
        const lk_real *products = s->products + links[a].index * s->stride;
        b[a] = (double)links[a].weight;
        slope[a] = (double)products[i];
        for (size_t c = 0; c < count; c++) gram[a][c] = (double)products[links[c].index];
    }
    for (size_t a = 0; a < count; a++) /* x_a . residual */
        for (size_t c = 0; c < count; c++) slope[a] -= gram[a][c] * b[c];
    double change = 1;
    for (int sweep = 0; sweep < SWEEPS && change > 1e-9; sweep++) {
        change = 0;
        for (size_t a = 0; a < count; a++) {
            const double z = slope[a] + gram[a][a] * b[a], beyond = fabs(z) - lambda;
            const double to =
                beyond > 0 && gram[a][a] > 0 ? (z > 0 ? beyond : -beyond) / gram[a][a] : 0;
            const double by = to - b[a];
            if (by == 0) continue;
            b[a] = to;
            change = LK_MAX(change, fabs(by));
            for (size_t c = 0; c < count; c++) slope[c] -= gram[a][c] * by;
        }
    }
    for (size_t a = 0; a < count; a++) links[a].weight = (float)b[a];
}

/* The products of all with vector i's residual. */
static void find_slopes(const solver *s, size_t i, lk_real *slopes) {
    const lk_link *links = s->links + i * LK_MOST_LINKS;
    memcpy(slopes, s->products + i * s->stride, s->n * sizeof *slopes);
    for (size_t a = 0; a < s->counts[i]; a++) {
        const lk_real *products = s->products + links[a].index * s->stride, b = links[a].weight;
        for (size_t j = 0; j < s->n; j++) slopes[j] -= b * products[j];
    }
}

/* Candidates without a part make room. */
static void drop_unused(const solver *s, size_t i) {
    lk_link *links = s->links + i * LK_MOST_LINKS;
    uint32_t kept = 0;
    for (size_t a = 0; a < s->counts[i]; a++)
        if (links[a].weight != 0) links[kept++] = links[a];
    s->counts[i] = kept;
}

/* Lets those join whose product with the residual is most over the limit, largest first: among
   equal ones the first. False when nobody does. Slopes of those that cannot join become 0. */
static bool join(const solver *s, size_t i, lk_real *slopes, double limit) {
    uint32_t best[JOINING];
    size_t joined = 0;
    const size_t room = LK_MIN((size_t)JOINING, (size_t)LK_MOST_LINKS - s->counts[i]);
    lk_link *links = s->links + i * LK_MOST_LINKS;
    slopes[i] = 0;
    for (size_t a = 0; a < s->counts[i]; a++) slopes[links[a].index] = 0;
    for (size_t j = 0; j < s->n && room > 0; j++) {
        const double over = fabs((double)slopes[j]);
        if (!(over > limit)) continue;
        size_t at = joined;
        for (; at > 0 && over > fabs((double)slopes[best[at - 1]]); at--)
            if (at < room) best[at] = best[at - 1];
        if (at < room) best[at] = (uint32_t)j;
        joined += joined < room;
    }
    for (size_t a = 0; a < joined; a++) links[s->counts[i]++] = (lk_link){best[a], 0};
    return joined > 0;
}

static void combine(const solver *s, size_t i) {
    lk_real *slopes = s->slopes + (size_t)lk_thread_number() * s->stride;
    double most = 0;
    s->counts[i] = 0;
    find_slopes(s, i, slopes);
    for (size_t j = 0; j < s->n; j++)
        if (j != i) most = LK_MAX(most, fabs((double)slopes[j]));
    const double lambda = LK_MAX(s->ratio * most, 1e-6), limit = lambda * (1 + 1e-4) + 1e-6;
    for (int round = 0; round < ROUNDS && join(s, i, slopes, limit); round++) {
        solve(s, i, lambda);
        drop_unused(s, i);
        find_slopes(s, i, slopes);
    }
}

static void run(const solver *s) {
    const int n = (int)s->n, blocks = (n + BLOCK - 1) / BLOCK;
#pragma omp parallel num_threads(s->threads) if (s->threads > 1)
    {
#pragma omp for schedule(static)
        for (int i = 0; i < n; i++)
            make_unit(s->vectors + (size_t)i * s->d, s->d, s->units + (size_t)i * s->d);
#pragma omp for schedule(dynamic)
        for (int b = 0; b < blocks; b++) multiply_block(s, (size_t)b * BLOCK);
#pragma omp for schedule(dynamic, 8)
        for (int i = 0; i < n; i++) combine(s, (size_t)i);
    }
}

lk_status lk_lasso(const lk_real *vectors, size_t n, size_t d, double ratio, int threads,
                   lk_simd simd, lk_link *links, uint32_t *counts, lk_error *error) {
    if (!(ratio > 0 && ratio < 1)) return lk_fail(error, LK_USAGE, "lambda must be in (0, 1)");
    if (n < 2 || d == 0) return lk_fail(error, LK_DATA, "no vectors to combine");
    if (n > LK_MOST_COMBINED)
        return lk_fail(error, LK_DATA, "%u vectors to combine, of %u at most",
                       (unsigned long long)n, (unsigned long long)LK_MOST_COMBINED);
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        solver s = {.n = n,
                    .d = d,
                    .stride = lk_round_up(n, LK_LANES),
                    .ratio = ratio,
                    .threads = threads,
                    .kernels = lk_kernels_get(simd),
                    .vectors = vectors,
                    .links = links,
                    .counts = counts};
        size_t values = 0, panels = 0;
        if (!lk_mul_size(n, d, &values) || !lk_mul_size((size_t)threads * BLOCK, d, &panels))
            arena.overflow = true;
        s.units = lk_arena_take(&arena, values, sizeof *s.units);
        s.panels = lk_arena_take(&arena, panels, sizeof *s.panels);
        s.products = lk_arena_take(&arena, n * s.stride, sizeof *s.products);
        s.slopes = lk_arena_take(&arena, (size_t)threads * s.stride, sizeof *s.slopes);
        if (s.units) {
            run(&s);
            lk_free(arena.base);
            return LK_OK;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

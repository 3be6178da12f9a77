/* Each vector as a sparse combination of the others: the lasso (R. Tibshirani 1996) by coordinate
   descent (J. Friedman, T. Hastie and R. Tibshirani 2010) over a few candidates. Who else belongs
   among them is told by the conditions that a solution meets, |x_j . residual| <= lambda for all
   that have no part: those who break them most are found by the index, and join. */
#include <math.h>
#include <string.h>

#include "analyses.h"
#include "arena.h"
#include "base.h"

enum { SEARCHED = LK_MOST_LINKS + 16, JOINING = 8, ROUNDS = 40, SWEEPS = 2000 };

typedef struct solver {
    size_t n, d;
    double ratio;
    lk_real *units;      /* [n][d]: centred, of length 1 */
    lk_real *residuals;  /* [open][d], then the same negated */
    lk_neighbour *found; /* [2 open][SEARCHED] */
    uint32_t *open;      /* whose solutions are not known to be complete */
    bool *complete;      /* [n] */
    double *lambda;      /* [n] */
    lk_link *links;      /* [n][LK_MOST_LINKS]: candidates and their coefficients */
    uint32_t *counts;    /* [n] */
} solver;

static double dot(const lk_real *a, const lk_real *b, size_t d) {
    double sum = 0;
    for (size_t k = 0; k < d; k++) sum += (double)a[k] * (double)b[k];
    return sum;
}

/* A vector that does not vary becomes 0, which nobody is made of. */
static void make_units(const lk_real *vectors, solver *s) {
    for (size_t i = 0; i < s->n; i++) {
        const lk_real *from = vectors + i * s->d;
        lk_real *to = s->units + i * s->d;
        double mean = 0, squares = 0, all = 0;
        for (size_t k = 0; k < s->d; k++) mean += (double)from[k] / (double)s->d;
        for (size_t k = 0; k < s->d; k++) all += (double)from[k] * (double)from[k];
        for (size_t k = 0; k < s->d; k++)
            squares += ((double)from[k] - mean) * ((double)from[k] - mean);
        for (size_t k = 0; k < s->d; k++)
            to[k] = squares > 1e-14 * all ? (lk_real)(((double)from[k] - mean) / sqrt(squares)) : 0;
    }
}

/* Coordinate descent for vector i over its candidates; then its residual. */
static void solve(const solver *s, size_t i, lk_real *residual) {
    lk_link *links = s->links + i * LK_MOST_LINKS;
    const size_t count = s->counts[i], d = s->d;
    const lk_real *y = s->units + i * d;
    double gram[LK_MOST_LINKS][LK_MOST_LINKS], slope[LK_MOST_LINKS], b[LK_MOST_LINKS];
    for (size_t a = 0; a < count; a++) {
        const lk_real *x = s->units + (size_t)links[a].index * d;
        b[a] = (double)links[a].weight;
        slope[a] = dot(x, y, d);
        for (size_t c = 0; c <= a; c++)
            gram[a][c] = gram[c][a] = dot(x, s->units + (size_t)links[c].index * d, d);
    }
    for (size_t a = 0; a < count; a++) /* x_a . residual */
        for (size_t c = 0; c < count; c++) slope[a] -= gram[a][c] * b[c];
    double change = 1;
    for (int sweep = 0; sweep < SWEEPS && change > 1e-9; sweep++) {
        change = 0;
        for (size_t a = 0; a < count; a++) {
            const double z = slope[a] + gram[a][a] * b[a], beyond = fabs(z) - s->lambda[i];
            const double to =
                beyond > 0 && gram[a][a] > 0 ? (z > 0 ? beyond : -beyond) / gram[a][a] : 0;
            const double by = to - b[a];
            if (by == 0) continue;
            b[a] = to;
            change = LK_MAX(change, fabs(by));
            for (size_t c = 0; c < count; c++) slope[c] -= gram[a][c] * by;
        }
    }
    for (size_t k = 0; k < d; k++) {
        double r = (double)y[k];
        for (size_t a = 0; a < count; a++)
            r -= b[a] * (double)s->units[(size_t)links[a].index * d + k];
        residual[k] = (lk_real)r;
    }
    for (size_t a = 0; a < count; a++) links[a].weight = (float)b[a];
}

static bool is_candidate(const solver *s, size_t i, uint32_t other) {
    for (size_t a = 0; a < s->counts[i]; a++)
        if (s->links[i * LK_MOST_LINKS + a].index == other) return true;
    return other == i;
}

/* Candidates without a part make room. */
static void drop_unused(const solver *s, size_t i) {
    lk_link *links = s->links + i * LK_MOST_LINKS;
    uint32_t kept = 0;
    for (size_t a = 0; a < s->counts[i]; a++)
        if (links[a].weight != 0) links[kept++] = links[a];
    s->counts[i] = kept;
}

/* Lets those join whose product with the residual is most over lambda: `along` lists products that
   are positive, `against` negative ones, largest first. False when nobody does. */
static bool join(const solver *s, size_t i, const lk_neighbour *along, const lk_neighbour *against,
                 size_t searched, double length) {
    size_t a = 0, b = 0, joined = 0;
    const double limit = s->lambda[i] * (1 + 1e-4) + 1e-6;
    while (joined < JOINING && s->counts[i] < LK_MOST_LINKS && (a < searched || b < searched)) {
        const double up = a < searched ? (1 - (double)along[a].distance) * length : -1;
        const double down = b < searched ? (1 - (double)against[b].distance) * length : -1;
        if (LK_MAX(up, down) <= limit) break;
        const uint32_t other = up >= down ? along[a++].index : against[b++].index;
        if (is_candidate(s, i, other)) continue;
        s->links[i * LK_MOST_LINKS + s->counts[i]++] = (lk_link){other, 0};
        joined++;
    }
    return joined > 0;
}

/* lambda, from the largest product with another vector. */
static void set_lambda(const solver *s, size_t i, const lk_neighbour *along,
                       const lk_neighbour *against, size_t searched) {
    double most = 0;
    for (size_t k = 0; k < searched; k++) {
        if (along[k].index != i) most = LK_MAX(most, 1 - (double)along[k].distance);
        if (against[k].index != i) most = LK_MAX(most, 1 - (double)against[k].distance);
    }
    s->lambda[i] = LK_MAX(s->ratio * most, 1e-6);
}

/* One round for all that are open: returns how many still are. */
static size_t round_once(solver *s, const lk_index *index, size_t open, bool first, int threads,
                         lk_simd simd) {
    const size_t d = s->d;
#pragma omp parallel for schedule(dynamic, 8) num_threads(threads) if (threads > 1)
    for (size_t q = 0; q < open; q++) {
        lk_real *residual = s->residuals + q * d;
        if (first)
            memcpy(residual, s->units + s->open[q] * d, d * sizeof *residual);
        else
            solve(s, s->open[q], residual);
        for (size_t k = 0; k < d; k++) s->residuals[(open + q) * d + k] = -residual[k];
    }
    const size_t searched =
        lk_index_search(index, s->residuals, 2 * open, SEARCHED, threads, simd, s->found);
#pragma omp parallel for schedule(dynamic, 8) num_threads(threads) if (threads > 1)
    for (size_t q = 0; q < open; q++) {
        const size_t i = s->open[q];
        const lk_neighbour *along = s->found + q * SEARCHED, *against = along + open * SEARCHED;
        const lk_real *residual = s->residuals + q * d;
        if (first) set_lambda(s, i, along, against, searched);
        drop_unused(s, i);
        s->complete[i] = !join(s, i, along, against, searched, sqrt(dot(residual, residual, d)));
    }
    size_t left = 0;
    for (size_t q = 0; q < open; q++)
        if (!s->complete[s->open[q]]) s->open[left++] = s->open[q];
    return left;
}

static lk_status run(solver *s, int threads, lk_simd simd, lk_error *error) {
    lk_index *index = lk_index_create(s->units, s->n, s->d, LK_METRIC_COSINE, error);
    if (!index) return error->status;
    size_t open = s->n;
    for (size_t i = 0; i < s->n; i++) s->open[i] = (uint32_t)i;
    for (int r = 0; r < ROUNDS && open > 0; r++)
        open = round_once(s, index, open, r == 0, threads, simd);
    for (size_t q = 0; q < open; q++) { /* not seen to happen: who just joined has no part */
        solve(s, s->open[q], s->residuals);
        drop_unused(s, s->open[q]);
    }
    lk_index_free(index);
    return LK_OK;
}

lk_status lk_lasso(const lk_real *vectors, size_t n, size_t d, double ratio, int threads,
                   lk_simd simd, lk_link *links, uint32_t *counts, lk_error *error) {
    if (!(ratio > 0 && ratio < 1)) return lk_fail(error, LK_USAGE, "lambda must be in (0, 1)");
    if (n < 2 || n > UINT32_MAX || d == 0) return lk_fail(error, LK_DATA, "no vectors to combine");
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        solver s = {.n = n, .d = d, .ratio = ratio, .links = links, .counts = counts};
        size_t values = 0;
        if (!lk_mul_size(n, d, &values)) arena.overflow = true;
        s.units = lk_arena_take(&arena, values, sizeof *s.units);
        s.residuals = lk_arena_take(&arena, values, 2 * sizeof *s.residuals);
        s.found = lk_arena_take(&arena, n, 2 * SEARCHED * sizeof *s.found);
        s.open = lk_arena_take(&arena, n, sizeof *s.open);
        s.complete = lk_arena_take(&arena, n, sizeof *s.complete);
        s.lambda = lk_arena_take(&arena, n, sizeof *s.lambda);
        if (s.units) {
            memset(counts, 0, n * sizeof *counts);
            make_units(vectors, &s);
            const lk_status status = run(&s, threads, simd, error);
            lk_free(arena.base);
            return status;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

/* How well clusters agree with labels that they were not told. */
#include <math.h>
#include <string.h>

#include "arena.h"
#include "base.h"

/* ---- the best assignment of clusters to classes ---- */

/* H. W. Kuhn's Hungarian method (1955) by shortest augmenting paths with potentials (R. Jonker and
   A. Volgenant 1987): columns[row] of an n x n matrix so that the sum of gains is the largest. */
typedef struct matching {
    size_t n;
    const double *gain; /* [n][n] */
    double *row, *column, *slack;
    size_t *owner; /* of each column: a row, or n */
    size_t *way;   /* the column before it on the path */
    bool *seen;
} matching;

/* Rows and columns are counted from 1 here, 0 being the row that is to be placed and its column. */
static void place(matching *m, size_t row) {
    size_t at = 0;
    m->owner[0] = row;
    for (size_t j = 0; j <= m->n; j++) {
        m->slack[j] = INFINITY;
        m->seen[j] = false;
    }
    do {
        const size_t i = m->owner[at];
        double least = INFINITY;
        size_t next = 0;
        m->seen[at] = true;
        for (size_t j = 1; j <= m->n; j++) {
            if (m->seen[j]) continue;
            const double cost = -m->gain[(i - 1) * m->n + j - 1] - m->row[i] - m->column[j];
            if (cost < m->slack[j]) {
                m->slack[j] = cost;
                m->way[j] = at;
            }
            if (m->slack[j] < least) {
                least = m->slack[j];
                next = j;
            }
        }
        for (size_t j = 0; j <= m->n; j++) {
            if (m->seen[j]) {
                m->row[m->owner[j]] += least;
                m->column[j] -= least;
            } else {
                m->slack[j] -= least;
            }
        }
        at = next;
    } while (m->owner[at] != 0);
    for (; at != 0; at = m->way[at]) m->owner[at] = m->owner[m->way[at]];
}

/* owner[1 .. n] from `gain`. */
static bool match(size_t n, const double *gain, size_t *owner) {
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        matching m = {.n = n, .gain = gain, .owner = owner};
        m.row = lk_arena_take(&arena, n + 1, sizeof *m.row);
        m.column = lk_arena_take(&arena, n + 1, sizeof *m.column);
        m.slack = lk_arena_take(&arena, n + 1, sizeof *m.slack);
        m.way = lk_arena_take(&arena, n + 1, sizeof *m.way);
        m.seen = lk_arena_take(&arena, n + 1, sizeof *m.seen);
        if (m.row) {
            memset(owner, 0, (n + 1) * sizeof *owner);
            for (size_t i = 1; i <= n; i++) place(&m, i);
            lk_free(arena.base);
            return true;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return false;
}

/* ---- the three measures, of a table of counts ---- */

static double choose_two(double n) {
    return n * (n - 1) / 2;
}

static double entropy(const double *sums, size_t side, double n) {
    double h = 0;
    for (size_t i = 0; i < side; i++)
        if (sums[i] > 0) h -= sums[i] / n * lk_log(sums[i] / n);
    return h;
}

/* counts[side][side]: classes down, clusters across; rows and columns are their sums. */
static void measure(const double *counts, size_t side, const double *rows, const double *columns,
                    double n, lk_agreement *out) {
    double mutual = 0, pairs = 0, row_pairs = 0, column_pairs = 0;
    for (size_t i = 0; i < side; i++) {
        row_pairs += choose_two(rows[i]);
        column_pairs += choose_two(columns[i]);
        for (size_t j = 0; j < side; j++) {
            const double both = counts[i * side + j];
            if (both > 0) mutual += both / n * lk_log(n * both / (rows[i] * columns[j]));
            pairs += choose_two(both);
        }
    }
    const double h = entropy(rows, side, n) + entropy(columns, side, n);
    out->nmi = h > 0 ? LK_MAX(mutual, 0.0) / (h / 2) : 1;
    const double expected = n > 1 ? row_pairs * column_pairs / choose_two(n) : 0;
    const double most = (row_pairs + column_pairs) / 2;
    out->ari = most > expected ? (pairs - expected) / (most - expected) : 1;
}

static void count(const uint32_t *labels, const uint32_t *clusters, size_t n, size_t side,
                  double *counts, double *rows, double *columns) {
    for (size_t i = 0; i < n; i++) {
        counts[labels[i] * side + clusters[i]]++;
        rows[labels[i]]++;
        columns[clusters[i]]++;
    }
}

lk_status lk_agree(const uint32_t *labels, uint32_t classes, const uint32_t *clusters, uint32_t k,
                   size_t n, uint32_t *class_of, lk_agreement *out, lk_error *error) {
    if (n == 0) return lk_fail(error, LK_DATA, "there are no images");
    for (size_t i = 0; i < n; i++)
        if (labels[i] >= classes || clusters[i] >= k)
            return lk_fail(error, LK_USAGE, "a label is none of the classes");
    const size_t side = LK_MAX(classes, k);
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        double *counts = lk_arena_take(&arena, side * side, sizeof *counts);
        double *rows = lk_arena_take(&arena, side, sizeof *rows);
        double *columns = lk_arena_take(&arena, side, sizeof *columns);
        size_t *owner = lk_arena_take(&arena, side + 1, sizeof *owner);
        if (counts) {
            double right = 0;
            count(labels, clusters, n, side, counts, rows, columns);
            const bool matched = match(side, counts, owner);
            for (size_t j = 0; matched && j < side; j++) {
                const size_t row = owner[j + 1] - 1;
                right += counts[row * side + j];
                if (j < k) class_of[j] = row < classes ? (uint32_t)row : UINT32_MAX;
            }
            out->accuracy = right / (double)n;
            measure(counts, side, rows, columns, (double)n, out);
            lk_free(arena.base);
            return matched ? LK_OK : lk_fail(error, LK_MEMORY, "out of memory");
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

/* gemm where registers hold eight or sixteen values, or one; a part of kernels.c. A tile of sums
   for some rows and a panel stays in registers while the inner size goes by. */
#ifndef LK_GEMM_WIDE_H
#define LK_GEMM_WIDE_H

#include "kernels.h"

/* Rows of C in one register tile, which is a panel wide: a sum for each row stays in registers, and
   a row's factor is broadcast by the multiplication itself. Measured: 16 rows reach the peak of
   AVX-512 on Zen 4 where 8 rows x 2 panels stop at two thirds. */
#if defined(LK_VARIANT_v4)
enum { TILE_ROWS = 16 };
#elif defined(LK_VARIANT_v3)
enum { TILE_ROWS = 6 };
#else
enum { TILE_ROWS = 2 };
#endif
/* A panel of B and a tile's rows of A stay in the first-level cache for this many k, and those rows
   are multiplied by so many panels, which stay in the second, before the next ones are read: where
   they are thousands, as in the gradient of a wide layer, they come from far away. */
enum { K_BLOCK = 192, PANELS = 32 };

/* A part of the inner size: k from k0 to k1 of the runs from r0 to r1. Handed on by pointer: a copy
   is loaded whole as soon as its parts are stored, which CPUs wait for. */
typedef struct block {
    size_t r0, r1, k0, k1;
} block;

/* A tile's factors: those of its rows are `row` values apart, those of the next k and of the next
   run so far behind. */
typedef struct factors {
    const lk_real *first;
    size_t row, step;
    ptrdiff_t jump;
} factors;

static factors factors_at(const lk_gemm *g, size_t i, const block *inner) {
    return (factors){g->a + i * g->a_row + (ptrdiff_t)inner->r0 * g->a_jump + inner->k0 * g->a_col,
                     g->a_row, g->a_col, g->a_jump};
}

/* The same, copied so that those of one k are side by side: to[runs][k][TILE_ROWS]. There are at
   least TURNED rows. */
static factors lay_beside(const factors from, size_t rows, const block *inner, lk_real *to) {
    const size_t count = inner->k1 - inner->k0;
    const factors laid = {to, 1, TILE_ROWS, (ptrdiff_t)(count * TILE_ROWS)};
    const lk_real *a = from.first;
    for (size_t run = inner->r0; run < inner->r1; run++, a += from.jump, to += laid.jump)
        for (size_t i = 0; i < rows; i += TURNED) {
            const size_t r = LK_MIN(i, rows - TURNED); /* where uneven, some rows twice */
            const lk_real *row = a + r * from.row;
            size_t k = 0;
            for (; k + TURNED <= count; k += TURNED)
                turn(row + k, from.row, to + k * TILE_ROWS + r, TILE_ROWS);
            for (; k < count; k++)
                for (size_t n = 0; n < TURNED; n++)
                    to[k * TILE_ROWS + r + n] = row[n * from.row + k];
        }
    return laid;
}

/* One tile: rows x panels of C, adding a block to what C holds if it is not the first. `rows` and
   `panels`, and whether factors are side by side, are constants at each call, so the sums live in
   registers, and so do the places of the factors: sixteen distances would not. */
INLINE void tile(const lk_gemm *g, size_t i, size_t p, const block *inner, factors from,
                 const bool beside, const int rows, const int panels) {
    vec sum[16][4];
    const bool resume = inner->r0 > 0 || inner->k0 > 0 || g->accumulate;
    const bool last = inner->r1 > g->repeats && inner->k1 == g->k;
    const lk_real *bias = g->bias && last ? g->bias + p * LK_LANES : NULL;
    const size_t c_row = g->c_row, c_panel = g->c_panel;
    lk_real *c = g->c + i * c_row + p * c_panel;
    for (int r = 0; r < rows; r++)
        for (int q = 0; q < panels; q++)
            sum[r][q] = resume ? vec_load(c + r * c_row + q * c_panel) : vec_set(0);
    const size_t a_row = beside ? 1 : from.row, a_step = from.step, a_next = g->a_next;
    const size_t b_panel = g->b_panel, b_row = g->b_row;
    const lk_real *a_run = from.first;
    const lk_real *b_run = g->b + p * b_panel + inner->r0 * g->b_jump + inner->k0 * b_row;
    for (size_t run = inner->r0; run < inner->r1; run++, a_run += from.jump, b_run += g->b_jump) {
        const lk_real *a = a_run, *b = b_run;
        for (size_t k = inner->k0; k < inner->k1; k++, a += a_step, b += b_row) {
            if (rows > 8) { /* memory is slow: ask for what comes after this */
                __builtin_prefetch(a + a_next);
                __builtin_prefetch(b + b_panel);
            }
            vec column[4];
            for (int q = 0; q < panels; q++) column[q] = vec_load(b + q * b_panel);
            for (int r = 0; r < rows; r++) {
                const vec factor = vec_set(a[r * a_row]);
                for (int q = 0; q < panels; q++)
                    sum[r][q] = vec_add(sum[r][q], vec_mul(factor, column[q]));
            }
        }
    }
    for (int q = 0; q < panels && bias; q++)
        for (int r = 0; r < rows; r++)
            sum[r][q] = vec_add(sum[r][q], vec_load(bias + q * LK_LANES));
    for (int r = 0; r < rows; r++)
        for (int q = 0; q < panels; q++) vec_store(c + r * c_row + q * c_panel, sum[r][q]);
}

/* The panels from p to end - 1 of all rows for one block, in as few tiles as will do and all about
   as large: a tile of a row or two would wait for its own sums. */
static void tile_columns(const lk_gemm *g, size_t p, size_t end, const block *inner) {
#define PANELS_OF(n, beside)                                                                       \
    for (size_t q = p; q < end; q++) tile(g, i, q, inner, from, beside, n, 1)
#define ROWS(n)                                                                                    \
    case (n):                                                                                      \
        if ((n) > TILE_ROWS) break;                                                                \
        if (from.row == 1)                                                                         \
            PANELS_OF(n, true);                                                                    \
        else                                                                                       \
            PANELS_OF(n, false);                                                                   \
        break;
#define FOUR(n) ROWS(n) ROWS(n + 1) ROWS(n + 2) ROWS(n + 3)
    lk_real room[K_BLOCK * TILE_ROWS];
    size_t i = 0;
    for (size_t left = (g->m + TILE_ROWS - 1) / TILE_ROWS; left > 0; left--) {
        const size_t rows = (g->m - i) / left;
        factors from = factors_at(g, i, inner);
        /* The distances of fewer rows fit into registers; for a single panel it does not pay. */
        if (TILE_ROWS > 8 && rows > 8 && from.row > 1 && end - p > 1)
            from = lay_beside(from, rows, inner, room);
        switch (rows) { FOUR(1) FOUR(5) FOUR(9) FOUR(13) }
        i += rows;
    }
}

static void gemm(const lk_gemm *g) {
    const size_t runs = g->repeats + 1;
    if (g->m == 1) { /* one image: nothing to reuse, so many sums in flight instead */
        const block all = {0, runs, 0, g->k};
        const factors from = factors_at(g, 0, &all);
        size_t p = 0;
        for (; p + 4 <= g->panels; p += 4) tile(g, 0, p, &all, from, true, 1, 4);
        for (; p < g->panels; p++) tile(g, 0, p, &all, from, true, 1, 1);
        return;
    }
    const size_t at_once = LK_MAX(K_BLOCK / LK_MAX(g->k, (size_t)1), (size_t)1);
    for (size_t r = 0; r < runs; r += at_once)
        for (size_t k = 0; k == 0 || k < g->k; k += K_BLOCK) {
            const block inner = {r, LK_MIN(r + at_once, runs), k, LK_MIN(k + K_BLOCK, g->k)};
            for (size_t p = 0; p < g->panels; p += PANELS)
                tile_columns(g, p, LK_MIN(p + PANELS, g->panels), &inner);
        }
}

#endif

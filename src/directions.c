#include "directions.h"

#include <math.h>
#include <string.h>

void lk_directions_take(lk_directions *c, lk_arena *arena) {
    size_t gram = 0, basis = 0, padded = 0;
    c->stride = lk_round_up(c->values, LK_LANES);
    if (!lk_mul_size(c->values, c->values, &gram) || !lk_mul_size(c->count, c->values, &basis) ||
        !lk_mul_size(c->values, c->stride, &padded))
        arena->overflow = true;
    c->block = lk_arena_take(arena, LK_DIRECTIONS_BLOCK * c->stride, sizeof *c->block);
    c->partial = lk_arena_take(arena, padded, sizeof *c->partial);
    c->gram = lk_arena_take(arena, gram, sizeof *c->gram);
    c->basis = lk_arena_take(arena, basis, sizeof *c->basis);
    c->products = lk_arena_take(arena, basis, sizeof *c->products);
}

void lk_directions_clear(lk_directions *c) {
    memset(c->gram, 0, c->values * c->values * sizeof *c->gram);
}

void lk_directions_add(lk_directions *c, size_t n) {
    lk_kernels_get(LK_SIMD_BEST)
        ->gemm(&(lk_gemm){.m = c->values,
                          .k = n,
                          .panels = c->stride / LK_LANES,
                          .a = c->block,
                          .a_row = 1,
                          .a_col = c->stride,
                          .b = c->block,
                          .b_panel = LK_LANES,
                          .b_row = c->stride,
                          .c = c->partial,
                          .c_row = c->stride,
                          .c_panel = LK_LANES});
    for (size_t a = 0; a < c->values; a++)
        for (size_t b = 0; b < c->values; b++)
            c->gram[a * c->values + b] += (double)c->partial[a * c->stride + b];
}

/* Rows of the basis become perpendicular and of unit length, one after the other, twice over
   against rounding (modified Gram and Schmidt). A row that others hold already becomes zero. */
static void make_orthonormal(lk_directions *c) {
    const size_t d = c->values;
    for (size_t a = 0; a < c->count; a++) {
        double *row = c->basis + a * d, before = 0, squares = 0;
        for (size_t j = 0; j < d; j++) before += row[j] * row[j];
        for (size_t b = 0; b < 2 * a; b++) {
            const double *other = c->basis + b % a * d;
            double sum = 0;
            for (size_t j = 0; j < d; j++) sum += row[j] * other[j];
            for (size_t j = 0; j < d; j++) row[j] -= sum * other[j];
        }
        for (size_t j = 0; j < d; j++) squares += row[j] * row[j];
        const double scale = squares > 1e-24 * before ? 1 / sqrt(squares) : 0;
        for (size_t j = 0; j < d; j++) row[j] *= scale;
    }
}

/* The power method on all directions at once (G. H. Golub and C. F. Van Loan, Matrix Computations,
   section 8.2). They need not be told apart: nobody asks how the basis is turned. */
void lk_directions_find(lk_directions *c, lk_rng rng) {
    enum { STEPS = 8 };
    const size_t d = c->values, k = c->count;
    for (size_t i = 0; i < k * d; i++) c->basis[i] = lk_rng_normal(rng, i);
    for (int step = 0; step < STEPS; step++) {
        make_orthonormal(c);
        memset(c->products, 0, k * d * sizeof *c->products);
        for (size_t a = 0; a < k; a++)
            for (size_t i = 0; i < d; i++) {
                const double x = c->basis[a * d + i];
                const double *row = c->gram + i * d;
                double *to = c->products + a * d;
                for (size_t j = 0; j < d; j++) to[j] += x * row[j];
            }
        memcpy(c->basis, c->products, k * d * sizeof *c->basis);
    }
    make_orthonormal(c);
}

/* Products of every variant and layout against plain loops, bit by bit. */
#include "kernels.h"
#include "test.h"
#include "vectors.h"

static const float UNTOUCHED = -12345.678f;

static void plain_gemm(const lk_gemm *g, float *c) {
    for (size_t i = 0; i < g->m; i++)
        for (size_t j = 0; j < 16 * g->panels; j++) {
            const size_t at = i * g->c_row + j / 16 * g->c_panel + j % 16;
            float sum = g->accumulate ? c[at] : 0;
            for (size_t k = 0; k < (g->repeats + 1) * g->k; k++) {
                const size_t run = k / g->k, in_run = k % g->k;
                sum += g->a[i * g->a_row + run * g->a_jump + in_run * g->a_col] *
                       g->b[j / 16 * g->b_panel + run * g->b_jump + in_run * g->b_row + j % 16];
            }
            if (g->bias) sum += g->bias[j];
            c[at] = sum;
        }
}

/* Three of four values of a row or so become 0 or -0. */
static void thin_out(float *a, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (i * i % 7 % 4) a[i] = i % 5 ? 0.f : -0.f;
}

/* `layout`: bits choose the orders of A, B and C, a bias, adding to what C holds, whether B's runs
   are one piece, and whether A is mostly zeros. Runs of A overlap, as those of windows do, where it
   is kept by rows. */
static void check_gemm(size_t m, size_t k, size_t repeats, size_t panels, unsigned layout) {
    const bool by_rows = layout & 1, packed_b = layout & 2, packed_c = layout & 4;
    const size_t a_row = by_rows ? k + 3 : 1, a_col = by_rows ? 1 : m + 2;
    const size_t b_row = packed_b ? 16 : panels * 16 + 16, runs = repeats + 1;
    const size_t a_jump = by_rows ? k / 2 + 1 : k * a_col + 5,
                 b_jump = k * b_row + (layout & 32 ? 0 : 16);
    const size_t b_panel = packed_b ? runs * b_jump : 16;
    const size_t c_panel = packed_c ? m * 16 : 16, c_row = packed_c ? 16 : panels * 16 + 16;
    const size_t c_size = (m - 1) * c_row + (panels - 1) * c_panel + 16;
    const size_t last = k ? k - 1 : 0;
    const size_t a_size = (m - 1) * a_row + last * a_col + repeats * a_jump + 1;
    float *a = normals(a_size, m);
    if (layout & 64) thin_out(a, a_size);
    float *b = normals((panels - 1) * b_panel + last * b_row + repeats * b_jump + 16, k);
    float *bias = normals(16 * panels, panels);
    float *c = room(c_size), *wanted = room(c_size);
    const lk_gemm g = {.m = m,
                       .k = k,
                       .panels = panels,
                       .repeats = repeats,
                       .a = a,
                       .a_row = a_row,
                       .a_col = a_col,
                       .a_jump = a_jump,
                       .b = b,
                       .b_panel = b_panel,
                       .b_row = b_row,
                       .b_jump = b_jump,
                       .c = c,
                       .c_row = c_row,
                       .c_panel = c_panel,
                       .accumulate = layout & 16,
                       .bias = layout & 8 ? bias : NULL};
    for (size_t i = 0; i < c_size; i++) wanted[i] = UNTOUCHED;
    plain_gemm(&g, wanted);
    EACH_SIMD(simd) {
        for (size_t i = 0; i < c_size; i++) c[i] = UNTOUCHED;
        lk_kernels_get(simd)->gemm(&g);
        CHECK(memcmp(c, wanted, c_size * sizeof *c) == 0,
              "%s: %zu x %zu (and %zu) x %zu panels, layout %u", lk_simd_name(simd), m, k, repeats,
              panels, layout);
    }
    free(a), free(b), free(bias), free(c), free(wanted);
}

static void test_gemm(void) {
    static const size_t INNER[] = {0, 1, 2, 7, 16, 31, 191, 192, 193, 383, 384, 385, 400};
    unsigned layout = 0;
    for (size_t m = 1; m <= 20; m++)
        for (size_t panels = 1; panels <= 7; panels++)
            for (size_t i = 0; i < LK_COUNTOF(INNER); i++) {
                check_gemm(m, INNER[i], 0, panels, layout++ % 128);
                if (INNER[i] < 32) check_gemm(m, INNER[i], 0, panels, (layout + 7) % 16);
            }
    for (layout = 0; layout < 16; layout++) {
        for (size_t k = 1; k <= 40; k++) check_gemm(7, k, 0, 3, layout);
        check_gemm(64, 784, 0, 4, layout);
        check_gemm(18, 200, 0, 67, layout); /* more panels than go together */
        check_gemm(64, 784, 0, 4, layout + 64);
        check_gemm(1, 784, 0, 5, layout);
        check_gemm(1, 784, 0, 5, layout + 64);
        check_gemm(197, 29, 0, 2, layout);
    }
    /* Runs that fill a block of the inner size, more than one, and a part of it. */
    static const size_t RUNS[] = {1, 3, 9, 28, 64, 95, 96, 97, 191, 192, 193, 400};
    for (size_t m = 1; m <= 35; m += m % 3 + 1)
        for (size_t repeats = 1; repeats <= 9; repeats += repeats)
            for (size_t i = 0; i < LK_COUNTOF(RUNS); i++)
                check_gemm(m, RUNS[i], repeats, 1 + i % 5, layout++ % 128);
}

int main(void) {
    test_gemm();
    return TEST_RESULT();
}

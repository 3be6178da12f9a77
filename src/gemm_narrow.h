/* gemm where registers hold four values and there are sixteen of them, as in WASM; a part of
   kernels.c.

   Ink on a blank page, and whatever went through a relu, is zero for the most part, and a product
   with zero changes no sum. So rows of A with many zeros are written down as lists of what is not
   zero, and multiplied one by one. Others go four at a time by half a panel: eight sums, and no
   more than six factors at once, since a browser's compiler may load all factors of a step before
   it multiplies. */
#ifndef LK_GEMM_NARROW_H
#define LK_GEMM_NARROW_H

#include <string.h>

/* A group of rows, and how many groups are multiplied by a panel of B while it is in the cache. */
enum { GROUP = 4, GROUPS = 4, HALF = LK_LANES / 2, HALF_PARTS = PARTS / 2, K_BLOCK = 256 };

/* A part of the inner size: of `runs` runs from `run` on, `count` values from k on. */
typedef struct block {
    size_t run, runs, k, count;
    bool first, last;
} block;

/* Values of a row of A, and where the rows of B begin that they are factors of. */
typedef struct list {
    size_t count;
    lk_real value[K_BLOCK + PART_LANES]; /* and room for what is written too far */
    uint32_t at[K_BLOCK + PART_LANES];
} list;

/* Four rows of A for one block, all runs in one. */
typedef struct group {
    enum { PLAIN, PACKED, LISTED } how;
    size_t rows;
    lk_real packed[K_BLOCK * GROUP]; /* [k][4] */
    list list[GROUP];
} group;

/* How a tile's factors are read: in each of `runs` runs `count` values of a row of A and rows of B,
   this far apart. */
typedef struct walk {
    size_t runs, count;
    size_t a_step, b_step, b_jump;
    ptrdiff_t a_jump;
} walk;

/* Where sums go: whether there is something to be added to, and what is added last, or NULL. */
typedef struct destination {
    lk_real *c;
    size_t c_row;
    bool resume;
    const lk_real *bias;
} destination;

/* ---- products ---- */

/* Half a panel of four rows that are side by side in A. */
INLINE void add_half(const walk w, const lk_real *a, const lk_real *b, const destination *to,
                     size_t at) {
    part sum[GROUP][HALF_PARTS];
    lk_real *c = to->c + at;
    for (int r = 0; r < GROUP; r++)
        for (int q = 0; q < HALF_PARTS; q++)
            sum[r][q] = to->resume ? part_load(c + r * to->c_row + q * PART_LANES) : part_set(0);
    b += at;
    for (size_t run = 0; run < w.runs; run++, a += w.a_jump, b += w.b_jump) {
        const lk_real *x = a, *y = b;
        for (const lk_real *end = x + w.count * w.a_step; x != end; x += w.a_step, y += w.b_step) {
            part column[HALF_PARTS];
            for (int q = 0; q < HALF_PARTS; q++) column[q] = part_load(y + q * PART_LANES);
            for (int r = 0; r < GROUP; r++)
                for (int q = 0; q < HALF_PARTS; q++)
                    sum[r][q] = part_add(sum[r][q], part_mul(part_set(x[r]), column[q]));
        }
    }
    for (int r = 0; r < GROUP; r++)
        for (int q = 0; q < HALF_PARTS; q++) {
            if (to->bias)
                sum[r][q] = part_add(sum[r][q], part_load(to->bias + at + q * PART_LANES));
            part_store(c + r * to->c_row + q * PART_LANES, sum[r][q]);
        }
}

/* A panel of four rows of A that are packed. Its steps are constants, which makes a tenth. */
static void add_packed(size_t count, const lk_real *a, const lk_real *b, const destination *to) {
    const walk w = {1, count, GROUP, LK_LANES, 0, 0};
    for (size_t at = 0; at < LK_LANES; at += HALF) add_half(w, a, b, to, at);
}

/* The same of rows that are side by side in A as they are. */
static void add_four(const walk *w, const lk_real *a, const lk_real *b, const destination *to) {
    for (size_t at = 0; at < LK_LANES; at += HALF) add_half(*w, a, b, to, at);
}

/* A panel of one row or two, wherever they are. */
INLINE void add_rows(const walk *w, const lk_real *a, size_t a_row, const lk_real *b,
                     const destination *to, const int rows) {
    const size_t count = w->count, a_step = w->a_step, b_step = w->b_step;
    vec sum[2];
    for (int r = 0; r < rows; r++)
        sum[r] = to->resume ? vec_load(to->c + r * to->c_row) : vec_set(0);
    for (size_t run = 0; run < w->runs; run++, a += w->a_jump, b += w->b_jump) {
        const lk_real *x = a, *y = b;
        for (size_t k = 0; k < count; k++, x += a_step, y += b_step) {
            const vec column = vec_load(y);
            for (int r = 0; r < rows; r++)
                sum[r] = vec_add(sum[r], vec_mul(vec_set(x[r * a_row]), column));
        }
    }
    for (int r = 0; r < rows; r++)
        vec_store(to->c + r * to->c_row, to->bias ? vec_add(sum[r], vec_load(to->bias)) : sum[r]);
}

/* `parts` of c[16] += the listed values x rows of b, and of another panel `more` of them: one panel
   alone would wait for its own sums, two would not fit into the registers. */
INLINE void add_list(const list *x, const lk_real *b, const lk_real *b_more, const destination *to,
                     const destination *to_more, const int more) {
    part sum[PARTS], sum_more[PARTS];
    for (int q = 0; q < PARTS; q++)
        sum[q] = to->resume ? part_load(to->c + q * PART_LANES) : part_set(0);
    for (int q = 0; q < more; q++)
        sum_more[q] = to->resume ? part_load(to_more->c + q * PART_LANES) : part_set(0);
    for (size_t i = 0; i < x->count; i++) {
        const part factor = part_set(x->value[i]);
        const lk_real *row = b + x->at[i], *row_more = b_more + x->at[i];
        for (int q = 0; q < PARTS; q++)
            sum[q] = part_add(sum[q], part_mul(factor, part_load(row + q * PART_LANES)));
        for (int q = 0; q < more; q++)
            sum_more[q] =
                part_add(sum_more[q], part_mul(factor, part_load(row_more + q * PART_LANES)));
    }
    for (int q = 0; q < PARTS; q++) {
        if (to->bias) sum[q] = part_add(sum[q], part_load(to->bias + q * PART_LANES));
        part_store(to->c + q * PART_LANES, sum[q]);
    }
    for (int q = 0; q < more; q++) {
        if (to->bias)
            sum_more[q] = part_add(sum_more[q], part_load(to_more->bias + q * PART_LANES));
        part_store(to_more->c + q * PART_LANES, sum_more[q]);
    }
}

/* ---- what is where ---- */

INLINE const lk_real *a_of(const lk_gemm *g, block n, size_t i) {
    return g->a + i * g->a_row + (ptrdiff_t)n.run * g->a_jump + n.k * g->a_col;
}
INLINE const lk_real *b_of(const lk_gemm *g, block n, size_t p) {
    return g->b + p * g->b_panel + n.run * g->b_jump + n.k * g->b_row;
}
INLINE destination destination_of(const lk_gemm *g, block n, size_t i, size_t p) {
    return (destination){g->c + i * g->c_row + p * g->c_panel, g->c_row, !n.first || g->accumulate,
                         g->bias && n.last ? g->bias + p * LK_LANES : NULL};
}

/* Panel p of rows i to end - 1, B's part of which is at b. */
static void add_plain(const lk_gemm *g, block n, const walk *w, size_t i, size_t end, size_t p,
                      const lk_real *b) {
    for (size_t rows; i < end; i += rows) {
        const lk_real *a = a_of(g, n, i);
        const destination to = destination_of(g, n, i, p);
        rows = g->a_row == 1 && i + GROUP <= end ? GROUP : LK_MIN(end - i, (size_t)2);
        switch (rows) {
        case GROUP: add_four(w, a, b, &to); break;
        case 2: add_rows(w, a, g->a_row, b, &to, 2); break;
        default: add_rows(w, a, g->a_row, b, &to, 1);
        }
    }
}

/* ---- groups of rows that are in one piece each, as are the panels of B ---- */

static size_t count_zeros(const lk_real *a, size_t n) {
    const part zero = part_set(0), one = part_set(1);
    part sum = zero;
    size_t i = 0, zeros = 0;
    for (; i + PART_LANES <= n; i += PART_LANES)
        sum = part_add(sum, part_if_equal(part_load(a + i), zero, one, zero));
    lk_real lane[PART_LANES];
    part_store(lane, sum);
    for (int l = 0; l < PART_LANES; l++) zeros += (size_t)lane[l];
    for (; i < n; i++) zeros += a[i] == 0;
    return zeros;
}

#if defined(LK_VARIANT_wasm) /* SIMDe would take them apart */
INLINE uint32_t nonzero(part a) {
    return wasm_i32x4_bitmask(wasm_f32x4_ne(a, part_set(0)));
}
INLINE part pick(part a, const uint8_t *bytes) {
    return wasm_i8x16_swizzle(a, wasm_v128_load(bytes));
}
#else
INLINE uint32_t nonzero(part a) {
    return (uint32_t)simde_mm_movemask_ps(simde_mm_cmpneq_ps(a, part_set(0)));
}
INLINE part pick(part a, const uint8_t *bytes) {
    const simde__m128i order = simde_mm_loadu_si128((const simde__m128i *)(const void *)bytes);
    return simde_mm_castsi128_ps(simde_mm_shuffle_epi8(simde_mm_castps_si128(a), order));
}
#endif

/* Appends what is not zero of n values from k on. */
static void list_run(const lk_real *a, size_t n, size_t k, list *to) {
    /* By bits: the bytes of the values whose bits are set. */
#define LANE(i) 4 * (i), 4 * (i) + 1, 4 * (i) + 2, 4 * (i) + 3
    static const uint8_t order[16][16] = {{0},
                                          {LANE(0)},
                                          {LANE(1)},
                                          {LANE(0), LANE(1)},
                                          {LANE(2)},
                                          {LANE(0), LANE(2)},
                                          {LANE(1), LANE(2)},
                                          {LANE(0), LANE(1), LANE(2)},
                                          {LANE(3)},
                                          {LANE(0), LANE(3)},
                                          {LANE(1), LANE(3)},
                                          {LANE(0), LANE(1), LANE(3)},
                                          {LANE(2), LANE(3)},
                                          {LANE(0), LANE(2), LANE(3)},
                                          {LANE(1), LANE(2), LANE(3)},
                                          {LANE(0), LANE(1), LANE(2), LANE(3)}};
    const uint32_t first[PART_LANES] = {0, LK_LANES, 2 * LK_LANES, 3 * LK_LANES};
    size_t i = 0, count = to->count;
    uint32_t at = (uint32_t)(k * LK_LANES);
    simde__m128i places =
        simde_mm_add_epi32(simde_mm_set1_epi32((int)at), simde_mm_loadu_si128((const void *)first));
    for (; i + PART_LANES <= n; i += PART_LANES) {
        const part values = part_load(a + i);
        const uint32_t which = nonzero(values);
        part_store(to->value + count, pick(values, order[which]));
        part_store((lk_real *)(void *)(to->at + count),
                   pick(simde_mm_castsi128_ps(places), order[which]));
        count += (size_t)__builtin_popcount(which);
        places = simde_mm_add_epi32(places, simde_mm_set1_epi32(PART_LANES * LK_LANES));
    }
    for (; i < n; i++)
        if (a[i] != 0) {
            to->value[count] = a[i];
            to->at[count++] = at + (uint32_t)(i * LK_LANES);
        }
    to->count = count;
}

/* to[n][4] = n values of four rows. */
static void pack_run(const lk_real *a, size_t a_row, size_t n, lk_real *to) {
    size_t i = 0;
    for (; i + GROUP <= n; i += GROUP) turn(a + i, a_row, to + i * GROUP, GROUP);
    for (; i < n; i++)
        for (size_t r = 0; r < GROUP; r++) to[i * GROUP + r] = a[r * a_row + i];
}

/* Whether to list four rows, told by the first of them. To write down a value takes longer than to
   multiply it by a panel, and a listed product half as long again as one of a tile. */
static bool pays(const lk_gemm *g, block n, const lk_real *a) {
    size_t some = n.runs * n.count;
    for (size_t run = 0; run < n.runs; run++, a += g->a_jump) some -= count_zeros(a, n.count);
    return 10 * g->panels * some + 9 * n.runs * n.count <= 7 * g->panels * n.runs * n.count;
}

static void prepare(const lk_gemm *g, block n, size_t i, group *to) {
    const lk_real *a = a_of(g, n, i);
    to->rows = LK_MIN(g->m - i, (size_t)GROUP);
    to->how = pays(g, n, a) ? LISTED : to->rows == GROUP ? PACKED : PLAIN;
    for (size_t r = 0; r < to->rows; r++) to->list[r].count = 0;
    for (size_t run = 0; run < n.runs; run++, a += g->a_jump) {
        const size_t k = run * n.count;
        if (to->how == PACKED) pack_run(a, g->a_row, n.count, to->packed + k * GROUP);
        for (size_t r = 0; to->how == LISTED && r < to->rows; r++)
            list_run(a + r * g->a_row, n.count, k, &to->list[r]);
    }
}

/* The listed rows, the first of which is i, times panels from p to end - 1: how many it took. */
static size_t multiply_lists(const lk_gemm *g, block n, size_t i, size_t p, size_t end,
                             const group *rows) {
    const size_t panels = p + 3 <= end ? 3 : 1;
    const lk_real *b = b_of(g, n, p), *second = b + g->b_panel, *third = second + g->b_panel;
    for (size_t r = 0; r < rows->rows; r++) {
        const destination to = destination_of(g, n, i + r, p);
        if (panels == 1) {
            add_list(&rows->list[r], b, b, &to, &to, 0);
            continue;
        }
        destination middle = destination_of(g, n, i + r, p + 1);
        const destination last = destination_of(g, n, i + r, p + 2);
        add_list(&rows->list[r], b, second, &to, &middle, HALF_PARTS);
        middle.c += HALF;
        if (middle.bias) middle.bias += HALF;
        add_list(&rows->list[r], third, second + HALF, &last, &middle, HALF_PARTS);
    }
    return panels;
}

/* Rows that are not listed, the first of which is i, times panel p. */
static void multiply_group(const lk_gemm *g, block n, size_t i, size_t p, const group *rows) {
    const lk_real *b = b_of(g, n, p);
    if (rows->how == PACKED) {
        const destination to = destination_of(g, n, i, p);
        add_packed(n.runs * n.count, rows->packed, b, &to);
    } else {
        const walk w = {n.runs, n.count, 1, LK_LANES, g->b_jump, g->a_jump};
        add_plain(g, n, &w, i, i + rows->rows, p, b);
    }
}

static void multiply_groups(const lk_gemm *g, block n) {
    group groups[GROUPS];
    /* One panel fits into the nearest cache, so that many rows find it there. */
    const size_t at_once = g->m > GROUP ? 1 : 3;
    for (size_t i = 0; i < g->m; i += GROUPS * GROUP) {
        const size_t end = LK_MIN(g->m, i + GROUPS * GROUP);
        for (size_t r = i; r < end; r += GROUP) prepare(g, n, r, &groups[(r - i) / GROUP]);
        for (size_t p = 0; p < g->panels; p += at_once)
            for (size_t r = i; r < end; r += GROUP) {
                const group *rows = &groups[(r - i) / GROUP];
                const size_t last = LK_MIN(p + at_once, g->panels);
                for (size_t q = p; q < last;)
                    if (rows->how == LISTED)
                        q += multiply_lists(g, n, r, q, last, rows);
                    else
                        multiply_group(g, n, r, q++, rows);
            }
    }
}

/* Any rows, without looking at what they hold. The rows of B are copied side by side if they are
   far apart, and read often enough. */
static void multiply_plain(const lk_gemm *g, block n) {
    lk_real packed[K_BLOCK * LK_LANES];
    const bool pack = g->b_row != LK_LANES && g->m >= 4 * GROUP;
    walk w = {n.runs, n.count, g->a_col, g->b_row, g->b_jump, g->a_jump};
    if (pack) w.b_step = LK_LANES, w.b_jump = n.count * LK_LANES;
    for (size_t p = 0; p < g->panels; p++) {
        const lk_real *b = b_of(g, n, p);
        for (size_t run = 0; pack && run < n.runs; run++)
            for (size_t k = 0; k < n.count; k++)
                vec_store(packed + (run * n.count + k) * LK_LANES,
                          vec_load(b + run * g->b_jump + k * g->b_row));
        add_plain(g, n, &w, 0, g->m, p, pack ? packed : b);
    }
}

static void gemm(const lk_gemm *g) {
    const size_t runs = g->repeats + 1, parts = LK_MAX((g->k + K_BLOCK - 1) / K_BLOCK, (size_t)1);
    const size_t at_once = parts == 1 ? K_BLOCK / LK_MAX(g->k, (size_t)1) : 1;
    /* Rows of A in one piece, panels of B through all runs. Then it may pay to look. */
    const bool even =
        g->a_col == 1 && g->b_row == LK_LANES && (g->repeats == 0 || g->b_jump == g->k * LK_LANES);
    const bool groups = even && g->panels >= 4 && g->k * runs >= LK_LANES;
    for (size_t run = 0; run < runs; run += at_once)
        for (size_t i = 0; i < parts; i++) {
            block n = {.run = run, .runs = LK_MIN(at_once, runs - run), .k = g->k * i / parts};
            n.count = g->k * (i + 1) / parts - n.k;
            n.first = run + i == 0;
            n.last = run + n.runs == runs && i + 1 == parts;
            (groups ? multiply_groups : multiply_plain)(g, n);
        }
}

#endif

/* The hot loops, one source for every instruction set; see vec.h for why the bits are the same. */
#include "kernels.h"

#include <string.h>

#include "vec.h"

/* The n - i last values, at most 16, then zeros. */
static vec load_tail(const lk_real *p, size_t i, size_t n) {
    lk_real lane[LK_LANES] = {0};
    for (size_t l = 0; l < LK_LANES && i + l < n; l++) lane[l] = p[i + l];
    return vec_load(lane);
}

/* n values, or sixteen if there are more. */
INLINE vec load_some(const lk_real *p, size_t n) {
    return n >= LK_LANES ? vec_load(p) : load_tail(p, 0, n);
}
INLINE void store_some(lk_real *p, size_t n, vec a) {
    if (n >= LK_LANES) {
        vec_store(p, a);
        return;
    }
    lk_real lane[LK_LANES];
    vec_store(lane, a);
    for (size_t l = 0; l < n; l++) p[l] = lane[l];
}

#if defined(LK_VARIANT_wasm) || defined(LK_VARIANT_v2)
#include "gemm_narrow.h"
#else

#include "gemm_wide.h"
#endif

static void dot_products(const lk_real *q, size_t d, const lk_real *v, lk_real *sums) {
    vec sum = vec_set(0);
    for (size_t k = 0; k < d; k++)
        sum = vec_add(sum, vec_mul(vec_set(q[k]), vec_load(v + k * LK_LANES)));
    vec_store(sums, sum);
}

/* Rows of A whose sums, of a panel, stay in registers. */
#if defined(LK_VARIANT_v4)
enum { WHOLE_ROWS = 16 };
#elif defined(LK_VARIANT_v3)
enum { WHOLE_ROWS = 4 };
#else
enum { WHOLE_ROWS = 2 };
#endif

INLINE void whole_tile(const lk_whole *w, size_t i, size_t p, const int rows) {
    wholes sum[WHOLE_ROWS] = {0};
    const int16_t *a = w->a + 2 * i, *b = w->b + p * w->pairs * 2 * LK_LANES;
    for (size_t k = 0; k < w->pairs; k++, a += 2 * w->m, b += 2 * LK_LANES)
        for (int r = 0; r < rows; r++) {
            int32_t both;
            memcpy(&both, a + 2 * r, sizeof both);
            sum[r] = whole_add_products(sum[r], b, both);
        }
    const vec bias = w->bias ? vec_load(w->bias + p * LK_LANES) : vec_set(0);
    for (int r = 0; r < rows; r++) {
        const vec product = vec_mul(vec_of_whole(sum[r]), vec_set(w->scale[i + (size_t)r]));
        vec_store(w->c + (i + (size_t)r) * w->c_row + p * LK_LANES, vec_add(product, bias));
    }
}

static void whole_products(const lk_whole *w) {
    for (size_t p = 0; p < w->panels; p++) {
        size_t i = 0;
        for (; i + WHOLE_ROWS <= w->m; i += WHOLE_ROWS) whole_tile(w, i, p, WHOLE_ROWS);
        for (; i < w->m; i++) whole_tile(w, i, p, 1);
    }
}

static void transpose(const lk_real *blocks, size_t count, lk_real *to, size_t jump) {
    for (; count; count--, blocks += LK_LANES * LK_LANES, to += jump)
        for (size_t i = 0; i < LK_LANES; i += TURNED)
            for (size_t j = 0; j < LK_LANES; j += TURNED)
                turn(blocks + i * LK_LANES + j, LK_LANES, to + j * LK_LANES + i, LK_LANES);
}

static void squared_distances(const lk_real *q, size_t d, const lk_real *v, size_t panels,
                              lk_real *sums) {
    for (size_t p = 0; p < panels; p += 2) {
        const bool two = p + 1 < panels;
        const lk_real *v0 = v + p * d * LK_LANES, *v1 = two ? v0 + d * LK_LANES : v0;
        vec sum0 = vec_set(0), sum1 = vec_set(0);
        for (size_t k = 0; k < d; k++) {
            const vec at = vec_set(q[k]);
            const vec d0 = vec_sub(at, vec_load(v0 + k * LK_LANES));
            const vec d1 = vec_sub(at, vec_load(v1 + k * LK_LANES));
            sum0 = vec_add(sum0, vec_mul(d0, d0));
            sum1 = vec_add(sum1, vec_mul(d1, d1));
        }
        vec_store(sums + p * LK_LANES, sum0);
        if (two) vec_store(sums + (p + 1) * LK_LANES, sum1);
    }
}

static size_t panel_over(const lk_real *values, size_t first, size_t panels, lk_real limit) {
    const vec bound = vec_set(limit);
    for (; first + 4 <= panels; first += 4) { /* seldom is there one: four at a time */
        vec most = bound;
        for (size_t p = first; p < first + 4; p++) /* in this order NaN is left out */
            most = vec_max(vec_load(values + p * LK_LANES), most);
        if (vec_any_greater(most, bound)) break;
    }
    while (first < panels && !vec_any_greater(vec_load(values + first * LK_LANES), bound)) first++;
    return first;
}

/* ---- pooling: sixteen channels at a time, or the fewer that are left, of each window ---- */

#define EACH_VECTOR                                                                                \
    for (size_t i = 0; i < w->count; i++)                                                          \
        for (size_t k = 0, left = w->channels; k < w->channels; k += LK_LANES, left -= LK_LANES)
#define EACH_PIXEL                                                                                 \
    for (size_t y = 0; y < w->kernel; y++)                                                         \
        for (size_t x = 0; x < w->kernel; x++)
/* Where these channels stand in the little image, and in the large one; the pixel's number. */
#define LITTLE (i * w->channels + k)
#define LARGE (y * w->row + (i * w->kernel + x) * w->channels + k)
#define PLACE vec_set((lk_real)(y * w->kernel + x))

static void pool_max(const lk_windows *w, const lk_real *large, lk_real *little, lk_real *places) {
    EACH_VECTOR {
        vec best = load_some(large + i * w->kernel * w->channels + k, left), place = vec_set(0);
        EACH_PIXEL {
            const vec value = load_some(large + LARGE, left);
            place = vec_if_greater(value, best, PLACE, place);
            const vec greater = vec_if_greater(value, best, value, best);
            best = vec_if_equal(value, value, greater, value); /* NaN goes on */
        }
        store_some(little + LITTLE, left, best);
        store_some(places + LITTLE, left, place);
    }
}

static void pool_put(const lk_windows *w, const lk_real *places, const lk_real *little,
                     lk_real *large) {
    EACH_VECTOR {
        const vec value = load_some(little + LITTLE, left);
        const vec place = load_some(places + LITTLE, left);
        EACH_PIXEL store_some(large + LARGE, left, vec_if_equal(place, PLACE, value, vec_set(0)));
    }
}

static void pool_take(const lk_windows *w, const lk_real *places, const lk_real *large,
                      lk_real *little) {
    EACH_VECTOR {
        const vec place = load_some(places + LITTLE, left);
        vec value = vec_set(0);
        EACH_PIXEL value = vec_if_equal(place, PLACE, load_some(large + LARGE, left), value);
        store_some(little + LITTLE, left, value);
    }
}

static void pool_sum(const lk_windows *w, lk_real factor, const lk_real *large, lk_real *little) {
    EACH_VECTOR {
        vec sum = vec_set(0);
        EACH_PIXEL sum = vec_add(sum, load_some(large + LARGE, left));
        store_some(little + LITTLE, left, vec_mul(sum, vec_set(factor)));
    }
}

static void pool_fill(const lk_windows *w, lk_real factor, const lk_real *little, lk_real *large) {
    EACH_VECTOR {
        const vec value = vec_mul(vec_set(factor), load_some(little + LITTLE, left));
        EACH_PIXEL store_some(large + LARGE, left, value);
    }
}

/* ---- Winograd's transforms: a line of n numbers to a line of m, then the same downwards ---- */

INLINE part part_half(part a) {
    return part_mul(part_set((lk_real)0.5), a);
}

INLINE void transform_line(const lk_winograd kind, const part a[4], part to[4]) {
    switch (kind) {
    case LK_WINOGRAD_WINDOW:
        to[0] = part_sub(a[0], a[2]);
        to[1] = part_add(a[1], a[2]);
        to[2] = part_sub(a[2], a[1]);
        to[3] = part_sub(a[1], a[3]);
        break;
    case LK_WINOGRAD_WEIGHTS:
        to[0] = a[0];
        to[1] = part_half(part_add(part_add(a[0], a[2]), a[1]));
        to[2] = part_half(part_sub(part_add(a[0], a[2]), a[1]));
        to[3] = a[2];
        break;
    case LK_WINOGRAD_SPREAD:
        to[0] = a[0];
        to[1] = part_add(a[0], a[1]);
        to[2] = part_sub(a[0], a[1]);
        to[3] = part_sub(part_set(0), a[1]);
        break;
    case LK_WINOGRAD_PIXELS:
        to[0] = part_add(part_add(a[0], a[1]), a[2]);
        to[1] = part_sub(part_sub(a[1], a[2]), a[3]);
        break;
    case LK_WINOGRAD_GRADIENT:
        to[0] = part_add(a[0], part_half(part_add(a[1], a[2])));
        to[1] = part_half(part_sub(a[1], a[2]));
        to[2] = part_add(part_half(part_add(a[1], a[2])), a[3]);
        break;
    }
}

/* The n x n numbers in `a`, kept as [4][4], to m x m in place. */
INLINE void transform(const lk_winograd kind, const int n, const int m, part a[4][4]) {
    for (int i = 0; i < n; i++) {
        part line[4];
        transform_line(kind, a[i], line);
        for (int j = 0; j < m; j++) a[i][j] = line[j];
    }
    for (int j = 0; j < m; j++) {
        const part line[4] = {a[0][j], a[1][j], n > 2 ? a[2][j] : a[0][j],
                              n > 3 ? a[3][j] : a[0][j]};
        part to[4];
        transform_line(kind, line, to);
        for (int i = 0; i < m; i++) a[i][j] = to[i];
    }
}

/* Whether pixel [i][j] of a tile whose first pixel is x lies in the image. */
INLINE bool lies_inside(const lk_tiles *t, ptrdiff_t x, int i, int j) {
    return t->y + i >= 0 && t->y + i < t->height && x + j >= 0 && x + j < t->width;
}

#define EACH_TILE                                                                                  \
    for (size_t k = 0; k < t->count; k++)                                                          \
        for (size_t q = 0; q < t->panels; q++)                                                     \
            for (int l = 0; l < LK_LANES; l += PART_LANES)
/* Where the tile's pixels and numbers begin, and its first pixel's place. */
#define TILE_IMAGE                                                                                 \
    (t->y * t->row + t->x * t->pixel + (ptrdiff_t)k * t->advance + (ptrdiff_t)q * t->panel + l)
#define TILE_NUMBERS (k * t->tile + q * t->tile_panel + (size_t)l)
#define TILE_X (t->x + (ptrdiff_t)k * t->step)

INLINE void take(const lk_winograd kind, const int n, const lk_tiles *t, const lk_real *image,
                 lk_real *numbers) {
    EACH_TILE {
        const lk_real *from = image + TILE_IMAGE;
        const ptrdiff_t x = TILE_X;
        const bool whole = lies_inside(t, x, 0, 0) && lies_inside(t, x, n - 1, n - 1);
        part a[4][4];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                a[i][j] = whole || lies_inside(t, x, i, j)
                              ? part_load(from + i * t->row + j * t->pixel)
                              : part_set(0);
        transform(kind, n, 4, a);
        lk_real *to = numbers + TILE_NUMBERS;
        for (int i = 0; i < 16; i++) part_store(to + (size_t)i * t->plane, a[i / 4][i % 4]);
    }
}

INLINE void put(const lk_winograd kind, const int n, const lk_tiles *t, const lk_real *numbers,
                const lk_real *bias, lk_real *image) {
    EACH_TILE {
        const lk_real *from = numbers + TILE_NUMBERS;
        part a[4][4];
        for (int i = 0; i < 16; i++) a[i / 4][i % 4] = part_load(from + (size_t)i * t->plane);
        transform(kind, 4, n, a);
        lk_real *to = image + TILE_IMAGE;
        const part more = bias ? part_load(bias + q * LK_LANES + l) : part_set(0);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                if (lies_inside(t, TILE_X, i, j))
                    part_store(to + i * t->row + j * t->pixel,
                               bias ? part_add(a[i][j], more) : a[i][j]);
    }
}

static void winograd_take(lk_winograd kind, const lk_tiles *t, const lk_real *image,
                          lk_real *numbers) {
    switch (kind) {
    case LK_WINOGRAD_WINDOW: take(LK_WINOGRAD_WINDOW, 4, t, image, numbers); break;
    case LK_WINOGRAD_WEIGHTS: take(LK_WINOGRAD_WEIGHTS, 3, t, image, numbers); break;
    default: take(LK_WINOGRAD_SPREAD, 2, t, image, numbers);
    }
}

static void winograd_put(lk_winograd kind, const lk_tiles *t, const lk_real *numbers,
                         const lk_real *bias, lk_real *image) {
    if (kind == LK_WINOGRAD_PIXELS)
        put(LK_WINOGRAD_PIXELS, 2, t, numbers, bias, image);
    else
        put(LK_WINOGRAD_GRADIENT, 3, t, numbers, bias, image);
}

#include "kernels_norm.h"

/* ---- maps and sums ---- */

/* Runs `expression` of the vector y over n values in place. */
#define MAP(expression)                                                                            \
    for (size_t i = 0; i < n; i += LK_LANES) {                                                     \
        const vec y = vec_load(values + i);                                                        \
        vec_store(values + i, expression);                                                         \
    }

static void activate(lk_activation f, lk_real *values, size_t n) {
    const vec zero = vec_set(0), slope = vec_set((lk_real)0.01);
    switch (f) {
    case LK_RELU: MAP(vec_max(zero, y)) break;
    case LK_LEAKY: MAP(vec_if_greater(zero, y, vec_mul(y, slope), y)) break;
    case LK_SIGMOID: MAP(vec_sigmoid(y)) break;
    case LK_TANH: MAP(vec_tanh(y)) break;
    case LK_LINEAR:
    case LK_ACTIVATIONS: break;
    }
}

/* Multiplies n gradients by `expression` of the output vector y. */
#define MAP_GRADIENT(expression)                                                                   \
    for (size_t i = 0; i < n; i += LK_LANES) {                                                     \
        const vec y = vec_load(values + i);                                                        \
        vec_store(gradient + i, vec_mul(vec_load(gradient + i), expression));                      \
    }

static void activate_gradient(lk_activation f, const lk_real *values, lk_real *gradient, size_t n) {
    const vec zero = vec_set(0), one = vec_set(1), slope = vec_set((lk_real)0.01);
    switch (f) {
    case LK_RELU: MAP_GRADIENT(vec_if_greater(y, zero, one, zero)) break;
    case LK_LEAKY: MAP_GRADIENT(vec_if_greater(y, zero, one, slope)) break;
    case LK_SIGMOID: MAP_GRADIENT(vec_mul(y, vec_sub(one, y))) break;
    case LK_TANH: MAP_GRADIENT(vec_sub(one, vec_mul(y, y))) break;
    case LK_LINEAR:
    case LK_ACTIVATIONS: break;
    }
}

INLINE void sum_columns(const lk_real *a, size_t rows, size_t stride, size_t first,
                        const int panels, lk_real *sums) {
    vec sum[4];
    a += first * LK_LANES;
    for (int p = 0; p < panels; p++) sum[p] = vec_set(0);
    for (size_t i = 0; i < rows; i++)
        for (int p = 0; p < panels; p++)
            sum[p] = vec_add(sum[p], vec_load(a + i * stride + p * LK_LANES));
    for (int p = 0; p < panels; p++) vec_store(sums + (first + p) * LK_LANES, sum[p]);
}

static void column_sums(const lk_real *a, size_t rows, size_t stride, size_t panels,
                        lk_real *sums) {
    size_t p = 0;
    for (; p + 4 <= panels; p += 4) sum_columns(a, rows, stride, p, 4, sums);
    for (; p + 2 <= panels; p += 2) sum_columns(a, rows, stride, p, 2, sums);
    if (p < panels) sum_columns(a, rows, stride, p, 1, sums);
}

static lk_real sum_of(const lk_real *a, size_t n) {
    vec sum = vec_set(0);
    size_t i = 0;
    for (; i + LK_LANES <= n; i += LK_LANES) sum = vec_add(sum, vec_load(a + i));
    return vec_sum(i < n ? vec_add(sum, load_tail(a, i, n)) : sum);
}

static lk_real squared_error(const lk_real *a, const lk_real *b, size_t n) {
    vec sum = vec_set(0);
    size_t i = 0;
    for (; i + LK_LANES <= n; i += LK_LANES) {
        const vec d = vec_sub(vec_load(a + i), vec_load(b + i));
        sum = vec_add(sum, vec_mul(d, d));
    }
    if (i < n) {
        const vec d = vec_sub(load_tail(a, i, n), load_tail(b, i, n));
        sum = vec_add(sum, vec_mul(d, d));
    }
    return vec_sum(sum);
}

/* Zeroes the padding lanes behind value n of a vector that starts at i. */
static vec without_padding(vec a, size_t i, size_t n) {
    if (i + LK_LANES <= n) return a;
    lk_real lane[LK_LANES];
    vec_store(lane, a);
    for (size_t l = n - i; l < LK_LANES; l++) lane[l] = 0;
    return vec_load(lane);
}

static lk_real squared_loss(const lk_real *x, const lk_real *y, size_t n, lk_real scale,
                            lk_real *gradient) {
    const vec twice = vec_set(2 * scale);
    vec sum = vec_set(0);
    for (size_t i = 0; i < n; i += LK_LANES) {
        const vec d = without_padding(vec_sub(vec_load(y + i), vec_load(x + i)), i, n);
        sum = vec_add(sum, vec_mul(d, d));
        vec_store(gradient + i, vec_mul(d, twice));
    }
    return vec_sum(sum);
}

static lk_real logistic_loss(const lk_real *x, const lk_real *logits, size_t n, lk_real scale,
                             lk_real *gradient) {
    const vec zero = vec_set(0), one = vec_set(1), scales = vec_set(scale);
    vec sum = vec_set(0);
    for (size_t i = 0; i < n; i += LK_LANES) {
        const vec l = vec_load(logits + i), target = vec_load(x + i);
        const vec e = vec_exp(vec_neg(vec_abs(l))); /* shared by the loss and the sigmoid */
        const vec loss = vec_add(vec_sub(vec_max(zero, l), vec_mul(l, target)), vec_log1p(e));
        const vec y = vec_div(vec_if_greater(l, zero, one, e), vec_add(one, e));
        sum = vec_add(sum, without_padding(loss, i, n));
        vec_store(gradient + i, without_padding(vec_mul(vec_sub(y, target), scales), i, n));
    }
    return vec_sum(sum);
}

static lk_real softmax(const lk_real *logits, size_t n, lk_real *p) {
    lk_real most = logits[0];
    for (size_t i = 1; i < n; i++) most = LK_MAX(most, logits[i]);
    for (size_t i = 0; i < n; i += LK_LANES)
        vec_store(p + i, vec_exp(vec_sub(load_tail(logits, i, n), vec_set(most))));
    const lk_real sum = sum_of(p, n);
    for (size_t i = 0; i < n; i++) p[i] /= sum;
    return most + (lk_real)(sum > 0 ? lk_log((double)sum) : (double)sum); /* NaN stays NaN */
}

static void exponential(lk_real *values, size_t n) {
    MAP(vec_exp(y))
}

static void adam(const lk_adam *step, const lk_real *gradient, lk_real *parameters, lk_real *m,
                 lk_real *v, size_t n) {
    const vec b1 = vec_set(step->beta1), b2 = vec_set(step->beta2), one = vec_set(1);
    const vec c1 = vec_sub(one, b1), c2 = vec_sub(one, b2);
    const vec rate = vec_set(step->rate), second = vec_set(step->second);
    const vec epsilon = vec_set(step->epsilon), keep = vec_set(step->keep);
    for (size_t i = 0; i < n; i += LK_LANES) {
        const vec g = vec_load(gradient + i);
        const vec first = vec_add(vec_mul(b1, vec_load(m + i)), vec_mul(c1, g));
        const vec squares = vec_add(vec_mul(b2, vec_load(v + i)), vec_mul(vec_mul(c2, g), g));
        vec_store(m + i, first);
        vec_store(v + i, squares);
        const vec root = vec_add(vec_sqrt(vec_mul(squares, second)), epsilon);
        const vec change = vec_div(vec_mul(rate, first), root);
        vec_store(parameters + i, vec_sub(vec_mul(vec_load(parameters + i), keep), change));
    }
}

static void from_pixels(const uint8_t *pixels, size_t n, lk_real *x) {
    for (size_t i = 0; i < n; i++) x[i] = (lk_real)pixels[i] / (lk_real)255;
}

#if defined(LK_VARIANT_v4)
#define TABLE lk_kernels_v4
#define SIMD LK_SIMD_V4
#elif defined(LK_VARIANT_v3)
#define TABLE lk_kernels_v3
#define SIMD LK_SIMD_V3
#elif defined(LK_VARIANT_v2)
#define TABLE lk_kernels_v2
#define SIMD LK_SIMD_V2
#elif defined(LK_VARIANT_wasm)
#define TABLE lk_kernels_wasm
#define SIMD LK_SIMD_WASM
#else
#define TABLE lk_kernels_scalar
#define SIMD LK_SIMD_SCALAR
#endif

extern const lk_kernels TABLE;
const lk_kernels TABLE = {
    .simd = SIMD,
    .gemm = gemm,
    .whole_products = whole_products,
    .transpose = transpose,
    .squared_distances = squared_distances,
    .dot_products = dot_products,
    .panel_over = panel_over,
    .activate = activate,
    .activate_gradient = activate_gradient,
    .column_sums = column_sums,
    .pool_max = pool_max,
    .pool_put = pool_put,
    .pool_take = pool_take,
    .pool_sum = pool_sum,
    .pool_fill = pool_fill,
    .winograd_take = winograd_take,
    .winograd_put = winograd_put,
    .moments = moments,
    .normalise = normalise,
    .moments_back = moments_back,
    .normalise_back = normalise_back,
    .dropout = dropout,
    .sum = sum_of,
    .squared_error = squared_error,
    .squared_loss = squared_loss,
    .logistic_loss = logistic_loss,
    .softmax = softmax,
    .exponential = exponential,
    .adam = adam,
    .from_pixels = from_pixels,
};

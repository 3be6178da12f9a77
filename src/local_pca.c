#include "local_pca.h"

#include <math.h>
#include <string.h>

#include "directions.h"
#include "rng.h"

enum { ROUNDS = 8, IMAGES_FOR_EACH = 160, ROWS = 64, PANELS = LK_MAX_PIECES / LK_LANES };

/* Squares that are noise, of what is left over and of an image. */
static const double LEAST_LEFT = 1e-3, LEAST_ENERGY = 0.25;

/* ---- small images ---- */

static size_t halved(size_t side) {
    return side > LK_SHAPE_SIDE ? (side + 1) / 2 : side;
}

size_t lk_local_pca_values(lk_shape shape) {
    size_t height = shape.height, width = shape.width;
    while (halved(height) < height) height = halved(height);
    while (halved(width) < width) width = halved(width);
    const size_t pixels = height * width;
    return pixels * shape.channels <= LK_MOST_SHAPE ? pixels * shape.channels : 0;
}

size_t lk_local_pca_clusters(size_t n) {
    return LK_MAX((size_t)1, LK_MIN(n / IMAGES_FOR_EACH, (size_t)LK_MAX_PIECES));
}

/* n values, `jump` apart, to half as many, what is beyond an end being like the end. They may take
   the place of the others, since each comes from values at or behind its own place, but the first
   of four: that is remembered. */
static void halve(const lk_real *from, size_t n, size_t jump, lk_real *to, size_t to_jump) {
    const size_t last = (n - 1) * jump;
    lk_real before = from[0];
    for (size_t i = 0; 2 * i < n; i++) {
        const size_t at = 2 * i * jump;
        const lk_real a = from[at], b = from[LK_MIN(at + jump, last)];
        const lk_real behind = from[LK_MIN(at + 2 * jump, last)];
        to[i * to_jump] = (before + 3 * a + 3 * b + behind) * (lk_real)0.125;
        before = b;
    }
}

void lk_local_pca_shrink(lk_shape shape, lk_real *x) {
    const size_t channels = shape.channels;
    size_t height = shape.height, width = shape.width;
    for (; halved(width) < width; width = halved(width))
        for (size_t y = 0; y < height; y++)
            for (size_t c = 0; c < channels; c++)
                halve(x + y * width * channels + c, width, channels,
                      x + y * halved(width) * channels + c, channels);
    for (; halved(height) < height; height = halved(height))
        for (size_t i = 0; i < width * channels; i++)
            halve(x + i, height, width * channels, x + i, width * channels);
}

/* ---- memory ---- */

static size_t panels_of(const lk_local_pca *s) {
    return (s->clusters + LK_LANES - 1) / LK_LANES;
}

void lk_local_pca_take(lk_local_pca *s, lk_arena *arena) {
    const size_t values = s->clusters * s->values; /* both are small */
    s->means = lk_arena_take(arena, values, sizeof *s->means);
    s->steps = lk_arena_take(arena, values * LK_LANES, 1);
    s->bases = lk_arena_take(arena, values * LK_LANES, sizeof *s->bases);
    s->feet = lk_arena_take(arena, s->clusters * LK_LANES, sizeof *s->feet);
    s->centres = lk_arena_take(arena, panels_of(s) * s->values * LK_LANES, sizeof *s->centres);
}

/* Works out a cluster's rest from its mean and its basis. */
static void place(lk_local_pca *s, size_t c) {
    const lk_real *mean = s->means + c * s->values, *basis = s->bases + c * s->values * LK_LANES;
    double feet[LK_LANES] = {0};
    for (size_t j = 0; j < s->values; j++) {
        s->centres[(c / LK_LANES * s->values + j) * LK_LANES + c % LK_LANES] = mean[j];
        for (size_t k = 0; k < LK_LANES; k++)
            feet[k] += (double)mean[j] * (double)basis[j * LK_LANES + k];
    }
    for (size_t k = 0; k < LK_LANES; k++) s->feet[c * LK_LANES + k] = (lk_real)feet[k];
}

void lk_local_pca_finish(lk_local_pca *s) {
    for (size_t c = 0; c < s->clusters; c++) {
        for (size_t k = 0; k < LK_LANES; k++) {
            const int8_t *steps = s->steps + (c * LK_LANES + k) * s->values;
            int32_t squares = 0;
            for (size_t j = 0; j < s->values; j++) squares += steps[j] * steps[j];
            const double scale = squares > 0 ? 1 / sqrt((double)squares) : 0;
            for (size_t j = 0; j < s->values; j++)
                s->bases[(c * s->values + j) * LK_LANES + k] = (lk_real)(scale * steps[j]);
        }
        place(s, c);
    }
}

/* ---- distances ---- */

/* left[n][clusters]: the squares of n <= ROWS small images that lie outside of each flat piece. */
static void measure(const lk_local_pca *s, const lk_kernels *kernels, const lk_real *small,
                    size_t n, lk_real *inside, double *left) {
    const size_t width = s->clusters * LK_LANES;
    lk_real far[PANELS * LK_LANES];
    kernels->gemm(&(lk_gemm){.m = n,
                             .k = s->values,
                             .panels = s->clusters,
                             .a = small,
                             .a_row = s->values,
                             .a_col = 1,
                             .b = s->bases,
                             .b_panel = s->values * LK_LANES,
                             .b_row = LK_LANES,
                             .c = inside,
                             .c_row = width,
                             .c_panel = LK_LANES});
    for (size_t i = 0; i < n; i++) {
        kernels->squared_distances(small + i * s->values, s->values, s->centres, panels_of(s), far);
        for (size_t c = 0; c < s->clusters; c++) {
            double squares = 0;
            for (size_t k = 0; k < LK_LANES; k++) {
                const double v = (double)inside[i * width + c * LK_LANES + k] -
                                 (double)s->feet[c * LK_LANES + k];
                squares += v * v;
            }
            left[i * s->clusters + c] = LK_MAX((double)far[c] - squares, 0.0);
        }
    }
}

static size_t least_of(const double *left, size_t n) {
    size_t least = 0;
    for (size_t c = 1; c < n; c++)
        if (left[c] < left[least]) least = c;
    return least;
}

double lk_local_pca_distance(const lk_local_pca *s, const lk_kernels *kernels,
                             const lk_real *small) {
    lk_real inside[LK_MAX_PIECES * LK_LANES];
    double left[LK_MAX_PIECES], energy = LEAST_ENERGY;
    measure(s, kernels, small, 1, inside, left);
    for (size_t j = 0; j < s->values; j++) energy += (double)small[j] * (double)small[j];
    return lk_log((left[least_of(left, s->clusters)] + LEAST_LEFT) / energy);
}

/* ---- fitting ---- */

/* The workspace of a fit. */
typedef struct fit {
    lk_local_pca *s;
    const lk_real *values; /* [n][s->values] */
    size_t n;
    uint32_t *cluster; /* [n] */
    lk_real *inside;   /* [ROWS][clusters x LK_LANES] */
    double *left;      /* [ROWS][clusters] */
    double *sums;      /* [values] */
    lk_directions directions;
} fit;

static void assign(fit *f) {
    const lk_local_pca *s = f->s;
    const lk_kernels *kernels = lk_kernels_get(LK_SIMD_BEST);
    for (size_t first = 0; first < f->n; first += ROWS) {
        const size_t n = LK_MIN((size_t)ROWS, f->n - first);
        measure(s, kernels, f->values + first * s->values, n, f->inside, f->left);
        for (size_t i = 0; i < n; i++)
            f->cluster[first + i] = (uint32_t)least_of(f->left + i * s->clusters, s->clusters);
    }
}

/* The mean of a cluster's members. False: it has none. */
static bool move(fit *f, size_t c) {
    const size_t d = f->s->values;
    size_t members = 0;
    memset(f->sums, 0, d * sizeof *f->sums);
    for (size_t i = 0; i < f->n; i++) {
        if (f->cluster[i] != c) continue;
        for (size_t j = 0; j < d; j++) f->sums[j] += (double)f->values[i * d + j];
        members++;
    }
    for (size_t j = 0; j < d && members; j++)
        f->s->means[c * d + j] = (lk_real)(f->sums[j] / (double)members);
    return members > 0;
}

/* The directions in which a cluster's members vary most, in a basis. */
static void turn(fit *f, size_t c, lk_rng rng) {
    lk_directions *m = &f->directions;
    const size_t d = m->values;
    const lk_real *mean = f->s->means + c * d;
    size_t filled = 0;
    lk_directions_clear(m);
    for (size_t i = 0; i < f->n; i++) {
        if (f->cluster[i] != c) continue;
        for (size_t j = 0; j < d; j++)
            m->block[filled * m->stride + j] = f->values[i * d + j] - mean[j];
        if (++filled < LK_DIRECTIONS_BLOCK) continue;
        lk_directions_add(m, filled);
        filled = 0;
    }
    if (filled) lk_directions_add(m, filled);
    lk_directions_find(m, rng);
}

/* Directions in steps; those that there are not become 0. */
static void quantise(fit *f, size_t c) {
    const size_t d = f->s->values;
    for (size_t k = 0; k < f->directions.count; k++) {
        const double *row = f->directions.basis + k * d;
        double most = 0;
        for (size_t j = 0; j < d; j++) most = LK_MAX(most, fabs(row[j]));
        for (size_t j = 0; j < d; j++)
            f->s->steps[(c * LK_LANES + k) * d + j] =
                (int8_t)(most > 0 ? floor(127 * row[j] / most + 0.5) : 0);
    }
}

/* Rounds of assigning images to the nearest flat piece and fitting each to its own. At first they
   are single images, drawn. */
static void run_rounds(fit *f, uint64_t seed) {
    lk_local_pca *s = f->s;
    const lk_rng rng = lk_rng_make(seed, LK_STREAM_COMPONENTS, 3);
    for (size_t c = 0; c < s->clusters; c++) {
        const size_t i = lk_rng_below(rng, c, f->n);
        memcpy(s->means + c * s->values, f->values + i * s->values, s->values * sizeof *s->means);
    }
    lk_local_pca_finish(s);
    for (int round = 0; round < ROUNDS; round++) {
        assign(f);
        for (size_t c = 0; c < s->clusters; c++) {
            if (!move(f, c)) continue;
            turn(f, c, lk_rng_make(seed, LK_STREAM_COMPONENTS, 4));
            quantise(f, c);
        }
        lk_local_pca_finish(s);
    }
}

lk_status lk_local_pca_fit(lk_local_pca *s, const lk_real *values, size_t n, uint64_t seed,
                           lk_error *error) {
    for (size_t i = 0; i < n * s->values; i++)
        if (!isfinite(values[i])) return lk_fail(error, LK_NONFINITE, "a value is not finite");
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        fit f = {.s = s, .values = values, .n = n};
        f.directions =
            (lk_directions){.values = s->values, .count = LK_MIN(s->values, (size_t)LK_LANES)};
        lk_directions_take(&f.directions, &arena);
        f.cluster = lk_arena_take(&arena, n, sizeof *f.cluster);
        f.inside = lk_arena_take(&arena, ROWS * s->clusters * LK_LANES, sizeof *f.inside);
        f.left = lk_arena_take(&arena, ROWS * s->clusters, sizeof *f.left);
        f.sums = lk_arena_take(&arena, s->values, sizeof *f.sums);
        if (f.sums) {
            run_rounds(&f, seed);
            lk_free(arena.base);
            return LK_OK;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

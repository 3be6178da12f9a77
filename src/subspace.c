#include "subspace.h"

#include <math.h>
#include <string.h>

#include "arena.h"
#include "eigen.h"
#include "rng.h"

/* More vectors than are wanted make the last of those converge. A filter is made no sharper than
   MOST_GROWTH, or rounding in the direction of the first vector would drown the others. */
enum { SPARE = 8, TOGETHER = 4, MOST_DEGREE = 60, MOST_ROUNDS = 300 };
static const double MOST_GROWTH = 1e7;

typedef struct subspace {
    const lk_symmetric *a;
    size_t n, width;
    int threads;
    double *x, *y, *z; /* [width][n]: vectors, A x, and what becomes of them */
    double *h;         /* [width][width] */
    double *values;    /* [width] */
    double *room;      /* [3 width] */
} subspace;

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void apply(const subspace *s, const double *x, double *y) {
    const int groups = (int)((s->width + TOGETHER - 1) / TOGETHER);
#pragma omp parallel for schedule(dynamic) num_threads(s->threads) if (s->threads > 1)
    for (int g = 0; g < groups; g++) {
        const size_t first = (size_t)g * TOGETHER, left = s->width - first;
        s->a->apply(s->a->context, x + first * s->n, LK_MIN(left, (size_t)TOGETHER),
                    y + first * s->n);
    }
}

/* Gram and Schmidt, twice over, which is enough (L. Giraud et al. 2005). A vector of which nothing
   is left is replaced by a random one. */
static void orthonormalise(subspace *s, lk_rng rng) {
    for (size_t v = 0; v < s->width; v++) {
        double *x = s->x + v * s->n;
        for (int round = 0; round < 2; round++) {
            const double before = sqrt(dot(x, x, s->n));
            for (size_t u = 0; u < v; u++) {
                const double *other = s->x + u * s->n, along = dot(x, other, s->n);
                for (size_t i = 0; i < s->n; i++) x[i] -= along * other[i];
            }
            const double length = sqrt(dot(x, x, s->n));
            if (!(length > 1e-13 * before)) {
                for (size_t i = 0; i < s->n; i++) x[i] = lk_rng_normal(rng, v * s->n + i);
                round = -1;
                continue;
            }
            for (size_t i = 0; i < s->n; i++) x[i] /= length;
        }
    }
}

/* rows of `to` = h times rows of `from`: by stretches of each row, so that they stay in the cache.
 */
static void turn(const subspace *s, const double *from, double *to) {
    enum { STRETCH = 512 };
    const int stretches = (int)((s->n + STRETCH - 1) / STRETCH);
#pragma omp parallel for schedule(dynamic) num_threads(s->threads) if (s->threads > 1)
    for (int t = 0; t < stretches; t++) {
        const size_t first = (size_t)t * STRETCH, end = LK_MIN(first + STRETCH, s->n);
        for (size_t v = 0; v < s->width; v++) {
            double *out = to + v * s->n;
            for (size_t i = first; i < end; i++) out[i] = 0;
            for (size_t u = 0; u < s->width; u++) {
                const double share = s->h[v * s->width + u], *in = from + u * s->n;
                for (size_t i = first; i < end; i++) out[i] += share * in[i];
            }
        }
    }
}

/* Rayleigh and Ritz: the best eigenvectors within the subspace; y is kept A x. */
static bool rotate(subspace *s) {
    const int width = (int)s->width;
    apply(s, s->x, s->y);
#pragma omp parallel for schedule(dynamic) num_threads(s->threads) if (s->threads > 1)
    for (int v = 0; v < width; v++)
        for (size_t u = 0; u <= (size_t)v; u++)
            s->h[(size_t)v * s->width + u] = dot(s->y + (size_t)v * s->n, s->x + u * s->n, s->n);
    for (size_t v = 0; v < s->width; v++)
        for (size_t u = 0; u < v; u++) s->h[u * s->width + v] = s->h[v * s->width + u];
    if (!lk_eigen_symmetric(s->h, s->width, s->values, s->room)) return false;
    turn(s, s->x, s->z);
    memcpy(s->x, s->z, s->width * s->n * sizeof *s->x);
    turn(s, s->y, s->z);
    memcpy(s->y, s->z, s->width * s->n * sizeof *s->y);
    return true;
}

static bool converged(const subspace *s, size_t count, double tolerance) {
    const double limit = tolerance * LK_MAX(fabs(s->values[0]), 1e-300);
    for (size_t v = count; v-- > 0;) {
        const double *x = s->x + v * s->n, *y = s->y + v * s->n;
        double squares = 0;
        for (size_t i = 0; i < s->n; i++) {
            const double left = y[i] - s->values[v] * x[i];
            squares += left * left;
        }
        if (!(sqrt(squares) <= limit)) return false;
    }
    return true;
}

/* x becomes T((A - middle) / half) x, with the Chebyshev polynomial that is small on what is not
   wanted, [least, the smallest value found], and grows beyond. */
static void filter(subspace *s) {
    const double largest = s->values[0], cut = s->values[s->width - 1];
    const double least = LK_MIN(s->a->least, cut);
    const double half = LK_MAX((cut - least) / 2, 1e-12 * fabs(largest)), middle = least + half;
    const double at = (largest - middle) / half;
    int degree = 1;
    for (double before = 1, now = at; degree < MOST_DEGREE && now < MOST_GROWTH; degree++) {
        const double next = 2 * at * now - before;
        before = now;
        now = next;
    }
    const size_t total = s->width * s->n;
    for (size_t i = 0; i < total; i++) s->y[i] = (s->y[i] - middle * s->x[i]) / half;
    for (int d = 1; d < degree; d++) {
        apply(s, s->y, s->z);
        for (size_t i = 0; i < total; i++)
            s->z[i] = 2 * (s->z[i] - middle * s->y[i]) / half - s->x[i];
        double *free = s->x;
        s->x = s->y;
        s->y = s->z;
        s->z = free;
    }
    double *filtered = s->y;
    s->y = s->x;
    s->x = filtered;
}

/* Largest component positive, as lk_eigen_symmetric has it. */
static void hand_over(const subspace *s, size_t count, double *values, double *vectors) {
    for (size_t v = 0; v < count; v++) {
        const double *x = s->x + v * s->n;
        size_t largest = 0;
        for (size_t i = 1; i < s->n; i++)
            if (fabs(x[i]) > fabs(x[largest])) largest = i;
        const double sign = x[largest] < 0 ? -1 : 1;
        for (size_t i = 0; i < s->n; i++) vectors[v * s->n + i] = sign * x[i];
        values[v] = s->values[v];
    }
}

static lk_status iterate(subspace *s, size_t count, double tolerance, lk_rng rng, lk_error *error) {
    for (size_t i = 0; i < s->width * s->n; i++) s->x[i] = lk_rng_normal(rng, i);
    for (int round = 0; round < MOST_ROUNDS; round++) {
        orthonormalise(s, rng);
        if (!rotate(s)) break;
        if (converged(s, count, tolerance)) return LK_OK;
        filter(s);
    }
    return lk_fail(error, LK_NONFINITE, "the eigenvectors did not converge");
}

lk_status lk_subspace_leading(const lk_symmetric *a, size_t count, double tolerance, uint64_t seed,
                              int threads, double *values, double *vectors, lk_error *error) {
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        subspace s = {.a = a, .n = a->n, .threads = threads};
        s.width = LK_MIN(count + count / 4 + SPARE, a->n);
        size_t total = 0;
        if (!lk_mul_size(s.width, s.n, &total)) arena.overflow = true;
        s.x = lk_arena_take(&arena, total, sizeof *s.x);
        s.y = lk_arena_take(&arena, total, sizeof *s.y);
        s.z = lk_arena_take(&arena, total, sizeof *s.z);
        s.h = lk_arena_take(&arena, s.width * s.width, sizeof *s.h);
        s.values = lk_arena_take(&arena, s.width, sizeof *s.values);
        s.room = lk_arena_take(&arena, 3 * s.width, sizeof *s.room);
        if (s.x) {
            const lk_rng rng = lk_rng_make(seed, LK_STREAM_COMPONENTS, 3);
            const lk_status status = iterate(&s, count, tolerance, rng, error);
            if (status == LK_OK) hand_over(&s, count, values, vectors);
            lk_free(arena.base);
            return status;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

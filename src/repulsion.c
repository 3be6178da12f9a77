/* Few points are taken pair by pair. Of many: interpolation and Fourier transforms (after G. C.
   Linderman et al. 2019, "Fast interpolation-based t-SNE"). Points hand their charges to the 4 x 4
   nodes of a grid that are nearest to them, by Lagrange's polynomials. Between nodes the kernel (1
   + d^2)^-2 depends on their offset alone, so that its sums are a convolution; and points read off
   the potential by the same polynomials. With the charges 1, x, y and x^2 + y^2, for a point at (x,
   y) with potentials p1, px, py and pr, sum of (y_i - y_j) k           = (x p1 - px, y p1 - py) sum
   of (1 + d^2) k = (1 + x^2 + y^2) p1 - 2 (x px + y py) + pr the second of which is the sum of 1 /
   (1 + d^2). Two real charges make one complex series. */
#include "repulsion.h"

#include <math.h>

#include "arena.h"
#include "fft.h"

enum { NODES = 4, L = LK_FFT_LANES, SHARD = 256, MOST_BY_PAIRS = 1024 };

/* Sides of the transforms: twice as many as there are nodes, so that nothing wraps around. */
static const size_t SIDES[] = {256, 384, 512, 768, 1024, 1536};
#define LARGEST 1536
/* From node to node at most, where the largest side allows it: the kernel's width is 1. */
static const double WIDEST = 0.5;

/* A pair of charges or potentials at the nodes: re and im are [side / 2][side]. */
typedef struct plane {
    double *re, *im;
} plane;

/* Which nodes a point touches: four by four from here on, and their weights. */
typedef struct touch {
    uint32_t across, down;
    double x[NODES], y[NODES];
} touch;

struct lk_repulsion {
    size_t n;
    size_t side, nodes; /* nodes of each side of the grid */
    double reach, step; /* half the side of the square that points may lie in; node to node */
    lk_fft fft;
    double *twiddle; /* [2 LARGEST] */
    double *kernel;  /* [side][side]: the kernel's transform, over side^2 */
    plane planes[2]; /* 1 + i x, y + i (x^2 + y^2) */
    touch *touches;  /* [n] */
    uint32_t *order; /* [n]: points by `down`, and by number */
    uint32_t *first; /* [nodes + 1]: where those of one `down` begin in `order` */
    double *shards;  /* partial sums */
};

lk_repulsion *lk_repulsion_create(size_t n) {
    const size_t side = n <= MOST_BY_PAIRS ? 0 : LARGEST, half = side / 2;
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        lk_repulsion *r = lk_arena_take(&arena, 1, sizeof *r), all = {.n = n};
        all.twiddle = lk_arena_take(&arena, 2 * side, sizeof(double));
        all.kernel = lk_arena_take(&arena, side * side, sizeof(double));
        for (int p = 0; p < 2; p++) {
            all.planes[p].re = lk_arena_take(&arena, half * side, sizeof(double));
            all.planes[p].im = lk_arena_take(&arena, half * side, sizeof(double));
        }
        all.touches = lk_arena_take(&arena, side ? n : 0, sizeof *all.touches);
        all.order = lk_arena_take(&arena, side ? n : 0, sizeof *all.order);
        all.first = lk_arena_take(&arena, half + 1, sizeof *all.first);
        all.shards = lk_arena_take(&arena, (n + SHARD - 1) / SHARD, sizeof(double));
        if (r) {
            *r = all;
            return r;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return NULL;
}

/* ---- the convolution ---- */

typedef struct strip {
    double re[LARGEST * L], im[LARGEST * L];
} strip;

/* Eight rows from y on, `length` values of each, into a strip whose rest is zero; and back. */
static void take_rows(const lk_repulsion *r, const plane *p, size_t y, size_t length, strip *s) {
    for (size_t x = 0; x < length; x++)
        for (size_t l = 0; l < L; l++) {
            s->re[x * L + l] = p->re[(y + l) * r->side + x];
            s->im[x * L + l] = p->im[(y + l) * r->side + x];
        }
    for (size_t i = length * L; i < r->side * L; i++) s->re[i] = s->im[i] = 0;
}
static void put_rows(const lk_repulsion *r, const strip *s, size_t y, size_t length, plane *p) {
    for (size_t l = 0; l < L; l++)
        for (size_t x = 0; x < length; x++) {
            p->re[(y + l) * r->side + x] = s->re[x * L + l];
            p->im[(y + l) * r->side + x] = s->im[x * L + l];
        }
}

static void forward_rows(const lk_repulsion *r, plane *p, size_t y, strip *s) {
    take_rows(r, p, y, r->nodes, s);
    lk_fft_forward(&r->fft, s->re, s->im);
    put_rows(r, s, y, r->side, p);
}

static void backward_rows(const lk_repulsion *r, plane *p, size_t y, strip *s) {
    take_rows(r, p, y, r->side, s);
    lk_fft_backward(&r->fft, s->re, s->im);
    put_rows(r, s, y, r->nodes, p);
}

/* Eight columns from x on: forwards, times the kernel, backwards. */
static void convolve_columns(const lk_repulsion *r, plane *p, size_t x, strip *s) {
    const size_t side = r->side;
    for (size_t y = 0; y < side; y++)
        for (size_t l = 0; l < L; l++) {
            s->re[y * L + l] = y < r->nodes ? p->re[y * side + x + l] : 0;
            s->im[y * L + l] = y < r->nodes ? p->im[y * side + x + l] : 0;
        }
    lk_fft_forward(&r->fft, s->re, s->im);
    for (size_t y = 0; y < side; y++)
        for (size_t l = 0; l < L; l++) {
            s->re[y * L + l] *= r->kernel[y * side + x + l];
            s->im[y * L + l] *= r->kernel[y * side + x + l];
        }
    lk_fft_backward(&r->fft, s->re, s->im);
    for (size_t y = 0; y < r->nodes; y++)
        for (size_t l = 0; l < L; l++) {
            p->re[y * side + x + l] = s->re[y * L + l];
            p->im[y * side + x + l] = s->im[y * L + l];
        }
}

/* Charges become potentials. Strips do not touch each other. */
static void convolve(lk_repulsion *r, int threads) {
    const int rows = (int)(r->nodes / L), columns = (int)(r->side / L);
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        strip s;
#pragma omp for schedule(dynamic)
        for (int i = 0; i < 2 * rows; i++)
            forward_rows(r, &r->planes[i % 2], (size_t)(i / 2) * L, &s);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < 2 * columns; i++)
            convolve_columns(r, &r->planes[i % 2], (size_t)(i / 2) * L, &s);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < 2 * rows; i++)
            backward_rows(r, &r->planes[i % 2], (size_t)(i / 2) * L, &s);
    }
}

/* The transform of the kernel at all offsets, those past the middle standing for negative ones. It
   is real, since the kernel is even. */
static void make_kernel(lk_repulsion *r) {
    const size_t side = r->side;
    const double scale = 1 / ((double)side * (double)side);
    strip s;
    for (size_t y = 0; y < side; y += L) {
        for (size_t x = 0; x < side; x++)
            for (size_t l = 0; l < L; l++) {
                const double down = r->step * (double)LK_MIN(y + l, side - y - l);
                const double across = r->step * (double)LK_MIN(x, side - x);
                const double k = 1 / (1 + down * down + across * across);
                s.re[x * L + l] = k * k * scale;
                s.im[x * L + l] = 0;
            }
        lk_fft_forward(&r->fft, s.re, s.im);
        for (size_t l = 0; l < L; l++)
            for (size_t x = 0; x < side; x++) r->kernel[(y + l) * side + x] = s.re[x * L + l];
    }
    for (size_t x = 0; x < side; x += L) {
        for (size_t y = 0; y < side; y++)
            for (size_t l = 0; l < L; l++) {
                s.re[y * L + l] = r->kernel[y * side + x + l];
                s.im[y * L + l] = 0;
            }
        lk_fft_forward(&r->fft, s.re, s.im);
        for (size_t y = 0; y < side; y++)
            for (size_t l = 0; l < L; l++) r->kernel[y * side + x + l] = s.re[y * L + l];
    }
}

/* ---- points and nodes ---- */

/* The square that covers all points: its size is one of few, so that the kernel seldom changes. */
static void cover(lk_repulsion *r, const double *y) {
    double most = 0, reach = 1e-6;
    for (size_t i = 0; i < 2 * r->n; i++) most = LK_MAX(most, fabs(y[i]));
    while (reach < most * (1 + 1e-9)) reach *= 1.125;
    size_t i = 0;
    while (SIDES[i] < LARGEST && (double)(SIDES[i] / 2 - NODES) * WIDEST < 2 * reach) i++;
    if (r->side == SIDES[i] && r->reach == reach) return;
    if (r->side != SIDES[i]) r->fft = lk_fft_make(SIDES[i], r->twiddle);
    r->side = SIDES[i];
    r->nodes = r->side / 2;
    r->reach = reach;
    r->step = 2 * reach / (double)(r->nodes - NODES);
    make_kernel(r);
}

/* The first of the nodes that a coordinate touches, and their weights: it lies between the second
   and the third. */
static uint32_t weigh(const lk_repulsion *r, double coordinate, double *weights) {
    const double at = (coordinate + r->reach) / r->step;
    const uint32_t node = (uint32_t)at;
    const double t = at - (double)node;
    weights[0] = t * (1 - t) * (t - 2) / 6;
    weights[1] = (1 + t) * (1 - t) * (2 - t) / 2;
    weights[2] = (1 + t) * t * (2 - t) / 2;
    weights[3] = (1 + t) * t * (t - 1) / 6;
    return node;
}

static void touch_all(lk_repulsion *r, const double *y, int threads) {
#pragma omp parallel for num_threads(threads) if (threads > 1)
    for (size_t i = 0; i < r->n; i++) {
        touch *t = &r->touches[i];
        t->across = weigh(r, y[2 * i], t->x);
        t->down = weigh(r, y[2 * i + 1], t->y);
    }
    for (size_t row = 0; row <= r->nodes; row++) r->first[row] = 0;
    for (size_t i = 0; i < r->n; i++) r->first[r->touches[i].down]++;
    for (size_t row = 0; row < r->nodes; row++) r->first[row + 1] += r->first[row];
    /* Now where each row ends, which the last of its points moves to where it begins. */
    for (size_t i = r->n; i-- > 0;) r->order[--r->first[r->touches[i].down]] = (uint32_t)i;
}

static void clear_row(lk_repulsion *r, size_t row) {
    for (int p = 0; p < 2; p++)
        for (size_t x = 0; x < r->nodes; x++)
            r->planes[p].re[row * r->side + x] = r->planes[p].im[row * r->side + x] = 0;
}

/* Adds the charges of the points whose nodes begin in this row. */
static void charge_row(lk_repulsion *r, size_t row, const double *y) {
    for (size_t k = r->first[row]; k < r->first[row + 1]; k++) {
        const size_t i = r->order[k];
        const touch *t = &r->touches[i];
        const double px = y[2 * i], py = y[2 * i + 1], pr = px * px + py * py;
        for (size_t a = 0; a < NODES; a++) {
            const size_t to = (row + a) * r->side + t->across;
            for (size_t b = 0; b < NODES; b++) {
                const double w = t->y[a] * t->x[b];
                r->planes[0].re[to + b] += w;
                r->planes[0].im[to + b] += w * px;
                r->planes[1].re[to + b] += w * py;
                r->planes[1].im[to + b] += w * pr;
            }
        }
    }
}

/* Rows that are four apart touch no node in common; so all sums are taken in one order. */
static void charge(lk_repulsion *r, const double *y, int threads) {
    const int rows = (int)r->nodes;
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
#pragma omp for
        for (int row = 0; row < rows; row++) clear_row(r, (size_t)row);
        for (int turn = 0; turn < NODES; turn++) {
#pragma omp for schedule(dynamic, 2)
            for (int row = turn; row < rows; row += NODES) charge_row(r, (size_t)row, y);
        }
    }
}

/* The force on point i; returns its sum of 1 / (1 + d^2), itself included. */
static double read_off(const lk_repulsion *r, size_t i, const double *y, double *force) {
    const touch *t = &r->touches[i];
    double p1 = 0, px = 0, py = 0, pr = 0;
    for (size_t a = 0; a < NODES; a++) {
        const size_t from = (t->down + a) * r->side + t->across;
        for (size_t b = 0; b < NODES; b++) {
            const double w = t->y[a] * t->x[b];
            p1 += w * r->planes[0].re[from + b];
            px += w * r->planes[0].im[from + b];
            py += w * r->planes[1].re[from + b];
            pr += w * r->planes[1].im[from + b];
        }
    }
    const double x = y[2 * i], z = y[2 * i + 1];
    force[0] = x * p1 - px;
    force[1] = z * p1 - py;
    return (1 + x * x + z * z) * p1 - 2 * (x * px + z * py) + pr;
}

/* The same by the definition. */
static double go_through(size_t n, size_t i, const double *y, double *force) {
    double sum = 0;
    force[0] = force[1] = 0;
    for (size_t j = 0; j < n; j++) {
        const double dx = y[2 * i] - y[2 * j], dz = y[2 * i + 1] - y[2 * j + 1];
        const double k = 1 / (1 + dx * dx + dz * dz);
        sum += k;
        force[0] += k * k * dx;
        force[1] += k * k * dz;
    }
    return sum;
}

double lk_repulsion_measure(lk_repulsion *r, const double *y, int threads, double *forces) {
    const bool by_pairs = r->n <= MOST_BY_PAIRS;
    if (!by_pairs) {
        cover(r, y);
        touch_all(r, y, threads);
        charge(r, y, threads);
        convolve(r, threads);
    }
    const size_t shards = (r->n + SHARD - 1) / SHARD;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (size_t s = 0; s < shards; s++) {
        r->shards[s] = 0;
        for (size_t i = s * SHARD; i < LK_MIN((s + 1) * SHARD, r->n); i++)
            r->shards[s] += by_pairs ? go_through(r->n, i, y, forces + 2 * i)
                                     : read_off(r, i, y, forces + 2 * i);
    }
    double sum = -(double)r->n; /* each point's own 1 */
    for (size_t s = 0; s < shards; s++) sum += r->shards[s];
    return sum;
}

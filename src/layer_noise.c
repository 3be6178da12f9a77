/* noise S, mask P, salt P, dropout P: operators that spoil what passes, and do nothing once a model
   is in use.

   The first three corrupt inputs, for chains whose task is the clean image (P. Vincent et al.
   2010): normal noise of deviation S is added, or a share P of the values becomes 0, or 0 or 1.
   They are part of the task, so a loss is measured through them. dropout (N. Srivastava et al.
   2014) zeroes a share P while learning alone, and makes up for it by a factor on the rest; there
   are many of its random numbers, so that it has a kernel, where P is a multiple of 2^-24. */
#include "layer.h"

#include <string.h>

static lk_status plan(lk_layer *l, const uint32_t *numbers, lk_error *error) {
    (void)numbers;
    const double most = l->op == &lk_op_noise ? 100 : 0.999999;
    if (!((double)l->amount > 0) || (double)l->amount > most)
        return lk_fail(error, LK_MODEL, "%s needs a number over 0%s", l->op->name,
                       l->op == &lk_op_noise ? " and at most 100" : " and below 1");
    l->out = l->in;
    l->out_stride = l->in_stride;
    l->flops = (double)lk_shape_size(l->in);
    return LK_OK;
}

/* What becomes of value x by the random number `index`. */
static lk_real corrupt(lk_corruption kind, lk_real amount, lk_rng rng, uint64_t index, lk_real x) {
    if (kind == LK_CORRUPT_NOISE) return x + amount * (lk_real)lk_rng_normal(rng, index);
    const double u = lk_rng_uniform(rng, index), p = (double)amount;
    if (kind == LK_CORRUPT_MASK) return u < p ? 0 : x;
    return u < p / 2 ? 0 : u < p ? 1 : x;
}

void lk_corrupt(lk_corruption kind, double amount, uint64_t seed, uint64_t number, size_t n,
                lk_real *x) {
    const lk_rng rng = lk_rng_make(seed, LK_STREAM_NOISE, 0);
    for (size_t i = 0; i < n; i++) x[i] = corrupt(kind, (lk_real)amount, rng, number * n + i, x[i]);
}

static lk_corruption kind(const lk_layer *l) {
    return l->op == &lk_op_noise  ? LK_CORRUPT_NOISE
           : l->op == &lk_op_mask ? LK_CORRUPT_MASK
                                  : LK_CORRUPT_SALT;
}

static void forward(const lk_layer *l, const lk_pass *pass, const lk_real *x, lk_real *y,
                    size_t rows) {
    const size_t n = lk_shape_size(l->in);
    memcpy(y, x, rows * l->in_stride * sizeof *y);
    for (size_t r = 0; pass->batch && r < rows; r++) {
        uint64_t first;
        const lk_rng rng = lk_pass_rng(l, pass, r, n, &first);
        lk_real *row = y + r * l->out_stride;
        for (size_t i = 0; i < n; i++) row[i] = corrupt(kind(l), l->amount, rng, first + i, row[i]);
    }
}

/* The same numbers again: how much of a value passed is its derivative. */
static void backward(const lk_layer *l, const lk_pass *pass, const lk_real *x, const lk_real *y,
                     lk_real *dy, lk_real *dx, size_t rows) {
    (void)x, (void)y;
    const size_t n = lk_shape_size(l->in);
    if (!dx) return;
    memmove(dx, dy, rows * l->in_stride * sizeof *dx);
    if (!pass->batch || l->op == &lk_op_noise) return;
    for (size_t r = 0; r < rows; r++) {
        uint64_t first;
        const lk_rng rng = lk_pass_rng(l, pass, r, n, &first);
        lk_real *row = dx + r * l->in_stride;
        for (size_t i = 0; i < n; i++)
            if (lk_rng_uniform(rng, first + i) < (double)l->amount) row[i] = 0;
    }
}

/* Values go out as gradients come back. */
static void drop(const lk_layer *l, const lk_pass *pass, const lk_real *from, lk_real *to,
                 size_t rows) {
    const size_t n = l->in_stride;
    if (!lk_pass_learns(pass)) {
        memmove(to, from, rows * n * sizeof *to);
        return;
    }
    for (size_t r = 0; r < rows; r++) {
        uint64_t number; /* the row has one key, of which the kernel makes the others */
        const lk_rng rng = lk_pass_rng(l, pass, r, 1, &number);
        pass->kernels->dropout(lk_rng_u64(rng, number), l->amount, from + r * n, to + r * n, n);
    }
}

static void drop_backward(const lk_layer *l, const lk_pass *pass, const lk_real *x,
                          const lk_real *y, lk_real *dy, lk_real *dx, size_t rows) {
    (void)x, (void)y;
    if (dx) drop(l, pass, dy, dx, rows);
}

#define SPOILER(its_name, its_forward, its_backward)                                               \
    {                                                                                              \
        .name = its_name, .decimal = true, .in_place = true, .plan = plan, .forward = its_forward, \
        .backward = LK_TRAINS(its_backward),                                                       \
    }

const lk_op lk_op_noise = SPOILER("noise", forward, backward);
const lk_op lk_op_mask = SPOILER("mask", forward, backward);
const lk_op lk_op_salt = SPOILER("salt", forward, backward);
const lk_op lk_op_dropout = SPOILER("dropout", drop, drop_backward);

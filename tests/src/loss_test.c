#include "loss.h"

#include <math.h>

#include "fixture.h"
#include "test.h"

static const lk_loss *find(const char *name) {
    size_t count;
    const lk_loss *losses = lk_losses(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(losses[i].name, name) == 0) return &losses[i];
    return NULL;
}

/* ---- ce ---- */

enum { MOST = 48 };

static lk_real cross_entropy(const lk_kernels *kernels, const lk_real *logits, size_t n,
                             uint32_t label, lk_real scale, lk_real *gradient) {
    const lk_loss_pass pass = {.kernels = kernels,
                               .y = logits,
                               .y_stride = lk_round_up(n, LK_LANES),
                               .labels = &label,
                               .n = n,
                               .batch = 1,
                               .scale = scale};
    return find("ce")->row(&pass, 0, gradient);
}

/* -log of softmax by the definition, in doubles; p[n] are the probabilities. */
static double true_entropy(const lk_real *logits, size_t n, uint32_t label, double *p) {
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, (double)logits[i]);
    for (size_t i = 0; i < n; i++) sum += p[i] = exp((double)logits[i] - most);
    for (size_t i = 0; i < n; i++) p[i] /= sum;
    return log(sum) + most - (double)logits[label];
}

static void test_ce(lk_simd simd) {
    const lk_kernels *kernels = lk_kernels_get(simd);
    static const lk_real SPREADS[] = {(lk_real)1e-3, 1, 10, 1000, 10000};
    for (size_t n = 2; n <= 41; n++)
        for (size_t s = 0; s < LK_COUNTOF(SPREADS); s++) {
            lk_real logits[MOST], gradient[MOST];
            double p[MOST];
            const uint32_t label = (uint32_t)(n * 7 % n + s % n);
            fill_normal(logits, MOST, n);
            /* What lies behind the logits is nobody's. */
            for (size_t i = 0; i < MOST; i++) logits[i] = i < n ? logits[i] * SPREADS[s] : 1e30f;
            const double wanted = true_entropy(logits, n, label, p);
            const double loss =
                (double)cross_entropy(kernels, logits, n, label, (lk_real)0.3, gradient);
            /* The two large terms of the difference are rounded. */
            const double allowed = 1e-6 * fmax(1, wanted) + 2e-7 * (double)SPREADS[s];
            CHECK(fabs(loss - wanted) <= allowed, "%zu, %g: %.9g, not %.9g", n, (double)SPREADS[s],
                  loss, wanted);
            for (size_t i = 0; i < lk_round_up(n, LK_LANES); i++) {
                const double slope = i < n ? 0.3 * (p[i] - (i == label)) : 0;
                CHECK(i < n ? fabs((double)gradient[i] - slope) <= 1e-6 : gradient[i] == 0,
                      "%zu, %g: gradient %zu: %.9g, not %.9g", n, (double)SPREADS[s], i,
                      (double)gradient[i], slope);
            }
        }
}

static void test_ce_extremes(lk_simd simd) {
    const lk_kernels *kernels = lk_kernels_get(simd);
    static const struct {
        lk_real logits[3];
        uint32_t label;
        double loss;
    } CASES[] = {{{10000, 0, -10000}, 0, 0},
                 {{10000, 0, -10000}, 1, 10000},
                 {{10000, 0, -10000}, 2, 20000},
                 {{-10000, -10000, -10000}, 1, 1.0986122886681098},
                 {{0, 0, 0}, 2, 1.0986122886681098}};
    lk_real gradient[LK_LANES];
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const double loss =
            (double)cross_entropy(kernels, CASES[i].logits, 3, CASES[i].label, 1, gradient);
        /* At 1e4 a float is as coarse as a thousandth. */
        CHECK(fabs(loss - CASES[i].loss) <= 1e-3, "case %zu: %.9g", i, loss);
        for (size_t k = 0; k < LK_LANES; k++) CHECK(isfinite(gradient[k]), "case %zu", i);
    }
    /* What is not a number anywhere must be seen in the loss. */
    for (uint32_t label = 0; label < 3; label++)
        for (size_t at = 0; at < 3; at++)
            for (size_t v = 0; v < 2; v++) {
                lk_real logits[LK_LANES] = {1, 2, 3};
                logits[at] = v ? NAN : INFINITY;
                CHECK(!isfinite(cross_entropy(kernels, logits, 3, label, 1, gradient)),
                      "logit %zu, label %u", at, label);
            }
}

/* ---- triplet ---- */

enum { ROWS = 40, STRIDE = 16 };

/* A batch and what the loss makes of it. */
typedef struct batch {
    size_t rows, n;
    uint32_t labels[ROWS];
    lk_real z[ROWS * STRIDE], pairs[ROWS * ROWS];
    lk_real loss[ROWS], gradient[ROWS * STRIDE];
} batch;

static void run(batch *b, lk_simd simd, lk_real margin, bool backward) {
    const lk_loss *loss = find("triplet");
    const lk_loss_pass pass = {.kernels = lk_kernels_get(simd),
                               .y = b->z,
                               .y_stride = STRIDE,
                               .labels = b->labels,
                               .n = b->n,
                               .batch = b->rows,
                               .option = margin,
                               .scale = (lk_real)0.5,
                               .pairs = b->pairs};
    memset(b->pairs, 0xff, sizeof b->pairs); /* NaN: what is not written shows */
    for (size_t i = 0; i < b->rows; i++) loss->mine(&pass, backward ? b->rows - 1 - i : i);
    for (size_t i = 0; i < b->rows; i++) b->loss[i] = loss->row(&pass, i, b->gradient + i * STRIDE);
}

static double distance(const batch *b, size_t i, size_t j) {
    double sum = 0;
    for (size_t k = 0; k < b->n; k++) {
        const double d = (double)b->z[i * STRIDE + k] - (double)b->z[j * STRIDE + k];
        sum += d * d;
    }
    return sum;
}

/* The loss by its words: each anchor's mean over its positives of the hinge with the nearest
   negative that is farther than the positive; the gradient triplet by triplet. */
static void by_definition(const batch *b, double margin, double *loss, double *gradient) {
    memset(gradient, 0, ROWS * STRIDE * sizeof *gradient);
    for (size_t a = 0; a < b->rows; a++) {
        size_t positives = 0;
        for (size_t p = 0; p < b->rows; p++) positives += p != a && b->labels[p] == b->labels[a];
        loss[a] = 0;
        for (size_t p = 0; p < b->rows; p++) {
            if (p == a || b->labels[p] != b->labels[a]) continue;
            size_t n = b->rows;
            for (size_t k = 0; k < b->rows; k++)
                if (b->labels[k] != b->labels[a] && distance(b, a, k) > distance(b, a, p) &&
                    (n == b->rows || distance(b, a, k) < distance(b, a, n)))
                    n = k;
            if (n == b->rows) continue;
            const double hinge = distance(b, a, p) - distance(b, a, n) + margin;
            if (hinge <= 0) continue;
            loss[a] += hinge / (double)positives;
            for (size_t k = 0; k < b->n; k++) {
                const double factor = 0.5 * 2 / (double)positives;
                const double to_p = (double)b->z[a * STRIDE + k] - (double)b->z[p * STRIDE + k];
                const double to_n = (double)b->z[a * STRIDE + k] - (double)b->z[n * STRIDE + k];
                gradient[a * STRIDE + k] += factor * (to_p - to_n);
                gradient[p * STRIDE + k] -= factor * to_p;
                gradient[n * STRIDE + k] += factor * to_n;
            }
        }
    }
}

static void compare(const batch *b, double margin, const char *what) {
    double loss[ROWS], gradient[ROWS * STRIDE];
    by_definition(b, margin, loss, gradient);
    for (size_t i = 0; i < b->rows; i++) {
        CHECK(fabs((double)b->loss[i] - loss[i]) <= 1e-5, "%s: row %zu: %.9g, not %.9g", what, i,
              (double)b->loss[i], loss[i]);
        for (size_t k = 0; k < STRIDE; k++)
            CHECK(fabs((double)b->gradient[i * STRIDE + k] - gradient[i * STRIDE + k]) <= 1e-5,
                  "%s: gradient %zu %zu: %.9g, not %.9g", what, i, k,
                  (double)b->gradient[i * STRIDE + k], gradient[i * STRIDE + k]);
    }
}

static void test_triplet(lk_simd simd) {
    static batch b, again;
    static const size_t SIZES[] = {1, 2, 7, 15, 16};
    size_t active = 0, idle = 0;
    for (size_t s = 0; s < LK_COUNTOF(SIZES); s++)
        for (uint32_t classes = 1; classes <= 5; classes += 2)
            for (size_t rows = 1; rows <= ROWS; rows += 13) {
                b = (batch){.rows = rows, .n = SIZES[s]};
                const lk_rng rng = lk_rng_make(s, 5, rows);
                for (size_t i = 0; i < rows; i++) {
                    b.labels[i] = (uint32_t)lk_rng_below(rng, i, classes);
                    for (size_t k = 0; k < SIZES[s]; k++)
                        b.z[i * STRIDE + k] =
                            (lk_real)(0.4 * lk_rng_normal(rng, 100 + i * STRIDE + k));
                }
                run(&b, simd, (lk_real)0.2, false);
                char what[80];
                snprintf(what, sizeof what, "%zu rows of %zu, %u classes", rows, SIZES[s], classes);
                compare(&b, (double)(lk_real)0.2, what);
                for (size_t i = 0; i < rows; i++) active += b.loss[i] > 0, idle += b.loss[i] == 0;
                again = b;
                run(&again, simd, (lk_real)0.2, true);
                CHECK(memcmp(b.gradient, again.gradient, sizeof b.gradient) == 0, "%s", what);
            }
    CHECK(active > 100 && idle > 100, "%zu active, %zu idle", active, idle);
}

/* On a line: anchors at 0 and their like at 1, 3; others at 2, -2 and 5. */
static void test_triplet_by_hand(lk_simd simd) {
    static batch b;
    b = (batch){.rows = 6, .n = 1, .labels = {7, 7, 7, 9, 9, 8}};
    static const lk_real PLACES[] = {0, 1, 3, 2, -2, 5};
    for (size_t i = 0; i < 6; i++) b.z[i * STRIDE] = PLACES[i];
    run(&b, simd, 10, false);
    /* Anchor 0, squared distances 1, 9 | 4, 4, 25: with 1 goes the 4 of row 3, the lower of two
       equals; with 9 goes 25, too far. (1 - 4 + 10) / 2. */
    CHECK(b.loss[0] == 3.5f, "%g", (double)b.loss[0]);
    CHECK(b.pairs[1] == 0.5f && b.pairs[3] == -0.5f, "%g %g", (double)b.pairs[1],
          (double)b.pairs[3]);
    CHECK(b.pairs[2] == 0 && b.pairs[4] == 0 && b.pairs[5] == 0, "others");
    /* Anchor 1: 1, 4 | 1, 9, 16: with 1 goes 9, as 1 is not farther than 1; with 4 goes 9.
       (1 - 9 + 10 + 4 - 9 + 10) / 2. */
    CHECK(b.loss[1] == 3.5f, "%g", (double)b.loss[1]);
    CHECK(b.pairs[6 + 4] == -1, "%g", (double)b.pairs[6 + 4]);
    /* Row 5 has nobody like it. */
    CHECK(b.loss[5] == 0, "%g", (double)b.loss[5]);
    /* With a smaller margin anchor 0's triplet is won. */
    run(&b, simd, 3, false);
    CHECK(b.loss[0] == 0, "%g", (double)b.loss[0]);
}

static void test_triplet_nan(lk_simd simd) {
    static batch b;
    static const lk_real WRONG[] = {NAN, INFINITY};
    for (size_t w = 0; w < LK_COUNTOF(WRONG); w++)
        for (size_t at = 0; at < 6; at++)
            for (uint32_t classes = 1; classes <= 6; classes++) {
                b = (batch){.rows = 6, .n = 3};
                fill_normal(b.z, sizeof b.z / sizeof *b.z, 1);
                for (uint32_t i = 0; i < 6; i++) b.labels[i] = i % classes;
                b.z[at * STRIDE + at % 3] = WRONG[w];
                run(&b, simd, 1, false);
                lk_real sum = 0;
                for (size_t i = 0; i < 6; i++) sum += b.loss[i];
                CHECK(!isfinite(sum), "row %zu of %u classes", at, classes);
            }
}

int main(void) {
    EACH_SIMD(simd) {
        test_ce(simd);
        test_ce_extremes(simd);
        test_triplet(simd);
        test_triplet_by_hand(simd);
        test_triplet_nan(simd);
    }
    return TEST_RESULT();
}

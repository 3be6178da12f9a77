#include <math.h>

#include "training.h"

enum { ROWS = 64, SIDE = 20, SIZE = SIDE * SIDE, VALUES = ROWS * SIZE };

static const lk_real GREY = (lk_real)0.4;

/* What becomes of rows that are grey all over, as a part of this batch or of none. */
static void spoil(const char *link, const lk_batch *batch, lk_real *out) {
    char text[80];
    snprintf(text, sizeof text, "1x20x20 > %s > dense 1 | dense 400 > mse", link);
    lk_model *model = new_model(text);
    lk_run *run = lk_run_create(model, ROWS, LK_SIMD_BEST, NULL);
    static lk_real x[VALUES];
    for (size_t i = 0; i < VALUES; i++) x[i] = GREY;
    lk_run_load(run, x, 0, ROWS);
    run->batch = batch;
    lk_run_forward(run, 0, 1, 0, ROWS, 0);
    for (size_t i = 0; i < VALUES; i++) out[i] = run->value[1][i];
    lk_run_free(run);
    lk_model_free(model);
}

static size_t count(const lk_real *values, double wanted) {
    size_t n = 0;
    for (size_t i = 0; i < VALUES; i++) n += fabs((double)values[i] - wanted) < 1e-6;
    return n;
}

/* The share is that asked for, within five deviations of chance. */
static void check_share(const char *what, size_t n, double p) {
    const double share = (double)n / VALUES;
    CHECK(fabs(share - p) < 5 * sqrt(p * (1 - p) / VALUES), "%s: %g, not %g", what, share, p);
}

static void test_amounts(void) {
    static lk_real y[VALUES];
    const lk_batch batch = {.rows = ROWS, .learning = true, .seed = 5};
    double sum = 0, squares = 0;
    spoil("noise 0.3", &batch, y);
    for (size_t i = 0; i < VALUES; i++) {
        sum += ((double)y[i] - 0.4) / VALUES;
        squares += pow((double)y[i] - 0.4, 2) / VALUES;
    }
    CHECK(fabs(sum) < 5 * 0.3 / sqrt(VALUES), "mean %g", sum);
    CHECK(fabs(sqrt(squares) - 0.3) < 0.01, "deviation %g", sqrt(squares));

    spoil("mask 0.3", &batch, y);
    check_share("masked", count(y, 0), 0.3);
    check_share("left", count(y, 0.4), 0.7);
    spoil("salt 0.2", &batch, y);
    check_share("black", count(y, 0), 0.1);
    check_share("white", count(y, 1), 0.1);
    check_share("left", count(y, 0.4), 0.8);
    spoil("dropout 0.2", &batch, y);
    check_share("dropped", count(y, 0), 0.2);
    check_share("left", count(y, 0.4 / 0.8), 0.8);
}

/* Nothing in use; where a loss is measured, all but dropout; other samples, other numbers. */
static void test_when(void) {
    static const char *const LINKS[] = {"noise 0.3", "mask 0.5", "salt 0.5", "dropout 0.5"};
    static lk_real y[VALUES], again[VALUES], other[VALUES];
    for (size_t i = 0; i < LK_COUNTOF(LINKS); i++) {
        lk_batch batch = {.rows = ROWS, .learning = true, .seed = 5};
        spoil(LINKS[i], NULL, y);
        CHECK(count(y, 0.4) == VALUES, "%s in use", LINKS[i]);
        spoil(LINKS[i], &batch, y);
        spoil(LINKS[i], &batch, again);
        CHECK(memcmp(y, again, sizeof y) == 0, "%s: not the same twice", LINKS[i]);
        CHECK(memcmp(y, y + SIZE, SIZE * sizeof *y) != 0, "%s: the same in two rows", LINKS[i]);
        batch.sample = 1; /* what was the second row is the first now */
        spoil(LINKS[i], &batch, other);
        CHECK(memcmp(y + SIZE, other, SIZE * sizeof *y) == 0, "%s: by the sample", LINKS[i]);
        batch.seed = 6;
        spoil(LINKS[i], &batch, other);
        CHECK(memcmp(y + SIZE, other, SIZE * sizeof *y) != 0, "%s: another seed", LINKS[i]);
        batch.learning = false;
        spoil(LINKS[i], &batch, y);
        CHECK((count(y, 0.4) == VALUES) == (i == 3), "%s where a loss is measured", LINKS[i]);
    }
}

/* What is done to images outside of chains is what the first link does to those of a batch. */
static void test_corrupt(void) {
    static const struct {
        const char *link;
        lk_corruption kind;
        double amount;
    } CASES[] = {{"noise 0.3", LK_CORRUPT_NOISE, 0.3},
                 {"mask 0.5", LK_CORRUPT_MASK, 0.5},
                 {"salt 0.1", LK_CORRUPT_SALT, 0.1}};
    static lk_real x[VALUES], y[VALUES];
    const lk_batch batch = {.rows = ROWS, .seed = 5, .sample = 7};
    for (size_t c = 0; c < LK_COUNTOF(CASES); c++) {
        spoil(CASES[c].link, &batch, y);
        for (size_t i = 0; i < VALUES; i++) x[i] = GREY;
        for (size_t r = 0; r < ROWS; r++)
            lk_corrupt(CASES[c].kind, CASES[c].amount, 5, 7 + r, SIZE, x + r * SIZE);
        CHECK(memcmp(x, y, sizeof x) == 0, "%s", CASES[c].link);
    }
    for (size_t i = 0; i < SIZE; i++) x[i] = GREY;
    lk_corrupt(LK_CORRUPT_MASK, 1, 5, 7, SIZE, x);
    for (size_t i = 0; i < SIZE; i++) CHECK(x[i] == 0, "all of it: value %zu", i);
}

int main(void) {
    test_amounts();
    test_when();
    test_corrupt();
    return TEST_RESULT();
}

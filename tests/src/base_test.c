#include "base.h"

#include <float.h>
#include <math.h>

#include "test.h"

/* Distance in units of the last place of `right`. */
static double ulps(double got, double right) {
    return fabs(got - right) / (nextafter(fabs(right), INFINITY) - fabs(right));
}

static void test_log(void) {
    double worst = 0, worst_at = 0;
    CHECK(lk_log(1) == 0, "%g", lk_log(1));
    for (int exponent = -1022; exponent <= 1023; exponent++) {
        for (int i = 0; i < 200; i++) {
            const double x =
                ldexp(1 + (i * 0.618033988749895 - floor(i * 0.618033988749895)), exponent);
            const double error = ulps(lk_log(x), log(x));
            if (x != 1 && error > worst) {
                worst = error;
                worst_at = x;
            }
        }
    }
    /* Near 1, where the logarithm vanishes, and near the reduction's seams. */
    static const double SEAMS[] = {1, 0.70710678118654752, 1.4142135623730951, 0.5, 2};
    for (size_t s = 0; s < LK_COUNTOF(SEAMS); s++) {
        for (int i = 1; i < 104; i++) {
            const double step = SEAMS[s] * ldexp(1, -i / 2) * (i % 2 ? -1 : 1), x = SEAMS[s] + step;
            if (x <= 0 || x == 1) continue;
            const double error = ulps(lk_log(x), log(x));
            if (error > worst) {
                worst = error;
                worst_at = x;
            }
        }
    }
    CHECK(worst <= 2, "log(%a) is %g ulp off", worst_at, worst);
    CHECK(ulps(lk_log(DBL_MIN), log(DBL_MIN)) <= 2, "DBL_MIN");
    CHECK(ulps(lk_log(DBL_MAX), log(DBL_MAX)) <= 2, "DBL_MAX");
}

static void test_decimal(void) {
    static const struct {
        const char *text;
        double right; /* NAN: refused */
    } CASES[] = {
        {"0", 0},       {"12", 12},   {"0.5", 0.5},
        {".5", 0.5},    {"5.", 5},    {"0.1", 0.1},
        {"", NAN},      {".", NAN},   {"-1", NAN},
        {"+1", NAN},    {"1e3", NAN}, {" 1", NAN},
        {"1.2.3", NAN}, {"0x1", NAN}, {"123456789012345", 123456789012345},
        {"inf", NAN},   {"1,5", NAN}, {"0.000000000000001", NAN},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        double number = -1;
        const bool is = lk_decimal(CASES[i].text, &number);
        CHECK(is == !isnan(CASES[i].right), "'%s'", CASES[i].text);
        CHECK(!is || number == CASES[i].right, "'%s' is %.17g", CASES[i].text, number);
    }
}

static void test_sizes(void) {
    static const struct {
        size_t a, b;
        bool product_fits, sum_fits;
    } CASES[] = {
        {0, 0, true, true},
        {0, SIZE_MAX, true, true},
        {SIZE_MAX, 0, true, true},
        {1, SIZE_MAX, true, false},
        {SIZE_MAX, 1, true, false},
        {2, SIZE_MAX / 2, true, true},
        {2, SIZE_MAX / 2 + 1, false, true},
        {SIZE_MAX / 2 + 1, 2, false, true},
        {SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 1, false, false},
        {SIZE_MAX, SIZE_MAX, false, false},
        {(size_t)1 << (4 * sizeof(size_t)), (size_t)1 << (4 * sizeof(size_t)), false, true},
        {((size_t)1 << (4 * sizeof(size_t))) - 1, (size_t)1 << (4 * sizeof(size_t)), true, true},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const size_t a = CASES[i].a, b = CASES[i].b;
        size_t product = 7, sum = 7;
        CHECK(lk_mul_size(a, b, &product) == CASES[i].product_fits, "case %zu", i);
        CHECK(product == (CASES[i].product_fits ? a * b : 7), "case %zu", i);
        CHECK(lk_add_size(a, b, &sum) == CASES[i].sum_fits, "case %zu", i);
        CHECK(sum == (CASES[i].sum_fits ? a + b : 7), "case %zu", i);
    }
    CHECK(lk_round_up(0, 16) == 0 && lk_round_up(1, 16) == 16, "round up");
    CHECK(lk_round_up(16, 16) == 16 && lk_round_up(17, 16) == 32, "round up");
    CHECK(lk_shape_size((lk_shape){3, 32, 31}) == 3 * 32 * 31, "shape");
    CHECK(lk_shape_size((lk_shape){1, 65536, 65536}) == (size_t)65536 * 65536, "shape");
}

static void test_fail(void) {
    lk_error error;
    memset(&error, 'x', sizeof error);
    CHECK(lk_fail(&error, LK_DATA, "plain") == LK_DATA, "status");
    CHECK(error.status == LK_DATA && error.offset == LK_NO_OFFSET, "error");
    CHECK(strcmp(error.message, "plain") == 0, "%s", error.message);
    CHECK(lk_fail_at(&error, LK_MODEL, 12, "%s has %u of %u, 5 %", "a%sb", 0ull,
                     18446744073709551615ull) == LK_MODEL,
          "status");
    CHECK(error.status == LK_MODEL && error.offset == 12, "error");
    CHECK(strcmp(error.message, "a%sb has 0 of 18446744073709551615, 5 %") == 0, "%s",
          error.message);
    CHECK(lk_fail(NULL, LK_IO, "%s", "nobody listens") == LK_IO, "no error wanted");
    CHECK(lk_fail_at(NULL, LK_IO, 3, "%u", 1ull) == LK_IO, "no error wanted");
}

/* What does not fit is cut, wherever the end falls: in text, in %s or in %u. */
static void test_fail_cuts(void) {
    enum { ROOM = sizeof((lk_error *)0)->message - 1 };
    char text[200];
    for (size_t length = 120; length < sizeof text; length++) {
        struct {
            lk_error error;
            char after;
        } guarded = {.after = '!'};
        char wanted[300];
        memset(text, 'a', length);
        text[length] = 0;
        lk_fail(&guarded.error, LK_DATA, "%s%u end", text, 1234567890ull);
        snprintf(wanted, sizeof wanted, "%s%llu end", text, 1234567890ull);
        wanted[ROOM] = 0;
        CHECK(strcmp(guarded.error.message, wanted) == 0, "%zu: %s", length, guarded.error.message);
        CHECK(guarded.after == '!', "written beyond the error");
    }
}

static void test_names(void) {
    static const struct {
        lk_status status;
        const char *name;
    } NAMES[] = {
        {LK_OK, "ok"}, {LK_USAGE, "usage"},   {LK_DATA, "data"},           {LK_MODEL, "model"},
        {LK_IO, "io"}, {LK_MEMORY, "memory"}, {LK_NONFINITE, "non-finite"}};
    for (size_t i = 0; i < LK_COUNTOF(NAMES); i++)
        CHECK(strcmp(lk_status_name(NAMES[i].status), NAMES[i].name) == 0, "%s", NAMES[i].name);
}

int main(void) {
    test_log();
    test_decimal();
    test_sizes();
    test_fail();
    test_fail_cuts();
    test_names();
    return TEST_RESULT();
}

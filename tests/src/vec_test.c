/* The elementary functions against libm's doubles. The scalar variant alone is measured here:
   kernels_test shows that the others give the same bits. */
#define LK_VARIANT_scalar
#include "vec.h"

#include <float.h>

#include "test.h"

typedef vec function(vec);
typedef double oracle(double);

static float apply(function *f, float x) {
    float lanes[LK_LANES];
    vec_store(lanes, f(vec_set(x)));
    return lanes[5];
}

/* The distance between y and the true value in units of the last place of the true value. */
static double ulps(float y, double truth) {
    int exponent;
    frexp(truth, &exponent);
    return fabs((double)y - truth) / ldexp(1, LK_MAX(exponent - FLT_MANT_DIG, -149));
}

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void test_accuracy(void) {
    static const struct {
        const char *name;
        function *f;
        oracle *truth;
        double from, to, most;
    } CASES[] = {
        {"exp", vec_exp, exp, -87, 88, 2},
        {"log1p", vec_log1p, log1p, 0, 1, 4},
        {"tanh", vec_tanh, tanh, -12, 12, 5},
        {"tanh near 0", vec_tanh, tanh, -0.3, 0.3, 5},
        {"sigmoid", vec_sigmoid, sigmoid, -80, 40, 4},
        {"exp near 0", vec_exp, exp, -1, 1, 2},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        enum { STEPS = 400000 };
        double worst = 0, at = 0;
        for (int k = 0; k <= STEPS; k++) {
            const float x = (float)(CASES[i].from + (CASES[i].to - CASES[i].from) * k / STEPS);
            const double error = ulps(apply(CASES[i].f, x), CASES[i].truth((double)x));
            if (!(error <= worst)) {
                worst = error;
                at = (double)x;
            }
        }
        CHECK(worst <= CASES[i].most, "%s: %g ulp at %.9g", CASES[i].name, worst, at);
    }
}

static void test_ends(void) {
    CHECK(apply(vec_exp, 0) == 1 && apply(vec_exp, -0.f) == 1, "e^0");
    CHECK(apply(vec_exp, INFINITY) == apply(vec_exp, 88), "clamped above");
    CHECK(apply(vec_exp, -INFINITY) == apply(vec_exp, -87), "clamped below");
    CHECK(apply(vec_exp, -87) > 0 && isfinite(apply(vec_exp, 88)), "the clamps");
    CHECK(apply(vec_log1p, 0) == 0, "log 1");
    CHECK(apply(vec_tanh, 0) == 0, "tanh 0");
    CHECK(apply(vec_tanh, 1e-30f) == 1e-30f, "tiny");
    CHECK(apply(vec_tanh, FLT_MAX) == 1 && apply(vec_tanh, -FLT_MAX) == -1, "huge");
    CHECK(apply(vec_tanh, INFINITY) == 1 && apply(vec_tanh, -INFINITY) == -1, "infinite");
    CHECK(apply(vec_sigmoid, INFINITY) == 1 && apply(vec_sigmoid, 0) == 0.5f, "sigmoid");
    CHECK(apply(vec_sigmoid, -INFINITY) < 1e-37f, "sigmoid");
    function *all[] = {vec_exp, vec_log1p, vec_tanh, vec_sigmoid, vec_abs, vec_neg, vec_sqrt};
    for (size_t i = 0; i < LK_COUNTOF(all); i++)
        CHECK(isnan(apply(all[i], NAN)), "function %zu loses NaN", i);
}

/* The documented tree: lane i with i + 8, then 4, 2, 1. */
static void test_sum(void) {
    float a[LK_LANES], b[LK_LANES];
    for (int i = 0; i < LK_LANES; i++) a[i] = b[i] = ldexpf((float)(i * i % 7 + 1), i * 5 % 26);
    for (int i = 0; i < 8; i++) b[i] += b[i + 8];
    for (int i = 0; i < 4; i++) b[i] += b[i + 4];
    for (int i = 0; i < 2; i++) b[i] += b[i + 2];
    CHECK(vec_sum(vec_load(a)) == b[0] + b[1], "%.9g", (double)(b[0] + b[1]));
}

static void test_choice(void) {
    float out[LK_LANES];
    vec_store(out, vec_max(vec_set(1), vec_set(NAN)));
    CHECK(isnan(out[0]), "max of NaN");
    vec_store(out, vec_min(vec_set(NAN), vec_set(1)));
    CHECK(isnan(out[0]), "min of NaN");
    vec_store(out, vec_if_greater(vec_set(2), vec_set(2), vec_set(1), vec_set(0)));
    CHECK(out[0] == 0, "2 > 2");
    vec_store(out, vec_div(vec_set(6), vec_sub(vec_set(5), vec_mul(vec_set(1), vec_set(2)))));
    CHECK(out[15] == 2, "6 / (5 - 2)");
}

int main(void) {
    test_accuracy();
    test_ends();
    test_sum();
    test_choice();
    return TEST_RESULT();
}

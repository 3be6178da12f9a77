#include <float.h>
#include <math.h>

#include "base.h"
#include "rng.h"
#include "test.h"

static bool near(double a, double b) {
    return fabs(a - b) <= 1e-12 * (1 + fabs(b));
}

/* Worked out by hand; scikit-learn 1.2.1 (roc_auc_score, average_precision_score, roc_curve) says
   the same of all but the last, whose infinity it refuses. */
static void test_separation(void) {
    static const struct {
        const char *what;
        size_t n_usual, n_unusual;
        float usual[4], unusual[4];
        double auroc, aupr, fpr95;
    } CASES[] = {
        {"apart", 3, 2, {3, 1, 2}, {5, 4}, 1, 1, 0},
        {"the wrong way", 2, 2, {4, 5}, {1, 2}, 0, (1 / 3. + 1 / 2.) / 2, 1},
        {"all equal", 3, 1, {7, 7, 7}, {7}, 0.5, 0.25, 1},
        {"zeros of both signs", 1, 1, {-0.f}, {0.f}, 0.5, 0.5, 1},
        {"mixed", 2, 2, {0.1f, 0.4f}, {0.35f, 0.8f}, 0.75, (1 + 2 / 3.) / 2, 0.5},
        {"ties", 4, 4, {2, 1, 3, 2}, {3, 2, 4, 3}, 13 / 16., (1 + 2 * 3 / 4. + 4 / 7.) / 4, 0.75},
        {"extremes", 2, 3, {-FLT_MAX, 1}, {FLT_MAX, FLT_MAX, INFINITY}, 1, 1, 0},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        lk_error error = {LK_OK, 0, ""};
        lk_separation s = {-1, -1, -1};
        CHECK(lk_separate(CASES[i].usual, CASES[i].n_usual, CASES[i].unusual, CASES[i].n_unusual,
                          &s, &error) == LK_OK,
              "%s: %s", CASES[i].what, error.message);
        CHECK(near(s.auroc, CASES[i].auroc), "%s: %.17g", CASES[i].what, s.auroc);
        CHECK(near(s.aupr, CASES[i].aupr), "%s: %.17g", CASES[i].what, s.aupr);
        CHECK(near(s.fpr95, CASES[i].fpr95), "%s: %.17g", CASES[i].what, s.fpr95);
    }
}

/* 95 % of 20 is 19, so one of them may be missed; of 19 none may. */
static void test_fpr95(void) {
    const float usual[] = {1};
    float unusual[20] = {0};
    lk_separation s;
    for (int i = 1; i < 20; i++) unusual[i] = 2;
    CHECK(lk_separate(usual, 1, unusual, 20, &s, NULL) == LK_OK && s.fpr95 == 0, "%g", s.fpr95);
    CHECK(lk_separate(usual, 1, unusual, 19, &s, NULL) == LK_OK && s.fpr95 == 1, "%g", s.fpr95);
}

/* 0 ... n-1 against n/2 ... 3n/2-1 in any order: for each of the n/2 unusual ones that overlap, all
   below and half of its twin; for the rest all n. With n even that is 7/8 of all pairs. */
static void test_order(void) {
    enum { N = 1000 };
    static uint32_t order[N];
    static float usual[N], unusual[N];
    for (uint64_t part = 0; part < 4; part++) {
        lk_separation s;
        for (uint32_t i = 0; i < N; i++) order[i] = i;
        if (part > 0) lk_rng_shuffle(lk_rng_make(3, 99, part), order, N);
        for (size_t i = 0; i < N; i++) {
            usual[i] = (float)order[i];
            unusual[N - 1 - i] = (float)(order[i] + N / 2);
        }
        CHECK(lk_separate(usual, N, unusual, N, &s, NULL) == LK_OK, "part %d", (int)part);
        CHECK(near(s.auroc, 0.875), "%.17g", s.auroc);
        CHECK(near(s.fpr95, 0.45), "%.17g", s.fpr95); /* the 50 lowest may be missed */
        CHECK(usual[0] == (float)order[0], "the caller's scores were sorted");
    }
}

static void test_refusals(void) {
    const float good[] = {1, 2}, bad[] = {1, NAN};
    lk_separation s;
    lk_error error;
    CHECK(lk_separate(good, 0, good, 2, &s, &error) == LK_DATA, "no usual");
    CHECK(lk_separate(good, 2, good, 0, &s, &error) == LK_DATA, "no unusual");
    CHECK(lk_separate(bad, 2, good, 2, &s, &error) == LK_NONFINITE, "%s", error.message);
    CHECK(lk_separate(good, 2, bad, 2, &s, &error) == LK_NONFINITE, "%s", error.message);
}

static void test_errors(void) {
    static const struct {
        const char *what;
        size_t n, size;
        lk_real x[4], x_hat[4];
        lk_errors wanted;
    } CASES[] = {
        /* ln 4/3 / 2 + ln 4 / 2 = 0.8369882167858358; ln 2; 10 log10(1 / 0.078125) */
        {"mixed",
         2,
         2,
         {0, 1, 0.5f, 1},
         {0, 1, 0.25f, 0.5f},
         {0.1875, 0.078125, (0.8369882167858358 + 0.6931471805599453) / 4, 0.15625,
          11.072099696478683}},
        {"certain and wrong", 1, 2, {1, 0}, {0, 1}, {1, 1, 100, 2, 0}},
        {"perfect", 1, 1, {1}, {1}, {0, 0, 0, 0, INFINITY}},
        /* Below 0 a logarithm is clamped too: 50 - ln(1.5) / 2. */
        {"out of range", 1, 1, {0.5f}, {-0.5f}, {1, 1, 50 - 0.4054651081081644 / 2, 1, 0}},
        {"next to nothing", 1, 1, {1}, {1e-45f}, {1, 1, 100, 1, 0}},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const lk_errors *w = &CASES[i].wanted;
        lk_errors e = {-1, -1, -1, -1, -1};
        lk_errors_measure(CASES[i].x, CASES[i].x_hat, CASES[i].n, CASES[i].size, &e);
        CHECK(near(e.mae, w->mae), "%s: %.17g", CASES[i].what, e.mae);
        CHECK(near(e.mse, w->mse), "%s: %.17g", CASES[i].what, e.mse);
        CHECK(near(e.bce, w->bce), "%s: %.17g", CASES[i].what, e.bce);
        CHECK(near(e.sse_per_image, w->sse_per_image), "%s: %.17g", CASES[i].what, e.sse_per_image);
        CHECK(e.psnr == w->psnr || near(e.psnr, w->psnr), "%s: %.17g", CASES[i].what, e.psnr);
    }
}

static void test_classes(void) {
    const uint32_t labels[] = {0, 1, 1, 2, 2, 2}, guesses[] = {0, 1, 0, 2, 1, 1};
    const uint32_t expected[] = {1, 0, 0, 1, 1, 0, 0, 2, 1};
    uint32_t counts[9];
    memset(counts, 1, sizeof counts);
    lk_confuse(labels, guesses, 6, 3, counts);
    CHECK(memcmp(counts, expected, sizeof counts) == 0, "%u %u", counts[0], counts[7]);

    const uint32_t votes[] = {7, 3, 3, 7, 5};
    CHECK(lk_vote(votes, 1) == 7, "%u", lk_vote(votes, 1));
    CHECK(lk_vote(votes, 2) == 7, "of equals the nearest: %u", lk_vote(votes, 2));
    CHECK(lk_vote(votes, 3) == 3, "the majority: %u", lk_vote(votes, 3));
    CHECK(lk_vote(votes, 5) == 7, "of equals the nearest: %u", lk_vote(votes, 5));
}

/* The interval is about as wide as two normal deviations of the AUROC are by the formula for one
   that is told by binormal scores (J. A. Hanley and B. J. McNeil 1982), and lies around it. */
static void test_interval(void) {
    enum { N = 400, M = 150 };
    static float usual[N], unusual[M];
    const lk_rng rng = lk_rng_make(5, 78, 0);
    for (size_t i = 0; i < N; i++) usual[i] = (float)lk_rng_normal(rng, i);
    for (size_t i = 0; i < M; i++) unusual[i] = (float)(1 + lk_rng_normal(rng, N + i));
    lk_separation s;
    double low, high, low2, high2;
    CHECK(lk_separate(usual, N, unusual, M, &s, NULL) == LK_OK, "separate");
    CHECK(lk_separation_interval(usual, N, unusual, M, 1, &low, &high, NULL) == LK_OK, "interval");
    const double a = s.auroc, q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
    const double deviation =
        sqrt((a * (1 - a) + (M - 1) * (q1 - a * a) + (N - 1) * (q2 - a * a)) / ((double)M * N));
    CHECK(low < a && a < high, "%g to %g about %g", low, high, a);
    CHECK(fabs((high - low) / (2 * 1.96 * deviation) - 1) < 0.2, "%g wide, not %g", high - low,
          2 * 1.96 * deviation);
    lk_separation_interval(usual, N, unusual, M, 2, &low2, &high2, NULL);
    CHECK(low != low2 && fabs(low - low2) < 0.02, "another seed: %g and %g", low, low2);
    memset(usual, 0, sizeof usual);
    memset(unusual, 0, sizeof unusual);
    lk_separation_interval(usual, N, unusual, M, 1, &low, &high, NULL);
    CHECK(low == 0.5 && high == 0.5, "equal scores: %g to %g", low, high);
    unusual[3] = NAN;
    CHECK(lk_separation_interval(usual, N, unusual, M, 1, &low, &high, NULL) == LK_NONFINITE,
          "NaN");
    CHECK(lk_separation_interval(usual, 0, unusual, 1, 1, &low, &high, NULL) == LK_DATA, "none");
}

int main(void) {
    test_separation();
    test_fpr95();
    test_order();
    test_refusals();
    test_errors();
    test_classes();
    test_interval();
    return TEST_RESULT();
}

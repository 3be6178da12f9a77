#include "rng.h"

#include <math.h>

#include "base.h"
#include "test.h"

/* The streams must never change: every trained model depends on them. Values by an independent
   Python program; normals are scipy's quantiles, met to the approximation's 1.2e-9. */
static void test_golden(void) {
    static const struct {
        uint64_t seed;
        uint32_t stream;
        uint64_t part, index, value;
        double uniform, normal;
    } CASES[] = {
        {0, 1, 0, 0, 0xc6b72c6f0ec09c5e, 0x1.8d6e58de1d813p-1, 0.75953098473292624},
        {0, 1, 0, 1, 0x821e1701004c4f77, 0x1.043c2e0200989p-1, 0.020735399488511632},
        {1, 1, 0, 0, 0xab0d292b1d6fae2f, 0x1.561a52563adf5p-1, 0.43486438975880093},
        {0, 2, 0, 0, 0x24bf87c8a9f57288, 0x1.25fc3e454fab8p-3, -1.0645159249708258},
        {0, 1, 1, 0, 0xf09a388acf6151d0, 0x1.e13471159ec2ap-1, 1.5535426318569743},
        {UINT64_MAX, 3, UINT64_MAX, UINT64_MAX, 0x451a3a5ed1f970b0, 0x1.1468e97b47e5cp-2,
         -0.61302030273959873},
        {20240501, 4, 7, (uint64_t)1 << 40, 0xf1a3ca4de668f82a, 0x1.e347949bccd1fp-1,
         1.5884305308853204},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const lk_rng rng = lk_rng_make(CASES[i].seed, CASES[i].stream, CASES[i].part);
        const uint64_t index = CASES[i].index;
        CHECK(lk_rng_u64(rng, index) == CASES[i].value, "case %zu", i);
        CHECK(lk_rng_uniform(rng, index) == CASES[i].uniform, "case %zu", i);
        const double normal = lk_rng_normal(rng, index);
        CHECK(fabs(normal - CASES[i].normal) < 2e-9 * fabs(CASES[i].normal), "case %zu: %.17g", i,
              normal);
    }
}

/* The tails, by scipy's quantiles: the indices are those of the first values under 2^-16 and over
   1 - 2^-16 of the stream. */
static void test_tails(void) {
    static const struct {
        uint64_t index;
        double normal;
    } CASES[] = {{48830, -5.0504488826857274}, {226743, 4.2663120789609383}};
    const lk_rng rng = lk_rng_make(0, 1, 0);
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const double normal = lk_rng_normal(rng, CASES[i].index);
        CHECK(fabs(normal - CASES[i].normal) < 2e-9 * fabs(CASES[i].normal), "%.17g", normal);
    }
}

/* Each moment of n values within 5 standard deviations of itself. */
static void test_moments(void) {
    enum { N = 1 << 20 };
    const lk_rng rng = lk_rng_make(11, 5, 3);
    double mean = 0, square = 0, cube = 0, fourth = 0, lag = 0, uniform = 0, before = 0;
    size_t far = 0;
    for (uint64_t i = 0; i < N; i++) {
        const double v = lk_rng_normal(rng, i), u = lk_rng_uniform(rng, i);
        CHECK(u >= 0 && u < 1, "%g", u);
        mean += v / N;
        square += v * v / N;
        cube += v * v * v / N;
        fourth += v * v * v * v / N;
        lag += v * before / N;
        uniform += u / N;
        far += fabs(v) > 1.959963984540054;
        before = v;
    }
    const double sigma = 5 / sqrt(N);
    CHECK(fabs(mean) < sigma, "%g", mean);
    CHECK(fabs(square - 1) < sigma * sqrt(2), "%g", square);
    CHECK(fabs(cube) < sigma * sqrt(15), "%g", cube);
    CHECK(fabs(fourth - 3) < sigma * sqrt(96), "%g", fourth);
    CHECK(fabs(lag) < sigma, "%g", lag);
    CHECK(fabs(uniform - 0.5) < sigma * sqrt(1 / 12.), "%g", uniform);
    CHECK(fabs((double)far / N - 0.05) < sigma * sqrt(0.05 * 0.95), "%g", (double)far / N);
}

/* Seeds, streams, parts and indices next to each other share nothing. */
static void test_streams(void) {
    enum { SIDE = 8, N = SIDE * SIDE * SIDE * SIDE };
    static uint64_t values[N];
    size_t bits = 0;
    for (size_t i = 0; i < N; i++)
        values[i] = lk_rng_u64(lk_rng_make(i % 8, (uint32_t)(i / 8 % 8), i / 64 % 8), i / 512);
    for (size_t i = 1; i < N; i++) {
        for (size_t j = 0; j < i; j++) CHECK(values[i] != values[j], "%zu and %zu", i, j);
        for (uint64_t v = values[i] ^ values[i - 1]; v; v &= v - 1) bits++;
    }
    CHECK(fabs((double)bits / (N - 1) - 32) < 5 * 4 / sqrt(N), "%g bits differ",
          (double)bits / (N - 1));
}

/* What was drawn before, and by whom, does not matter. */
static void test_draw_order(void) {
    double forward[64];
    for (uint64_t i = 0; i < 64; i++) forward[i] = lk_rng_normal(lk_rng_make(1, 2, 3), i);
    const lk_rng rng = lk_rng_make(1, 2, 3);
    for (uint64_t i = 64; i-- > 0;) {
        lk_rng_below(rng, i * 7, 10);
        CHECK(lk_rng_normal(rng, i) == forward[i], "index %d", (int)i);
    }
}

static void test_below(void) {
    static const uint64_t BOUNDS[] = {1, 2, 3, 10, 1000, (uint64_t)1 << 32};
    const lk_rng rng = lk_rng_make(4, 1, 0);
    size_t counts[10] = {0};
    for (size_t b = 0; b < LK_COUNTOF(BOUNDS); b++)
        for (uint64_t i = 0; i < 1000; i++)
            CHECK(lk_rng_below(rng, i, BOUNDS[b]) < BOUNDS[b], "index %d", (int)i);
    for (uint64_t i = 0; i < 100000; i++) counts[lk_rng_below(rng, i, 10)]++;
    for (size_t k = 0; k < 10; k++)
        CHECK(fabs((double)counts[k] - 10000) < 5 * sqrt(9000), "%zu of %zu", counts[k], k);
}

static void test_shuffle(void) {
    static const uint32_t GOLDEN[] = {9, 0, 8, 2, 1, 3, 7, 6, 4, 5};
    enum { N = 1000 };
    uint32_t order[N], again[N];
    bool seen[N] = {false};
    for (uint32_t i = 0; i < 10; i++) order[i] = i;
    lk_rng_shuffle(lk_rng_make(7, 3, 0), order, 10);
    CHECK(memcmp(order, GOLDEN, sizeof GOLDEN) == 0, "the known order has changed");

    for (uint32_t i = 0; i < N; i++) order[i] = again[i] = i;
    lk_rng_shuffle(lk_rng_make(7, 3, 1), order, N);
    lk_rng_shuffle(lk_rng_make(7, 3, 1), again, N);
    CHECK(memcmp(order, again, sizeof order) == 0, "one seed, two orders");
    for (size_t i = 0; i < N; i++) {
        CHECK(order[i] < N && !seen[order[i]], "%u at %zu", order[i], i);
        seen[order[i] % N] = true;
    }
    lk_rng_shuffle(lk_rng_make(7, 3, 2), again, N);
    CHECK(memcmp(order, again, sizeof order) != 0, "two parts, one order");
    lk_rng_shuffle(lk_rng_make(7, 3, 1), order, 0);
    lk_rng_shuffle(lk_rng_make(7, 3, 1), order, 1);

    /* All six orders of three are equally likely. */
    size_t counts[27] = {0};
    for (uint64_t part = 0; part < 60000; part++) {
        uint32_t three[] = {0, 1, 2};
        lk_rng_shuffle(lk_rng_make(0, 3, part), three, 3);
        counts[three[0] * 9 + three[1] * 3 + three[2]]++;
    }
    for (size_t k = 0; k < 27; k++)
        CHECK(counts[k] == 0 || fabs((double)counts[k] - 10000) < 5 * sqrt(60000 * 5 / 36.), "%zu",
              counts[k]);
}

static void test_permutation(void) {
    enum { N = 100 };
    uint32_t order[N], other[N];
    bool seen[N] = {false};
    memset(order, 0xff, sizeof order);
    lk_permutation(1, order, N);
    lk_permutation(2, other, N);
    CHECK(memcmp(order, other, sizeof order) != 0, "two seeds, one order");
    for (size_t i = 0; i < N; i++) {
        CHECK(order[i] < N && !seen[order[i]], "%u at %zu", order[i], i);
        seen[order[i] % N] = true;
    }
    lk_permutation(1, other, N);
    CHECK(memcmp(order, other, sizeof order) == 0, "one seed, two orders");
}

int main(void) {
    test_golden();
    test_tails();
    test_moments();
    test_streams();
    test_draw_order();
    test_below();
    test_shuffle();
    test_permutation();
    return TEST_RESULT();
}

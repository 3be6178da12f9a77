#include <math.h>

#include "base.h"
#include "rng.h"
#include "test.h"

enum { MOST = 60 };
static uint32_t class_of[16];

static lk_agreement agree(const uint32_t *labels, uint32_t classes, const uint32_t *clusters,
                          uint32_t k, size_t n) {
    lk_agreement a = {-1, -1, -1};
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_agree(labels, classes, clusters, k, n, class_of, &a, &error) == LK_OK, "%s",
          error.message);
    return a;
}

/* By hand. [0 0 1 1] against [0 0 1 2]: of 6 pairs 2 and 1 are together, 1 in both, expected
   2 x 1 / 6: (1 - 1/3) / (1.5 - 1/3) = 4/7; entropies ln 2 and 1.5 ln 2, mutual ln 2: 0.8. */
static void test_by_hand(void) {
    static const struct {
        const char *what;
        size_t n;
        uint32_t labels[8], clusters[8];
        double accuracy, nmi, ari;
    } CASES[] = {
        {"the same", 4, {0, 0, 1, 2}, {0, 0, 1, 2}, 1, 1, 1},
        {"other names", 4, {0, 0, 1, 2}, {2, 2, 0, 1}, 1, 1, 1},
        {"one split", 4, {0, 0, 1, 1}, {0, 0, 1, 2}, 0.75, 0.8, 4 / 7.},
        {"nothing in common", 4, {0, 0, 1, 1}, {0, 1, 0, 1}, 0.5, 0, -0.5},
        {"all in one", 4, {0, 1, 0, 1}, {0, 0, 0, 0}, 0.5, 0, 0},
        {"one of one", 1, {0}, {0}, 1, 1, 1},
        {"all alike", 3, {0, 0, 0}, {0, 0, 0}, 1, 1, 1},
    };
    for (size_t i = 0; i < LK_COUNTOF(CASES); i++) {
        const lk_agreement a = agree(CASES[i].labels, 3, CASES[i].clusters, 3, CASES[i].n);
        CHECK(fabs(a.accuracy - CASES[i].accuracy) < 1e-12, "%s: %g", CASES[i].what, a.accuracy);
        CHECK(fabs(a.nmi - CASES[i].nmi) < 1e-12, "%s: %g", CASES[i].what, a.nmi);
        CHECK(fabs(a.ari - CASES[i].ari) < 1e-12, "%s: %g", CASES[i].what, a.ari);
    }
}

/* The best of all assignments, tried one after the other; and pairs counted one by one. */
static size_t try_all(const size_t counts[6][6], size_t side, size_t row, unsigned used) {
    size_t best = 0;
    if (row == side) return 0;
    for (size_t j = 0; j < side; j++)
        if (!(used >> j & 1)) {
            const size_t sum = counts[row][j] + try_all(counts, side, row + 1, used | 1u << j);
            best = LK_MAX(best, sum);
        }
    return best;
}

static void test_brute_force(void) {
    for (uint64_t part = 0; part < 200; part++) {
        const lk_rng rng = lk_rng_make(3, 1, part);
        const uint32_t classes = 1 + (uint32_t)lk_rng_below(rng, 0, 6);
        const uint32_t k = 1 + (uint32_t)lk_rng_below(rng, 1, 6);
        const size_t n = 2 + lk_rng_below(rng, 2, MOST - 2), side = LK_MAX(classes, k);
        uint32_t labels[MOST], clusters[MOST];
        size_t counts[6][6] = {{0}}, right = 0;
        for (size_t i = 0; i < n; i++) {
            labels[i] = (uint32_t)lk_rng_below(rng, 10 + 3 * i, classes);
            clusters[i] = lk_rng_below(rng, 11 + 3 * i, 3)
                              ? labels[i] % k
                              : (uint32_t)lk_rng_below(rng, 12 + 3 * i, k);
            counts[labels[i]][clusters[i]]++;
        }
        const lk_agreement a = agree(labels, classes, clusters, k, n);
        const size_t best = try_all((const size_t(*)[6])counts, side, 0, 0);
        CHECK(fabs(a.accuracy - (double)best / (double)n) < 1e-12, "part %d: %g, not %zu / %zu",
              (int)part, a.accuracy, best, n);
        for (size_t i = 0; i < n; i++) right += class_of[clusters[i]] == labels[i];
        CHECK(right == best, "part %d: the assignment gives %zu, not %zu", (int)part, right, best);
        for (uint32_t c = 0; c < k; c++)
            for (uint32_t b = 0; b < c; b++)
                CHECK(class_of[b] == UINT32_MAX || class_of[b] != class_of[c], "twice a class");

        double pairs = 0, both = 0, in_labels = 0, in_clusters = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++) {
                pairs++;
                in_labels += labels[i] == labels[j];
                in_clusters += clusters[i] == clusters[j];
                both += labels[i] == labels[j] && clusters[i] == clusters[j];
            }
        const double expected = in_labels * in_clusters / pairs;
        const double most = (in_labels + in_clusters) / 2;
        const double ari = most > expected ? (both - expected) / (most - expected) : 1;
        CHECK(fabs(a.ari - ari) < 1e-9, "part %d: %g, not %g", (int)part, a.ari, ari);
        CHECK(a.nmi > -1e-12 && a.nmi < 1 + 1e-12, "part %d: %g", (int)part, a.nmi);
    }
}

static void test_refusals(void) {
    const uint32_t labels[] = {0, 3};
    lk_agreement a;
    CHECK(lk_agree(labels, 3, labels, 4, 2, class_of, &a, NULL) == LK_USAGE, "a label too large");
    CHECK(lk_agree(labels, 4, labels, 3, 2, class_of, &a, NULL) == LK_USAGE, "no such cluster");
    CHECK(lk_agree(labels, 4, labels, 4, 0, class_of, &a, NULL) == LK_DATA, "no images");
}

int main(void) {
    test_by_hand();
    test_brute_force();
    test_refusals();
    return TEST_RESULT();
}

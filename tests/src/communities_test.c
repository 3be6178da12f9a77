#include <math.h>
#include <stdlib.h>

#include "analyses.h"
#include "fixture.h"
#include "fuzzy.h"
#include "rng.h"
#include "test.h"

enum { N = 600, D = 3, FEW = 12 };
static lk_real vectors[N * D];
static uint32_t cluster[N], again[N];

static void find(size_t n, size_t neighbours, size_t clusters, double *modularity) {
    lk_error error = {LK_OK, 0, ""};
    CHECK(lk_communities(vectors, n, D, neighbours, clusters, 10, 1, 1, LK_SIMD_BEST, cluster,
                         modularity, &error) == LK_OK,
          "%s", error.message);
}

/* Of some parts, by the definition: the share of all ends of edges whose edge is within a part,
   less the square of the share of ends that are in it. */
static double measure(const lk_fuzzy *f, const uint32_t *part, size_t parts) {
    double total = 0, within = 0, squares = 0;
    for (size_t e = 0; e < f->first[f->n]; e++) total += (double)f->certain[e];
    for (size_t p = 0; p < parts; p++) {
        double ends = 0;
        for (size_t i = 0; i < f->n; i++)
            for (size_t e = f->first[i]; part[i] == p && e < f->first[i + 1]; e++) {
                ends += (double)f->certain[e];
                if (part[f->to[e]] == p) within += (double)f->certain[e];
            }
        squares += ends / total * (ends / total);
    }
    return within / total - squares;
}

/* Balls about points far from each other, in turn; and as many as are wanted are found where balls
   are cut, or go together. */
static void test_balls(void) {
    for (size_t balls = 2; balls <= 12; balls++) {
        for (size_t i = 0; i < N; i++)
            for (size_t k = 0; k < D; k++) {
                const double centre = 3 * lk_rng_normal(lk_rng_make(balls, 1, i % balls), k);
                vectors[i * D + k] =
                    (lk_real)(centre + 0.1 * lk_rng_normal(lk_rng_make(7, 1, k), i));
            }
        double modularity;
        find(N, 8, balls, &modularity);
        for (size_t i = 0; i < N; i++)
            CHECK(cluster[i] == i % balls, "%zu balls: vector %zu in %u", balls, i, cluster[i]);
        for (size_t wanted = 1; wanted <= 40; wanted += 3) {
            size_t members[40] = {0};
            find(N, 8, wanted, &modularity);
            for (size_t i = 0; i < N; i++) {
                CHECK(cluster[i] < wanted, "%zu of %zu balls", wanted, balls);
                members[cluster[i]]++;
            }
            for (size_t c = 0; c < wanted; c++)
                CHECK(members[c] > 0, "%zu of %zu balls: %zu is empty", wanted, balls, c);
        }
    }
}

/* Two rings, one through the other: no plane parts them. */
static void test_rings(void) {
    make_rings(vectors, N, D, 0.05);
    double modularity, other;
    find(N, 10, 2, &modularity);
    for (size_t i = 0; i < N; i++) CHECK(cluster[i] == i % 2, "vector %zu", i);
    for (int threads = 2; threads <= 3; threads++) {
        lk_communities(vectors, N, D, 10, 2, 10, 1, threads, LK_SIMD_SCALAR, again, &other, NULL);
        CHECK(other == modularity && memcmp(again, cluster, sizeof cluster) == 0, "%d threads",
              threads);
    }
}

/* Of all ways to part a few vectors it is mostly the best that is found, and never a poor one. */
static void test_every_way(void) {
    size_t found = 0;
    for (uint64_t draw = 0; draw < 20; draw++)
        for (size_t clusters = 1; clusters <= 4; clusters++) {
            for (size_t i = 0; i < FEW * D; i++)
                vectors[i] = (lk_real)lk_rng_normal(lk_rng_make(draw, 1, 0), i);
            lk_fuzzy f;
            lk_error error = {LK_OK, 0, ""};
            CHECK(lk_fuzzy_make(vectors, FEW, D, 3, 1, LK_SIMD_BEST, &f, &error) == LK_OK, "%s",
                  error.message);
            double most = -1, modularity;
            uint32_t part[FEW] = {0};
            for (;;) { /* numbers in the order of their first vectors: each way once */
                uint32_t parts = 0;
                for (size_t i = 0; i < FEW; i++) parts = LK_MAX(parts, part[i] + 1);
                if (parts == clusters) most = LK_MAX(most, measure(&f, part, parts));
                size_t at = FEW;
                uint32_t highest = 0;
                while (--at > 0) {
                    highest = 0;
                    for (size_t i = 0; i < at; i++) highest = LK_MAX(highest, part[i]);
                    if (part[at] <= highest && part[at] + 1 < clusters) break;
                }
                if (at == 0) break;
                part[at]++;
                memset(part + at + 1, 0, (FEW - at - 1) * sizeof *part);
            }
            find(FEW, 3, clusters, &modularity);
            CHECK(fabs(measure(&f, cluster, clusters) - modularity) < 1e-9, "draw %u",
                  (unsigned)draw);
            found += modularity > most - 1e-9;
            CHECK(modularity > most - 0.04, "draw %u, %zu clusters: %g, not %g", (unsigned)draw,
                  clusters, modularity, most);
            lk_free(f.first);
        }
    CHECK(found >= 70, "of 80: %zu", found);
}

static void test_extremes(void) {
    double modularity;
    lk_error error;
    find(FEW, 3, FEW, &modularity); /* each alone */
    for (size_t i = 0; i < FEW; i++) CHECK(cluster[i] == i, "vector %zu", i);
    for (size_t i = 0; i < N * D; i++) vectors[i] = 1; /* copies of one */
    find(100, 5, 3, &modularity);
    CHECK(isfinite(modularity), "%g", modularity);
    /* Pairs that nothing joins to others, three times as many as are wanted. */
    for (size_t i = 0; i < N * D; i++) vectors[i] = (lk_real)(i / (2 * D) * 1000 + i / D % 2);
    find(60, 1, 10, &modularity);
    for (size_t i = 0; i < 60; i += 2) CHECK(cluster[i] == cluster[i + 1], "pair %zu", i / 2);
    const struct {
        size_t n, neighbours, clusters, restarts;
        int threads;
        lk_status status;
    } bad[] = {{5, 5, 2, 1, 1, LK_DATA},  {5, 3, 6, 1, 1, LK_DATA},  {9, 0, 2, 1, 1, LK_USAGE},
               {9, 3, 0, 1, 1, LK_USAGE}, {9, 3, 2, 0, 1, LK_USAGE}, {9, 3, 2, 1, 0, LK_USAGE}};
    for (size_t b = 0; b < LK_COUNTOF(bad); b++)
        CHECK(lk_communities(vectors, bad[b].n, D, bad[b].neighbours, bad[b].clusters,
                             bad[b].restarts, 1, bad[b].threads, LK_SIMD_BEST, cluster, &modularity,
                             &error) == bad[b].status,
              "case %zu", b);
}

int main(void) {
    test_balls();
    test_rings();
    test_every_way();
    test_extremes();
    return TEST_RESULT();
}

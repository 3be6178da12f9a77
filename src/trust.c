/* Trustworthiness (J. Venna and S. Kaski 2001): whether those whom a map shows side by side are
   near each other. */
#include "analyses.h"
#include "arena.h"
#include "kernels.h"
#include "rng.h"

enum { MOST = LK_MAX_NEIGHBOURS, GROUP = 16 };

typedef struct judge {
    const lk_real *vectors;
    const lk_kernels *kernels;
    size_t n, d, k, sampled;
    const uint32_t *sample;
    lk_neighbour *found; /* [sampled][k + 1]: nearest in the map */
    double *penalties;   /* [sampled] */
} judge;

/* The vectors numbers[0..count) side by side: panel[d][16]. */
static void pack(const judge *j, const uint32_t *numbers, size_t count, lk_real *panel) {
    for (size_t l = 0; l < LK_LANES; l++) {
        const lk_real *from = j->vectors + (size_t)numbers[LK_MIN(l, count - 1)] * j->d;
        for (size_t i = 0; i < j->d; i++) panel[i * LK_LANES + l] = from[i];
    }
}

/* One point of the sample, its neighbours in the map, and how many are nearer to it than each. */
typedef struct watched {
    size_t point, count;
    uint32_t near[MOST];
    lk_real squares[MOST], farthest; /* squared distances among the vectors */
    uint32_t nearer[MOST];
} watched;

static void watch(const judge *j, size_t which, lk_real *panel, watched *w) {
    const lk_neighbour *found = j->found + which * (j->k + 1);
    w->point = j->sample[which];
    w->count = 0;
    for (size_t i = 0; i <= j->k && w->count < j->k; i++)
        if (found[i].index != w->point) w->near[w->count++] = found[i].index;
    for (size_t i = 0; i < w->count; i += LK_LANES) {
        lk_real squares[LK_LANES];
        const size_t count = LK_MIN((size_t)LK_LANES, w->count - i);
        pack(j, w->near + i, count, panel);
        j->kernels->squared_distances(j->vectors + w->point * j->d, j->d, panel, 1, squares);
        for (size_t l = 0; l < count; l++) w->squares[i + l] = squares[l];
    }
    w->farthest = 0;
    for (size_t i = 0; i < w->count; i++) {
        w->nearer[i] = 0;
        w->farthest = LK_MAX(w->farthest, w->squares[i]);
    }
}

/* Counts number `other`, at this squared distance, before all watched ones that are farther. Of
   equals the lower number comes first. */
static void count_one(watched *w, uint32_t other, lk_real square) {
    if (!(square <= w->farthest) || other == w->point) return;
    for (size_t i = 0; i < w->count; i++)
        w->nearer[i] += square < w->squares[i] || (square == w->squares[i] && other < w->near[i]);
}

/* The ranks of the map's neighbours for up to GROUP points, which share each panel of vectors. */
static void judge_group(const judge *j, size_t first, lk_real *panel, watched *group) {
    const size_t points = LK_MIN((size_t)GROUP, j->sampled - first);
    for (size_t p = 0; p < points; p++) watch(j, first + p, panel, &group[p]);
    for (size_t from = 0; from < j->n; from += LK_LANES) {
        uint32_t numbers[LK_LANES];
        lk_real squares[LK_LANES];
        const size_t count = LK_MIN((size_t)LK_LANES, j->n - from);
        for (size_t l = 0; l < count; l++) numbers[l] = (uint32_t)(from + l);
        pack(j, numbers, count, panel);
        for (size_t p = 0; p < points; p++) {
            j->kernels->squared_distances(j->vectors + group[p].point * j->d, j->d, panel, 1,
                                          squares);
            for (size_t l = 0; l < count; l++) count_one(&group[p], numbers[l], squares[l]);
        }
    }
    for (size_t p = 0; p < points; p++) {
        double penalty = 0;
        for (size_t i = 0; i < group[p].count; i++)
            if (group[p].nearer[i] >= j->k) penalty += (double)(group[p].nearer[i] + 1 - j->k);
        j->penalties[first + p] = penalty;
    }
}

static bool judge_all(judge *j, int threads) {
    const int groups = (int)((j->sampled + GROUP - 1) / GROUP);
    const size_t panel = j->d * LK_LANES;
    size_t values;
    if (!lk_mul_size(panel, (size_t)threads * sizeof(lk_real), &values)) return false;
    lk_real *panels = lk_alloc(values);
    watched *all = lk_alloc((size_t)threads * GROUP * sizeof *all);
    if (panels && all) {
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
        for (int g = 0; g < groups; g++) {
            const size_t thread = (size_t)lk_thread_number();
            judge_group(j, (size_t)g * GROUP, panels + thread * panel, all + thread * GROUP);
        }
    }
    lk_free(panels);
    lk_free(all);
    return panels && all;
}

/* The points that are judged, drawn without repetition, and what the map shows next to them. */
static bool gather(judge *j, const lk_real *positions, uint64_t seed, int threads, lk_simd simd,
                   uint32_t *order, lk_real *queries) {
    for (size_t i = 0; i < j->n; i++) order[i] = (uint32_t)i;
    if (j->sampled < j->n) lk_rng_shuffle(lk_rng_make(seed, LK_STREAM_MAP, 2), order, j->n);
    for (size_t i = 0; i < j->sampled; i++)
        for (size_t c = 0; c < 2; c++) queries[2 * i + c] = positions[2 * (size_t)order[i] + c];
    lk_index *index = lk_index_create(positions, j->n, 2, LK_METRIC_L2, NULL);
    if (!index) return false;
    lk_index_search(index, queries, j->sampled, j->k + 1, threads, simd, j->found);
    lk_index_free(index);
    return true;
}

lk_status lk_trustworthiness(const lk_real *vectors, size_t n, size_t d, const lk_real *positions,
                             size_t k, size_t sample, uint64_t seed, int threads, lk_simd simd,
                             double *out, lk_error *error) {
    if (k < 1 || k >= MOST || 2 * k >= n || n > UINT32_MAX)
        return lk_fail(error, LK_USAGE, "trustworthiness wants under n / 2 and 128 neighbours");
    judge j = {vectors, lk_kernels_get(simd), n, d, k, LK_MIN(sample, n), NULL, NULL, NULL};
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        uint32_t *order = lk_arena_take(&arena, n, sizeof *order);
        lk_real *queries = lk_arena_take(&arena, 2 * j.sampled, sizeof *queries);
        j.found = lk_arena_take(&arena, j.sampled * (k + 1), sizeof *j.found);
        j.penalties = lk_arena_take(&arena, j.sampled, sizeof *j.penalties);
        j.sample = order;
        if (order) {
            const bool done = gather(&j, positions, seed, threads, simd, order, queries) &&
                              judge_all(&j, threads);
            double sum = 0;
            for (size_t i = 0; i < j.sampled; i++) sum += j.penalties[i];
            const double worst = (double)k * (2.0 * (double)n - 3.0 * (double)k - 1) / 2;
            *out = 1 - sum / ((double)j.sampled * worst);
            lk_free(arena.base);
            if (done) return LK_OK;
            break;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

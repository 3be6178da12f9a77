/* How well images are reconstructed, classes guessed, and two sets told apart by a score. */
#include <math.h>
#include <string.h>

#include "arena.h"
#include "base.h"
#include "rng.h"

/* PyTorch's clamp, so that a certain but wrong pixel costs 100, not infinity. */
static double clamped_log(double v) {
    return v > 0 ? LK_MAX(lk_log(v), -100) : -100;
}

void lk_errors_measure(const lk_real *x, const lk_real *x_hat, size_t n, size_t size,
                       lk_errors *out) {
    const size_t values = n * size;
    double absolute = 0, squared = 0, entropy = 0;
    for (size_t i = 0; i < values; i++) {
        const double v = x[i], guess = x_hat[i], difference = guess - v;
        absolute += fabs(difference);
        squared += difference * difference;
        entropy -= v * clamped_log(guess) + (1 - v) * clamped_log(1 - guess);
    }
    out->mae = absolute / (double)values;
    out->mse = squared / (double)values;
    out->bce = entropy / (double)values;
    out->sse_per_image = squared / (double)n;
    out->psnr = squared > 0 ? lk_log(out->mse) * (-10 / 2.302585092994046) : INFINITY;
}

void lk_confuse(const uint32_t *labels, const uint32_t *guesses, size_t n, uint32_t classes,
                uint32_t *counts) {
    memset(counts, 0, (size_t)classes * classes * sizeof *counts);
    for (size_t i = 0; i < n; i++) counts[(size_t)labels[i] * classes + guesses[i]]++;
}

uint32_t lk_vote(const uint32_t *labels, size_t k) {
    size_t best = 0, most = 0;
    for (size_t i = 0; i < k; i++) {
        size_t votes = 0;
        for (size_t j = 0; j < k; j++) votes += labels[j] == labels[i];
        if (votes > most) {
            most = votes;
            best = i;
        }
    }
    return labels[best];
}

/* Sorts values[n], the larger first, by merging runs of doubled length through spare[n]. */
static void sort_falling(float *values, float *spare, size_t n) {
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * run) {
            const size_t middle = LK_MIN(begin + run, n), end = LK_MIN(begin + 2 * run, n);
            size_t a = begin, b = middle;
            for (size_t i = begin; i < end; i++)
                spare[i] =
                    b == end || (a < middle && values[a] >= values[b]) ? values[a++] : values[b++];
        }
        memcpy(values, spare, n * sizeof *values);
    }
}

/* Lowers the threshold from one score to the next, both sets sorted falling. At each distinct score
   `flagged` of the unusual and `alarms` of the usual stand at it or above. */
static void sweep(const float *usual, size_t n_usual, const float *unusual, size_t n_unusual,
                  lk_separation *out) {
    double pairs = 0, precision = 0, fpr95 = -1;
    const size_t needed = n_unusual - n_unusual / 20; /* 95 %, rounded up */
    size_t flagged = 0, alarms = 0;
    while (flagged < n_unusual) {
        const float at =
            alarms == n_usual ? unusual[flagged] : LK_MAX(unusual[flagged], usual[alarms]);
        const size_t flagged_before = flagged, alarms_before = alarms;
        while (flagged < n_unusual && unusual[flagged] == at) flagged++;
        while (alarms < n_usual && usual[alarms] == at) alarms++;
        const double found = (double)(flagged - flagged_before);
        /* Pairs in the right order: with all that is below, and half of what is equal. */
        pairs += found * ((double)(n_usual - alarms) + 0.5 * (double)(alarms - alarms_before));
        precision += found * ((double)flagged / (double)(flagged + alarms));
        if (fpr95 < 0 && flagged >= needed) fpr95 = (double)alarms / (double)n_usual;
    }
    out->auroc = pairs / ((double)n_usual * (double)n_unusual);
    out->aupr = precision / (double)n_unusual;
    out->fpr95 = fpr95;
}

static bool all_numbers(const float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (values[i] != values[i]) return false;
    return true;
}

lk_status lk_separate(const float *usual, size_t n_usual, const float *unusual, size_t n_unusual,
                      lk_separation *out, lk_error *error) {
    size_t n, bytes;
    if (n_usual == 0 || n_unusual == 0) return lk_fail(error, LK_DATA, "no scores to tell apart");
    if (!all_numbers(usual, n_usual) || !all_numbers(unusual, n_unusual))
        return lk_fail(error, LK_NONFINITE, "a score is not a number");
    if (!lk_add_size(n_usual, n_unusual, &n) || !lk_mul_size(n, 2 * sizeof(float), &bytes))
        return lk_fail(error, LK_MEMORY, "out of memory");
    float *sorted = lk_alloc(bytes);
    if (!sorted) return lk_fail(error, LK_MEMORY, "out of memory");
    float *spare = sorted + n;
    memcpy(sorted, usual, n_usual * sizeof *sorted);
    memcpy(sorted + n_usual, unusual, n_unusual * sizeof *sorted);
    sort_falling(sorted, spare, n_usual);
    sort_falling(sorted + n_usual, spare, n_unusual);
    sweep(sorted, n_usual, sorted + n_usual, n_unusual, out);
    lk_free(sorted);
    return LK_OK;
}

/* The AUROC of `unusual` against `usual`, how many of each there are at each of `groups` rising
   scores being told. */
static double area(const uint32_t *usual, const uint32_t *unusual, size_t groups) {
    double below = 0, found = 0, pairs = 0;
    for (size_t g = 0; g < groups; g++) {
        pairs += (double)unusual[g] * (below + 0.5 * (double)usual[g]);
        below += (double)usual[g];
        found += (double)unusual[g];
    }
    return pairs / (below * found);
}

/* Draws as many as there are, with repetition, into counts[groups]. */
static void resample(const uint32_t *group, size_t n, lk_rng rng, uint32_t *counts, size_t groups) {
    memset(counts, 0, groups * sizeof *counts);
    for (size_t i = 0; i < n; i++) counts[group[lk_rng_below(rng, i, n)]]++;
}

/* group[i] = how many of distinct[groups], which falls, are below values[i], one of them. */
static void find_groups(const float *values, size_t count, const float *distinct, size_t groups,
                        uint32_t *group) {
    for (size_t i = 0; i < count; i++) {
        size_t low = 0, high = groups - 1;
        while (low < high) {
            const size_t middle = (low + high) / 2;
            if (distinct[middle] > values[i])
                low = middle + 1;
            else
                high = middle;
        }
        group[i] = (uint32_t)(groups - 1 - low);
    }
}

enum { RESAMPLES = 1000 };

lk_status lk_separation_interval(const float *usual, size_t n_usual, const float *unusual,
                                 size_t n_unusual, uint64_t seed, double *low, double *high,
                                 lk_error *error) {
    if (n_usual == 0 || n_unusual == 0) return lk_fail(error, LK_DATA, "no scores to tell apart");
    if (!all_numbers(usual, n_usual) || !all_numbers(unusual, n_unusual))
        return lk_fail(error, LK_NONFINITE, "a score is not a number");
    const size_t n = n_usual + n_unusual;
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        float *values = lk_arena_take(&arena, n, sizeof *values);
        float *spare = lk_arena_take(&arena, n, sizeof *spare);
        float areas[RESAMPLES], room[RESAMPLES];
        uint32_t *group = lk_arena_take(&arena, n, sizeof *group);
        uint32_t *counts = lk_arena_take(&arena, 2 * n, sizeof *counts);
        if (values) {
            memcpy(values, usual, n_usual * sizeof *values);
            memcpy(values + n_usual, unusual, n_unusual * sizeof *values);
            sort_falling(values, spare, n);
            size_t groups = 1;
            for (size_t i = 1; i < n; i++)
                if (values[i] != values[groups - 1]) values[groups++] = values[i];
            find_groups(usual, n_usual, values, groups, group);
            find_groups(unusual, n_unusual, values, groups, group + n_usual);
            for (size_t r = 0; r < RESAMPLES; r++) {
                resample(group, n_usual, lk_rng_make(seed, LK_STREAM_BOOTSTRAP, 2 * r), counts,
                         groups);
                resample(group + n_usual, n_unusual,
                         lk_rng_make(seed, LK_STREAM_BOOTSTRAP, 2 * r + 1), counts + n, groups);
                areas[r] = (float)area(counts, counts + n, groups);
            }
            sort_falling(areas, room, RESAMPLES);
            *high = (double)areas[RESAMPLES / 40];
            *low = (double)areas[RESAMPLES - 1 - RESAMPLES / 40];
            lk_free(arena.base);
            return LK_OK;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

/* How well images are reconstructed, classes guessed, and two sets told apart by a score. */
#include <math.h>
#include <string.h>

#include "base.h"

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

#include "mixture.h"

#include <math.h>
#include <string.h>

#include "arena.h"

enum { ITERATIONS = 15, CODES_FOR_EACH_DIMENSION = 10 };

void lk_mixture_take(lk_mixture *m, lk_arena *arena) {
    size_t matrices = 0;
    if (!lk_mul_size(m->clusters * m->dimensions, m->dimensions, &matrices)) arena->overflow = true;
    m->means = lk_arena_take(arena, m->clusters * m->dimensions, sizeof(lk_real));
    m->whitening = lk_arena_take(arena, matrices, sizeof(lk_real));
    m->offsets = lk_arena_take(arena, m->clusters, sizeof(lk_real));
}

size_t lk_mixture_clusters(size_t n, size_t d) {
    const size_t most = n / (CODES_FOR_EACH_DIMENSION * LK_MAX(d, (size_t)1));
    return LK_MAX((size_t)1, LK_MIN(most, (size_t)LK_MAX_CLUSTERS));
}

/* The workspace of a fit. */
typedef struct fit {
    const lk_real *codes;
    size_t n, d, clusters, per_class; /* clusters of a class stand side by side */
    double *centres;                  /* [clusters][d] */
    double *sums;                     /* [clusters][d] */
    double *nearest;                  /* [n] squared distance to the nearest centre so far */
    uint32_t *cluster;                /* [n] */
    uint32_t *class;                  /* [n] */
    uint32_t *members;                /* [clusters] */
    double *covariance;               /* [d][d] */
    double *widening;                 /* [d] */
} fit;

static double squared_distance(const fit *f, size_t i, const double *centre) {
    const lk_real *z = f->codes + i * f->d;
    double sum = 0;
    for (size_t k = 0; k < f->d; k++)
        sum += ((double)z[k] - centre[k]) * ((double)z[k] - centre[k]);
    return sum;
}

static void centre_on(fit *f, size_t c, size_t i) {
    for (size_t k = 0; k < f->d; k++) f->centres[c * f->d + k] = (double)f->codes[i * f->d + k];
}

/* Numbers the classes of labels[n], and gives each its share of the clusters. Without labels, or
   where there are more classes than clusters or too few codes of one, all are of one class. */
static void find_classes(fit *f, const uint32_t *labels) {
    uint32_t known[LK_MAX_CLUSTERS];
    size_t members[LK_MAX_CLUSTERS] = {0}, classes = 0, least = f->n;
    for (size_t i = 0; labels && i < f->n; i++) {
        size_t k = 0;
        while (k < classes && known[k] != labels[i]) k++;
        if (k == classes && classes++ == f->clusters) break;
        known[k] = labels[i];
        members[k]++;
        f->class[i] = (uint32_t)k;
    }
    for (size_t k = 0; k < LK_MIN(classes, f->clusters); k++) least = LK_MIN(least, members[k]);
    const size_t most = least / (CODES_FOR_EACH_DIMENSION * f->d);
    f->per_class = f->clusters;
    if (classes > 1 && classes <= f->clusters && most > 0) {
        f->per_class = LK_MIN(f->clusters / classes, most);
        f->clusters = classes * f->per_class;
    } else {
        memset(f->class, 0, f->n * sizeof *f->class);
    }
}

/* k-means++ in each class: each next centre is a code drawn with probability its squared distance.
 */
static void start(fit *f, lk_rng rng) {
    for (size_t c = 0; c < f->clusters; c++) {
        const size_t class = c / f->per_class;
        const bool first = c % f->per_class == 0;
        size_t members = 0, chosen = 0;
        double total = 0;
        for (size_t i = 0; i < f->n; i++) {
            if (f->class[i] != class) continue;
            members++;
            total += f->nearest[i];
        }
        double left =
            first ? (double)lk_rng_below(rng, c, members) : lk_rng_uniform(rng, c) * total;
        for (size_t i = 0; i < f->n; i++) {
            if (f->class[i] != class) continue;
            chosen = i;
            if ((left -= first ? 1 : f->nearest[i]) < 0) break;
        }
        centre_on(f, c, chosen);
        for (size_t i = 0; i < f->n; i++) {
            if (f->class[i] != class) continue;
            const double distance = squared_distance(f, i, f->centres + c * f->d);
            f->nearest[i] = first ? distance : LK_MIN(f->nearest[i], distance);
        }
    }
}

/* Each code to the nearest centre of its class. */
static void assign(fit *f) {
    memset(f->members, 0, f->clusters * sizeof *f->members);
    for (size_t i = 0; i < f->n; i++) {
        const size_t first = f->class[i] * f->per_class;
        size_t best = first;
        double least = squared_distance(f, i, f->centres + first * f->d);
        for (size_t c = first + 1; c < first + f->per_class; c++) {
            const double distance = squared_distance(f, i, f->centres + c * f->d);
            if (distance < least) {
                least = distance;
                best = c;
            }
        }
        f->cluster[i] = (uint32_t)best;
        f->members[best]++;
    }
}

/* Centres move to the means of their members; one without members stays. */
static void move(fit *f) {
    memset(f->sums, 0, f->clusters * f->d * sizeof *f->sums);
    for (size_t i = 0; i < f->n; i++) {
        double *sum = f->sums + f->cluster[i] * f->d;
        for (size_t k = 0; k < f->d; k++) sum[k] += (double)f->codes[i * f->d + k];
    }
    for (size_t c = 0; c < f->clusters; c++)
        for (size_t k = 0; k < f->d && f->members[c]; k++)
            f->centres[c * f->d + k] = f->sums[c * f->d + k] / f->members[c];
}

/* What is added to variances, which scales with those of all codes. Codes that are all alike still
   get a finite covariance. */
static void find_widening(fit *f, double share, bool each) {
    double total = 0;
    for (size_t k = 0; k < f->d; k++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < f->n; i++) sum += (double)f->codes[i * f->d + k];
        const double mean = sum / (double)f->n;
        for (size_t i = 0; i < f->n; i++) {
            const double v = (double)f->codes[i * f->d + k] - mean;
            squares += v * v;
        }
        f->widening[k] = squares / (double)f->n;
        total += f->widening[k];
    }
    const double mean = total / (double)f->d;
    for (size_t k = 0; k < f->d; k++)
        f->widening[k] = LK_MAX(share * (each ? LK_MAX(f->widening[k], mean * 1e-6) : mean), 1e-12);
}

/* The lower triangle of cluster c's covariance, widened. */
static void covariance_of(fit *f, size_t c) {
    double *covariance = f->covariance;
    const double *centre = f->centres + c * f->d;
    memset(covariance, 0, f->d * f->d * sizeof *covariance);
    for (size_t i = 0; i < f->n; i++) {
        if (f->cluster[i] != c) continue;
        const lk_real *z = f->codes + i * f->d;
        for (size_t a = 0; a < f->d; a++) {
            const double da = (double)z[a] - centre[a];
            for (size_t b = 0; b <= a; b++)
                covariance[a * f->d + b] += da * ((double)z[b] - centre[b]);
        }
    }
    for (size_t a = 0; a < f->d; a++) {
        for (size_t b = 0; b <= a; b++) covariance[a * f->d + b] /= LK_MAX(f->members[c], 1u);
        covariance[a * f->d + a] += f->widening[a];
    }
}

double lk_invert_factor(double *m, size_t d) {
    double log_det = 0;
    for (size_t a = 0; a < d; a++) {
        for (size_t b = 0; b <= a; b++) {
            double sum = m[a * d + b];
            for (size_t k = 0; k < b; k++) sum -= m[a * d + k] * m[b * d + k];
            m[a * d + b] = a == b ? sqrt(sum) : sum / m[b * d + b];
        }
        log_det += 2 * lk_log(m[a * d + a]);
    }
    for (size_t b = 0; b < d; b++) {
        m[b * d + b] = 1 / m[b * d + b];
        for (size_t a = b + 1; a < d; a++) {
            double sum = 0;
            for (size_t k = b; k < a; k++) sum -= m[a * d + k] * m[k * d + b];
            m[a * d + b] = sum / m[a * d + a];
        }
    }
    return log_det;
}

static void describe(fit *f, lk_mixture *mixture) {
    const size_t d = f->d;
    find_widening(f, mixture->widening, mixture->each);
    for (size_t c = 0; c < f->clusters; c++) {
        covariance_of(f, c);
        const double log_det = lk_invert_factor(f->covariance, d);
        const double share = (double)LK_MAX(f->members[c], 1u) / (double)f->n;
        mixture->offsets[c] = (lk_real)(log_det - 2 * lk_log(share));
        for (size_t k = 0; k < d; k++) mixture->means[c * d + k] = (lk_real)f->centres[c * d + k];
        for (size_t a = 0; a < d; a++)
            for (size_t b = 0; b < d; b++)
                mixture->whitening[(c * d + a) * d + b] =
                    b <= a ? (lk_real)f->covariance[a * d + b] : 0;
    }
}

lk_status lk_mixture_fit(lk_mixture *mixture, const lk_real *codes, const uint32_t *labels,
                         size_t n, uint64_t seed, lk_error *error) {
    const size_t d = mixture->dimensions, clusters = mixture->clusters;
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(codes[i])) return lk_fail(error, LK_NONFINITE, "a code is not finite");
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        fit f = {.codes = codes, .n = n, .d = d, .clusters = clusters};
        f.centres = lk_arena_take(&arena, clusters * d, sizeof *f.centres);
        f.sums = lk_arena_take(&arena, clusters * d, sizeof *f.sums);
        f.nearest = lk_arena_take(&arena, n, sizeof *f.nearest);
        f.cluster = lk_arena_take(&arena, n, sizeof *f.cluster);
        f.class = lk_arena_take(&arena, n, sizeof *f.class);
        f.members = lk_arena_take(&arena, clusters, sizeof *f.members);
        f.covariance = lk_arena_take(&arena, d * d, sizeof *f.covariance);
        f.widening = lk_arena_take(&arena, d, sizeof *f.widening);
        if (f.centres) {
            find_classes(&f, labels);
            mixture->clusters = f.clusters;
            start(&f, lk_rng_make(seed, LK_STREAM_CLUSTERS, 0));
            for (int i = 0; i < ITERATIONS; i++) {
                assign(&f);
                move(&f);
            }
            assign(&f);
            describe(&f, mixture);
            lk_free(arena.base);
            return LK_OK;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    return lk_fail(error, LK_MEMORY, "out of memory");
}

double lk_mixture_distance(const lk_mixture *mixture, const lk_real *z) {
    const size_t d = mixture->dimensions;
    double least = INFINITY;
    for (size_t c = 0; c < mixture->clusters; c++) {
        const lk_real *mean = mixture->means + c * d;
        double sum = (double)mixture->offsets[c];
        for (size_t a = 0; a < d; a++) {
            const lk_real *row = mixture->whitening + (c * d + a) * d;
            double w = 0;
            for (size_t b = 0; b <= a; b++) w += (double)row[b] * ((double)z[b] - (double)mean[b]);
            sum += w * w;
        }
        least = LK_MIN(least, sum);
    }
    return least;
}

/* The i-th Gaussian's share of the codes, as its logarithm: see offsets. */
static double log_share(const lk_mixture *mixture, size_t c) {
    const size_t d = mixture->dimensions;
    double log_det = 0; /* of the covariance */
    for (size_t a = 0; a < d; a++)
        log_det -= 2 * lk_log((double)mixture->whitening[(c * d + a) * d + a]);
    return (log_det - (double)mixture->offsets[c]) / 2;
}

void lk_mixture_sample(const lk_mixture *mixture, lk_rng rng, uint64_t index, lk_real *z) {
    const size_t d = mixture->dimensions, clusters = mixture->clusters;
    const uint64_t first = index * (clusters + d);
    size_t chosen = 0;
    double most = -INFINITY;
    for (size_t c = 0; c < clusters; c++) { /* the largest of such sums falls on c by its share */
        const double u = LK_MAX(lk_rng_uniform(rng, first + c), 0x1p-54);
        const double sum = log_share(mixture, c) - lk_log(-lk_log(u));
        if (sum > most) {
            most = sum;
            chosen = c;
        }
    }
    const lk_real *mean = mixture->means + chosen * d;
    for (size_t a = 0; a < d; a++) { /* W (z - mean) = normal values, W being lower triangular */
        const lk_real *row = mixture->whitening + (chosen * d + a) * d;
        double value = lk_rng_normal(rng, first + clusters + a);
        for (size_t b = 0; b < a; b++) value -= (double)row[b] * ((double)z[b] - (double)mean[b]);
        z[a] = (lk_real)(value / (double)row[a] + (double)mean[a]);
    }
}

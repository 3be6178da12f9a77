/* Texts found by texts: each asks for all others, the nearest by cosine first, and those with its
   label are right. By codes, by what codes have to beat: latent semantic analysis with codes as
   long (S. Deerwester et al. 1990), and by the words themselves. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "eval.h"

static const double LEVELS[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1};
enum { LEVEL_COUNT = sizeof LEVELS / sizeof LEVELS[0] };

/* Vectors of length 1, by their values: those of column k that are not 0 are first[k] to
   first[k + 1]. */
typedef struct columns {
    size_t n, d;
    size_t *first;   /* [d + 1] */
    uint32_t *which; /* of the n vectors */
    float *values;
} columns;

static void columns_free(columns *c) {
    lk_free(c->first);
    lk_free(c->which);
    lk_free(c->values);
}

static lk_status columns_make(const lk_real *vectors, size_t n, size_t d, columns *c, fault *f) {
    size_t total = 0;
    for (size_t i = 0; i < n * d; i++) total += vectors[i] != 0;
    *c = (columns){n, d, lk_alloc((d + 1) * sizeof *c->first),
                   lk_alloc((total + 1) * sizeof *c->which),
                   lk_alloc((total + 1) * sizeof *c->values)};
    double *factors = lk_alloc(n * sizeof *factors);
    if (!c->first || !c->which || !c->values || !factors) {
        lk_free(factors);
        return fail_memory(f);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < d; k++)
            factors[i] += (double)vectors[i * d + k] * (double)vectors[i * d + k];
        factors[i] = factors[i] > 0 ? 1 / sqrt(factors[i]) : 0;
    }
    for (size_t k = 0; k < d; k++) {
        size_t at = c->first[k];
        for (size_t i = 0; i < n; i++) {
            if (vectors[i * d + k] == 0) continue;
            c->which[at] = (uint32_t)i;
            c->values[at++] = (float)((double)vectors[i * d + k] * factors[i]);
        }
        c->first[k + 1] = at;
    }
    lk_free(factors);
    return LK_OK;
}

/* cosines[n] of vector i, whose values are those of vectors[i][d] but for a factor, with all. */
static void find_cosines(const columns *c, const lk_real *vector, float *cosines) {
    memset(cosines, 0, c->n * sizeof *cosines);
    for (size_t k = 0; k < c->d; k++) {
        const float value = (float)vector[k];
        if (value == 0) continue;
        for (size_t at = c->first[k]; at < c->first[k + 1]; at++)
            cosines[c->which[at]] += value * c->values[at];
    }
}

static int falling(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* How many of right[count], which falls, are over the cosine; or, with ties, at it too. */
static size_t count_over(const float *right, size_t count, float cosine, bool ties) {
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (right[middle] > cosine || (ties && right[middle] == cosine))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The precision at each level when i asks. Of equal cosines a wrong one counts half. `right` and
   `above` have room for n + 1; false where nobody else has the label. */
static bool ask(const lk_dataset *texts, size_t i, const float *cosines, float *right,
                double *above, double *precision) {
    const uint32_t *labels = texts->labels;
    size_t count = 0;
    for (size_t j = 0; j < texts->count; j++)
        if (j != i && labels[j] == labels[i]) right[count++] = cosines[j];
    if (count == 0) return false;
    qsort(right, count, sizeof *right, falling);
    memset(above, 0, (count + 1) * sizeof *above);
    for (size_t j = 0; j < texts->count; j++) {
        if (labels[j] == labels[i]) continue;
        above[count_over(right, count, cosines[j], false)] += 0.5;
        above[count_over(right, count, cosines[j], true)] += 0.5;
    }
    double wrong = 0;
    size_t found = 0;
    for (size_t l = 0; l < LEVEL_COUNT; l++) {
        while (found == 0 || (double)found < LEVELS[l] * (double)count) wrong += above[found++];
        precision[l] = (double)found / ((double)found + wrong);
    }
    return true;
}

/* Adds [precision at each level] under the name; the same for any number of threads. */
static lk_status add(const options *o, const lk_dataset *texts, const lk_real *vectors, size_t d,
                     const char *name, json_t *object, fault *f) {
    const size_t n = texts->count;
    const int threads = (int)o->threads;
    columns c;
    lk_status status = columns_make(vectors, n, d, &c, f);
    float *room = lk_alloc((size_t)threads * 2 * (n + 1) * sizeof *room);
    double *above = lk_alloc((size_t)threads * (n + 1) * sizeof *above);
    double *precision = lk_alloc(n * LEVEL_COUNT * sizeof *precision);
    size_t asked = 0;
    if (!status && !(room && above && precision)) status = fail_memory(f);
    if (!status) {
#pragma omp parallel for schedule(dynamic, 16) num_threads(threads) reduction(+ : asked)
        for (size_t i = 0; i < n; i++) {
            const size_t thread = (size_t)omp_get_thread_num();
            float *cosines = room + thread * 2 * (n + 1);
            find_cosines(&c, vectors + i * d, cosines);
            asked += ask(texts, i, cosines, cosines + n + 1, above + thread * (n + 1),
                         precision + i * LEVEL_COUNT);
        }
        json_t *list = json_array();
        for (size_t l = 0; l < LEVEL_COUNT; l++) {
            double sum = 0;
            for (size_t i = 0; i < n; i++) sum += precision[i * LEVEL_COUNT + l];
            json_array_append_new(list, json_real(asked ? sum / (double)asked : 0));
        }
        json_object_set_new(object, name, list);
        json_object_set_new(object, "asked", json_integer((json_int_t)asked));
    }
    columns_free(&c);
    lk_free(room);
    lk_free(above);
    lk_free(precision);
    return status;
}

/* Codes by the leading singular vectors of the known texts: these are the principal components once
   every text has its negative beside it, so that the mean is 0. */
static lk_status add_lsa(const options *o, const lk_dataset *texts, const lk_dataset *known,
                         size_t latent, json_t *object, fault *f) {
    const size_t size = texts->shape.width, values = known->count * size;
    lk_dataset both = *known;
    lk_components found;
    both.count = 2 * known->count;
    both.values = lk_alloc(2 * values * sizeof *both.values);
    lk_real *z = lk_alloc(texts->count * latent * sizeof *z);
    lk_status status = both.values && z ? LK_OK : fail_memory(f);
    for (size_t i = 0; i < values && !status; i++)
        both.values[values + i] = -(both.values[i] = known->values[i]);
    if (!status && lk_components_find(&both, latent, (int)o->threads, &found, &f->error))
        status = f->error.status;
    if (!status) {
        for (size_t i = 0; i < texts->count; i++)
            lk_components_encode(&found, texts->values + i * size, z + i * latent);
        lk_components_free(&found);
        status = add(o, texts, z, latent, "lsa", object, f);
    }
    lk_free(both.values);
    lk_free(z);
    return status;
}

/* Texts in which some word is known, and their codes; all owned. */
static lk_status take_known(const lk_model *model, const lk_dataset *images, const lk_real *codes,
                            lk_dataset *texts, lk_real **kept, fault *f) {
    const size_t size = images->shape.width, latent = lk_model_latent(model);
    *texts = *images;
    texts->values = lk_alloc(images->count * size * sizeof *texts->values);
    texts->labels = lk_alloc(images->count * sizeof *texts->labels);
    texts->count = 0;
    *kept = lk_alloc(images->count * latent * sizeof **kept);
    if (!texts->values || !texts->labels || !*kept) return fail_memory(f);
    for (size_t i = 0; i < images->count; i++) {
        const lk_real *row = images->values + i * size;
        if (data_is_empty_text(model, row)) continue;
        memcpy(texts->values + texts->count * size, row, size * sizeof *row);
        memcpy(*kept + texts->count * latent, codes + i * latent, latent * sizeof *codes);
        texts->labels[texts->count++] = images->labels[i];
    }
    return LK_OK;
}

lk_status eval_retrieval(const options *o, const lk_model *model, const lk_dataset *images,
                         const lk_real *codes, const lk_dataset *known, json_t *report, fault *f) {
    const size_t size = images->shape.width, latent = lk_model_latent(model);
    lk_dataset texts;
    lk_real *kept;
    lk_status status = take_known(model, images, codes, &texts, &kept, f);
    json_t *object = json_object(), *recall = json_array();
    json_object_set_new(report, "retrieval", object);
    json_object_set_new(object, "recall", recall);
    for (size_t l = 0; l < LEVEL_COUNT; l++) json_array_append_new(recall, json_real(LEVELS[l]));
    if (!status) status = add(o, &texts, kept, latent, "codes", object, f);
    if (!status && known && latent <= size) status = add_lsa(o, &texts, known, latent, object, f);
    if (!status) status = add(o, &texts, texts.values, size, "tf_idf", object, f);
    data_set_free(&texts);
    lk_free(kept);
    return status;
}

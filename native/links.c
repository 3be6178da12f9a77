#include "links.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyses.h"

enum { NEIGHBOURS = 8 };

static size_t size_of(lk_shape s) {
    return (size_t)s.channels * s.height * s.width;
}

/* ---- features ---- */

typedef struct visiting {
    size_t size;
    lk_real *values;
    uint32_t *guesses;
} visiting;

static lk_status take_map(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                          lk_error *error) {
    const visiting *v = context;
    lk_real *z = lk_alloc(n * (size_t)lk_model_latent(lk_run_model(run)) * sizeof *z);
    if (!z) {
        *error = (lk_error){LK_MEMORY, LK_NO_OFFSET, "out of memory"};
        return LK_MEMORY;
    }
    lk_encode(run, x, n, z);
    for (size_t i = 0; i < n; i++) lk_run_features(run, i, v->values + (first + i) * v->size);
    lk_free(z);
    return LK_OK;
}

/* Of mean 0 and deviation 1 over the images; what does not vary becomes 0. */
static void scale(lk_real *values, size_t count, size_t size) {
    for (size_t k = 0; k < size; k++) {
        double mean = 0, squares = 0;
        for (size_t i = 0; i < count; i++) mean += (double)values[i * size + k] / (double)count;
        for (size_t i = 0; i < count; i++) {
            const double off = (double)values[i * size + k] - mean;
            squares += off * off / (double)count;
        }
        const double factor = squares > 1e-12 ? 1 / sqrt(squares) : 0;
        for (size_t i = 0; i < count; i++)
            values[i * size + k] = (lk_real)(((double)values[i * size + k] - mean) * factor);
    }
}

lk_status links_features(const options *o, const lk_model *model, const lk_dataset *images,
                         links_feature feature, lk_real **values, size_t *size, fault *f) {
    const int threads = (int)o->threads;
    *size = feature == FEATURE_MAP     ? lk_model_features(model)
            : feature == FEATURE_DENSE ? lk_model_latent(model)
                                       : size_of(images->shape);
    *values = NULL;
    if (*size == 0) return fail(f, LK_MODEL, o->arguments.items[0], "the model has no feature map");
    *values = lk_alloc(images->count * *size * sizeof **values);
    if (!*values) return fail_memory(f);
    visiting v = {*size, *values, NULL};
    lk_status status = LK_OK;
    if (feature == FEATURE_MAP)
        status = lk_dataset_visit(images, model, LK_PREPARE_IMAGE, threads, (lk_simd)o->simd,
                                  take_map, &v, &f->error);
    else if (feature == FEATURE_DENSE)
        status = lk_dataset_encode(images, model, threads, (lk_simd)o->simd, *values, &f->error);
    else
        lk_dataset_images(images, 0, images->count, *values);
    if (feature == FEATURE_SCALED) scale(*values, images->count, *size);
    if (status) {
        lk_free(*values);
        *values = NULL;
        return blame(f, o->arguments.items[0]);
    }
    return LK_OK;
}

static lk_status take_guesses(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                              lk_error *error) {
    const visiting *v = context;
    lk_real *p = lk_alloc(n * v->size * sizeof *p);
    if (!p) {
        *error = (lk_error){LK_MEMORY, LK_NO_OFFSET, "out of memory"};
        return LK_MEMORY;
    }
    lk_classify(run, x, n, p);
    for (size_t i = 0; i < n; i++) {
        uint32_t best = 0;
        for (uint32_t k = 1; k < v->size; k++)
            if (p[i * v->size + k] > p[i * v->size + best]) best = k;
        v->guesses[first + i] = best;
    }
    lk_free(p);
    return LK_OK;
}

lk_status links_guess(const options *o, const lk_model *model, const lk_dataset *images,
                      uint32_t *guesses, fault *f) {
    visiting v = {lk_model_classes(model), NULL, guesses};
    if (lk_dataset_visit(images, model, LK_PREPARE_IMAGE, (int)o->threads, (lk_simd)o->simd,
                         take_guesses, &v, &f->error))
        return blame(f, o->arguments.items[0]);
    return LK_OK;
}

/* ---- pairs ---- */

static int compare(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    const size_t k = x[0] == y[0];
    return (x[k] > y[k]) - (x[k] < y[k]);
}

static void add(links *out, size_t i, uint32_t other) {
    const uint32_t a = (uint32_t)i;
    out->pairs[out->count][0] = a < other ? a : other;
    out->pairs[out->count++][1] = a < other ? other : a;
}

/* In order, each once. */
static void tidy(links *out) {
    size_t kept = 0;
    qsort(out->pairs, out->count, sizeof *out->pairs, compare);
    for (size_t i = 0; i < out->count; i++)
        if (kept == 0 || compare(out->pairs[i], out->pairs[kept - 1]) != 0)
            memcpy(out->pairs[kept++], out->pairs[i], sizeof *out->pairs);
    out->count = kept;
}

/* Each image's own mean taken off, so that the cosine is the correlation. */
static lk_real *centre(const lk_real *values, size_t count, size_t size) {
    lk_real *centred = lk_alloc(count * size * sizeof *centred);
    for (size_t i = 0; centred && i < count; i++) {
        double mean = 0;
        for (size_t k = 0; k < size; k++) mean += (double)values[i * size + k] / (double)size;
        for (size_t k = 0; k < size; k++)
            centred[i * size + k] = (lk_real)((double)values[i * size + k] - mean);
    }
    return centred;
}

/* The k nearest of each, by distance or by correlation of at least the threshold. */
static lk_status find_near(const options *o, links_kind kind, const lk_real *values, size_t count,
                           size_t size, links *out, fault *f) {
    const bool correlated = kind == LINKS_CORRELATION;
    const size_t k = o->k ? o->k : NEIGHBOURS;
    lk_real *centred = correlated ? centre(values, count, size) : NULL;
    lk_neighbour *found = lk_alloc(count * (k + 1) * sizeof *found);
    out->pairs = lk_alloc(count * k * sizeof *out->pairs);
    lk_status status = found && out->pairs && (centred || !correlated) ? LK_OK : fail_memory(f);
    const lk_real *vectors = correlated ? centred : values;
    lk_index *index = NULL;
    if (!status) {
        index = lk_index_create(vectors, count, size, correlated ? LK_METRIC_COSINE : LK_METRIC_L2,
                                &f->error);
        if (!index) status = f->error.status;
    }
    if (!status) {
        const size_t each =
            lk_index_search(index, vectors, count, k + 1, (int)o->threads, (lk_simd)o->simd, found);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0, joined = 0; j < each && joined < k; j++) {
                const lk_neighbour *near = &found[i * (k + 1) + j];
                if (near->index == i) continue;
                if (correlated && 1 - (double)near->distance < o->threshold) break;
                add(out, i, near->index);
                joined++;
            }
        tidy(out);
    }
    lk_index_free(index);
    lk_free(centred);
    lk_free(found);
    return status;
}

/* Who has a part in whom. */
static lk_status find_made(const options *o, const lk_real *values, size_t count, size_t size,
                           links *out, fault *f) {
    lk_link *parts = lk_alloc(count * LK_MOST_LINKS * sizeof *parts);
    uint32_t *counts = lk_alloc(count * sizeof *counts);
    size_t total = 0;
    lk_status status = parts && counts ? LK_OK : fail_memory(f);
    if (!status)
        status = lk_lasso(values, count, size, o->lambda, (int)o->threads, (lk_simd)o->simd, parts,
                          counts, &f->error);
    for (size_t i = 0; !status && i < count; i++) total += counts[i];
    if (!status) out->pairs = lk_alloc((total + 1) * sizeof *out->pairs);
    if (!status && !out->pairs) status = fail_memory(f);
    for (size_t i = 0; !status && i < count; i++)
        for (size_t a = 0; a < counts[i]; a++) add(out, i, parts[i * LK_MOST_LINKS + a].index);
    if (!status) tidy(out);
    lk_free(parts);
    lk_free(counts);
    return status;
}

lk_status links_find(const options *o, links_kind kind, const lk_real *values, size_t count,
                     size_t size, links *out, fault *f) {
    *out = (links){0};
    const lk_status status = kind == LINKS_LASSO ? find_made(o, values, count, size, out, f)
                                                 : find_near(o, kind, values, count, size, out, f);
    if (status) {
        lk_free(out->pairs);
        *out = (links){0};
    }
    return status;
}

/* Whose label is that of its nearest neighbours: by codes, and by what codes have to beat. */
#include <stdio.h>
#include <string.h>

#include "eval.h"
#include "output.h"
#include "pictures.h"

/* Solving for components takes the cube of an image's values: minutes, beyond these. */
enum { MOST_COMPONENTS = 128, MOST_SOLVED = 2000, VOTERS = 5 };

/* Of how many of the nearest it is told how many have the label. */
static const size_t LOOKED_AT[] = {1, 10, 50};
enum { LOOKS = sizeof LOOKED_AT / sizeof LOOKED_AT[0] };

typedef struct search {
    const options *o;
    const lk_dataset *images, *known;
    size_t size, latent, k;
    size_t most; /* of neighbours that are found: k, or what is looked at if that is more */
    const lk_real *codes; /* of the images */
    lk_real *known_codes;
    lk_neighbour *found; /* [images][most] */
    /* A permutation of the images' labels, for tests of leaks: what is told of these is chance,
       or else a label has helped to find itself. */
    uint32_t *shuffled;
} search;

static size_t size_of(lk_shape s) {
    return (size_t)s.channels * s.height * s.width;
}

/* The k nearest known vectors of each query, both of d values, into found; *each is how many. */
static lk_status find(const search *s, const lk_real *known, const lk_real *queries, size_t d,
                      lk_metric metric, size_t k, size_t *each, fault *f) {
    lk_index *index = lk_index_create(known, s->known->count, d, metric, &f->error);
    if (!index) return f->error.status;
    *each = lk_index_search(index, queries, s->images->count, k, (int)s->o->threads,
                            (lk_simd)s->o->simd, s->found);
    lk_index_free(index);
    return LK_OK;
}

static uint32_t label_of(const search *s, const lk_neighbour *n) {
    return s->known->labels[n->index];
}

/* Adds the share of images whose one nearest vector has their label. */
static lk_status add_nearest(const search *s, const lk_real *known, const lk_real *queries,
                             size_t d, lk_metric metric, const char *name, json_t *object,
                             fault *f) {
    size_t each = 0, right = 0;
    const lk_status status = find(s, known, queries, d, metric, 1, &each, f);
    if (status) return status;
    for (size_t i = 0; i < s->images->count; i++)
        right += label_of(s, &s->found[i]) == s->images->labels[i];
    json_object_set_new(object, name, json_real((double)right / (double)s->images->count));
    return LK_OK;
}

/* What a search among the known images is worth: the share of the first 1, 10 and 50 that it finds,
   `each` being found, that have the label. Nothing where there are fewer. */
static void add_precision(const search *s, size_t each, const char *name, json_t *report) {
    json_t *all = json_object_get(report, "search"), *object = json_object();
    if (!all) json_object_set_new(report, "search", all = json_object());
    for (size_t l = 0; l < LOOKS && LOOKED_AT[l] <= each; l++) {
        char key[16];
        size_t right = 0;
        for (size_t i = 0; i < s->images->count; i++)
            for (size_t j = 0; j < LOOKED_AT[l]; j++)
                right += label_of(s, &s->found[i * s->most + j]) == s->images->labels[i];
        snprintf(key, sizeof key, "at_%zu", LOOKED_AT[l]);
        json_object_set_new(
            object, key,
            json_real((double)right / ((double)s->images->count * (double)LOOKED_AT[l])));
    }
    json_object_set_new(all, name, object);
}

/* The nearest codes: one of them, several that vote, and what is taken for what. */
static lk_status add_codes(const search *s, json_t *neighbours, json_t *report, fault *f) {
    const size_t n = s->images->count;
    uint32_t classes = s->known->classes, votes[LK_MAX_NEIGHBOURS];
    if (s->images->classes > classes) classes = s->images->classes;
    size_t each = 0, right = 0, voted = 0, by_chance = 0;
    lk_status status =
        find(s, s->known_codes, s->codes, s->latent, LK_METRIC_COSINE, s->most, &each, f);
    if (status) return status;
    uint32_t *guesses = lk_alloc(n * sizeof *guesses);
    if (!guesses) return fail_memory(f);
    for (size_t i = 0; i < n; i++) {
        const size_t voters = each < s->k ? each : s->k;
        for (size_t j = 0; j < voters; j++) votes[j] = label_of(s, &s->found[i * s->most + j]);
        guesses[i] = votes[0];
        right += votes[0] == s->images->labels[i];
        by_chance += votes[0] == s->shuffled[i];
        voted += lk_vote(votes, voters) == s->images->labels[i];
    }
    add_precision(s, each, "codes", report);
    json_object_set_new(neighbours, "cosine_1nn", json_real((double)right / (double)n));
    json_object_set_new(neighbours, "cosine_knn", json_real((double)voted / (double)n));
    json_object_set_new(neighbours, "shuffled_1nn", json_real((double)by_chance / (double)n));
    if (classes <= MOST_CONFUSED) {
        json_t *confusion = eval_confusion(s->images->labels, guesses, n, classes);
        if (!confusion) status = fail_memory(f);
        json_object_set_new(report, "neighbour_confusion", confusion);
    }
    lk_free(guesses);
    return status;
}

/* The nearest pixels. */
static lk_status add_pixels(const search *s, json_t *neighbours, json_t *report, fault *f) {
    size_t each = 0, right = 0, duplicates = 0;
    const lk_status status =
        find(s, s->known->values, s->images->values, s->size, LK_METRIC_L2, s->most, &each, f);
    if (status) return status;
    for (size_t i = 0; i < s->images->count; i++) {
        const lk_neighbour *nearest = &s->found[i * s->most];
        right += label_of(s, nearest) == s->images->labels[i];
        duplicates +=
            memcmp(s->images->values + i * s->size, s->known->values + nearest->index * s->size,
                   s->size * sizeof *s->known->values) == 0;
    }
    json_object_set_new(neighbours, "duplicates", json_integer((json_int_t)duplicates));
    json_object_set_new(neighbours, "pixel_1nn",
                        json_real((double)right / (double)s->images->count));
    add_precision(s, each, "pixels", report);
    return LK_OK;
}

/* ---- principal components of the known images ---- */

static lk_model *solve_pca(const search *s, size_t components, fault *f) {
    char arch[1024];
    lk_dataset known = *s->known;
    const lk_family *family = lk_family_find("pca");
    lk_model *pca = NULL;
    if (lk_family_arch(family, known.shape, (uint32_t)components, 0, arch, sizeof arch,
                       &f->error) ||
        !(pca = lk_model_create(arch, &f->error)))
        return NULL;
    known.pixels = lk_alloc(known.count * s->size);
    lk_status status = known.pixels ? LK_OK : fail_memory(f);
    if (!status) {
        picture_to_bytes(known.values, known.count * s->size, known.pixels);
        known.values = NULL;
        status = lk_pca_solve(pca, &known, (int)s->o->threads, NULL, &f->error);
    }
    lk_free(known.pixels);
    if (!status) return pca;
    lk_model_free(pca);
    return NULL;
}

static lk_status encode(const search *s, const lk_model *model, const lk_dataset *images,
                        lk_real **codes, fault *f) {
    *codes = lk_alloc(images->count * lk_model_latent(model) * sizeof **codes);
    if (!*codes) return fail_memory(f);
    return lk_dataset_encode(images, model, (int)s->o->threads, (lk_simd)s->o->simd, *codes,
                             &f->error);
}

static lk_status add_pca(const search *s, json_t *neighbours, fault *f) {
    size_t components = s->latent < s->size ? s->latent : s->size;
    if (components > MOST_COMPONENTS) components = MOST_COMPONENTS;
    lk_real *known = NULL, *queries = NULL;
    lk_model *pca = solve_pca(s, components, f);
    lk_status status = pca ? LK_OK : f->error.status;
    if (!status) status = encode(s, pca, s->known, &known, f);
    if (!status) status = encode(s, pca, s->images, &queries, f);
    if (!status)
        status =
            add_nearest(s, known, queries, components, LK_METRIC_COSINE, "pca_1nn", neighbours, f);
    json_object_set_new(neighbours, "pca_components", json_integer((json_int_t)components));
    lk_free(known);
    lk_free(queries);
    lk_model_free(pca);
    return status;
}

/* ---- codes multiplied by labels ---- */

/* to[n x d] = codes, each times the vector of its label, or of `label` where labels is NULL. */
static void multiply(const lk_real *codes, const uint32_t *labels, uint32_t label,
                     const lk_real *vectors, size_t n, size_t d, lk_real *to) {
    for (size_t i = 0; i < n; i++) {
        const lk_real *vector = vectors + (labels ? labels[i] : label) * d;
        for (size_t v = 0; v < d; v++) to[i * d + v] = codes[i * d + v] * vector[v];
    }
}

/* Both sides by the vectors of label 0. */
static lk_status add_label_0(const search *s, const lk_real *vectors, lk_real *known,
                             lk_real *queries, json_t *object, fault *f) {
    multiply(s->known_codes, NULL, 0, vectors, s->known->count, s->latent, known);
    multiply(s->codes, NULL, 0, vectors, s->images->count, s->latent, queries);
    return add_nearest(s, known, queries, s->latent, LK_METRIC_COSINE, "label_0", object, f);
}

/* Known codes by the vectors of their own labels; each query by every label's, of which the one
   that comes nearest wins, and by its true label's, as if that were known. */
static lk_status add_hypotheses(const search *s, const lk_real *vectors, uint32_t labels,
                                lk_real *known, lk_real *queries, json_t *object, fault *f) {
    const size_t n = s->images->count;
    const uint32_t *truth = s->images->labels;
    size_t won = 0, leaked = 0, leaked_shuffled = 0;
    lk_neighbour *best = lk_alloc(n * sizeof *best);
    if (!best) return fail_memory(f);
    multiply(s->known_codes, s->known->labels, 0, vectors, s->known->count, s->latent, known);
    lk_index *index =
        lk_index_create(known, s->known->count, s->latent, LK_METRIC_COSINE, &f->error);
    for (uint32_t label = 0; index && label < labels; label++) {
        multiply(s->codes, NULL, label, vectors, n, s->latent, queries);
        lk_index_search(index, queries, n, 1, (int)s->o->threads, (lk_simd)s->o->simd, s->found);
        for (size_t i = 0; i < n; i++) {
            if (label == 0 || s->found[i].distance < best[i].distance) best[i] = s->found[i];
            const bool here = label_of(s, &s->found[i]) == label;
            leaked += truth[i] == label && here;
            leaked_shuffled += s->shuffled[i] == label && here;
        }
    }
    for (size_t i = 0; index && i < n; i++) won += label_of(s, &best[i]) == truth[i];
    json_object_set_new(object, "hypotheses", json_real((double)won / (double)n));
    json_object_set_new(object, "true_label_leak", json_real((double)leaked / (double)n));
    json_object_set_new(object, "shuffled_label_leak",
                        json_real((double)leaked_shuffled / (double)n));
    lk_index_free(index);
    lk_free(best);
    return index ? LK_OK : f->error.status;
}

static lk_status add_conditioning(const search *s, const lk_model *model, json_t *report,
                                  fault *f) {
    uint32_t labels = 0;
    while (lk_model_embedding(model, labels, NULL)) labels++;
    if (labels == 0 || s->known->classes > labels || s->images->classes > labels) return LK_OK;
    const size_t d = s->latent;
    const size_t most = s->known->count > s->images->count ? s->known->count : s->images->count;
    lk_real *vectors = lk_alloc(labels * d * sizeof *vectors);
    lk_real *known = lk_alloc(most * d * sizeof *known);
    lk_real *queries = lk_alloc(most * d * sizeof *queries);
    json_t *object = json_object();
    lk_status status = vectors && known && queries ? LK_OK : fail_memory(f);
    for (uint32_t l = 0; !status && l < labels; l++) lk_model_embedding(model, l, vectors + l * d);
    json_object_set(object, "no_multiply",
                    json_object_get(json_object_get(report, "neighbours"), "cosine_1nn"));
    if (!status) status = add_label_0(s, vectors, known, queries, object, f);
    if (!status) status = add_hypotheses(s, vectors, labels, known, queries, object, f);
    json_object_set_new(report, "conditioning", object);
    lk_free(vectors);
    lk_free(known);
    lk_free(queries);
    return status;
}

/* ---- all of it ---- */

static lk_status shuffle_labels(search *s, fault *f) {
    const size_t n = s->images->count;
    s->shuffled = lk_alloc(n * sizeof *s->shuffled);
    if (!s->shuffled) return fail_memory(f);
    lk_permutation(s->o->seed, s->shuffled, n);
    for (size_t i = 0; i < n; i++) s->shuffled[i] = s->images->labels[s->shuffled[i]];
    return LK_OK;
}

static lk_status add_all(search *s, const lk_model *model, json_t *report, fault *f) {
    json_t *neighbours = json_object();
    json_object_set_new(report, "neighbours", neighbours);
    json_object_set_new(neighbours, "references", json_integer((json_int_t)s->known->count));
    json_object_set_new(neighbours, "k", json_integer((json_int_t)s->k));
    lk_status status = shuffle_labels(s, f);
    if (!status) status = encode(s, model, s->known, &s->known_codes, f);
    if (!status) status = add_codes(s, neighbours, report, f);
    if (!status) status = add_pixels(s, neighbours, report, f);
    if (!status)
        status = add_nearest(s, s->known->values, s->images->values, s->size, LK_METRIC_COSINE,
                             "pixel_cosine_1nn", neighbours, f);
    if (!status && s->size <= MOST_SOLVED && !lk_model_is_table(model))
        status = add_pca(s, neighbours, f);
    return status ? status : add_conditioning(s, model, report, f);
}

lk_status eval_neighbours(const options *o, const lk_model *model, const lk_dataset *images,
                          const lk_real *codes, const lk_dataset *known, json_t *report, fault *f) {
    search s = {.o = o,
                .images = images,
                .known = known,
                .size = size_of(images->shape),
                .latent = lk_model_latent(model),
                .k = o->k ? o->k : VOTERS,
                .codes = codes};
    s.most = s.k > LOOKED_AT[LOOKS - 1] ? s.k : LOOKED_AT[LOOKS - 1];
    if (s.most > known->count) s.most = known->count;
    s.found = lk_alloc(images->count * s.most * sizeof *s.found);
    const lk_status status = s.found ? add_all(&s, model, report, f) : fail_memory(f);
    lk_free(s.known_codes);
    lk_free(s.found);
    lk_free(s.shuffled);
    return status;
}

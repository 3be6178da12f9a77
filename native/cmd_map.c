/* map: images as points in the plane, near each other where their codes are; how far that can be
   trusted, and new images on a map that stays as it is. */
#include <stdio.h>
#include <string.h>

#include "analyses.h"
#include "clock.h"
#include "commands.h"
#include "inputs.h"
#include "map.h"
#include "model_file.h"
#include "names.h"
#include "output.h"
#include "progress.h"

/* Neighbours that are judged by, and points that are judged where there are more; neighbours that
   UMAP joins. */
enum { NEIGHBOURS = 10, JUDGED = 5000, NEAR = 15 };

/* ---- before anything is computed ---- */

static lk_status check_output(const options *o, fault *f) {
    static const char *const ENDINGS[] = {".png", ".svg", ".csv", ".json"};
    bool known = false;
    for (size_t i = 0; i < 4; i++) known |= text_ends_with(o->out, ENDINGS[i]);
    if (!known)
        return fail(f, LK_USAGE, NULL, "--out wants a name ending in .png, .svg, .csv or .json");
    return inputs_check_output(o, "out", o->out, f);
}

static lk_status check_options(const options *o, fault *f) {
    if (o->pixels == (o->arguments.count > 0))
        return fail(f, LK_USAGE, NULL, "give a model or --pixels, one of them");
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    if (o->pixels && o->method == MAP_CODE)
        return fail(f, LK_USAGE, NULL, "--method code wants a model");
    if (o->pixels && o->place && data_is_texts(o->data))
        return fail(f, LK_USAGE, NULL, "--place wants a model, which knows the words of texts");
    return o->out ? check_output(o, f) : LK_OK;
}

/* ---- vectors ---- */

/* Codes of the images, or their pixels where there is no model. */
static lk_status load(const options *o, const char *spec, data_part part, uint32_t limit,
                      lk_shape shape, const lk_model *model, map_side *side, fault *f) {
    lk_status status = data_load(spec, part, shape, limit, &side->data, f);
    if (!status) status = data_suit_table(&side->data, model, f);
    if (status) return status;
    lk_dataset *set = &side->data.set;
    const size_t pixels = (size_t)set->shape.channels * set->shape.height * set->shape.width;
    const size_t size = model ? lk_model_latent(model) : pixels;
    side->count = set->count;
    side->vectors = lk_alloc(set->count * size * sizeof(lk_real));
    side->points = lk_alloc(set->count * 2 * sizeof(lk_real));
    if (!side->vectors || !side->points) return fail_memory(f);
    if (!model)
        lk_dataset_images(set, 0, set->count, side->vectors);
    else if (lk_dataset_encode(set, model, (int)o->threads, (lk_simd)o->simd, side->vectors,
                               &f->error))
        return blame(f, o->arguments.items[0]);
    lk_free(set->pixels);
    set->pixels = NULL;
    return LK_OK;
}

/* What is placed is measured as what is on the map: without a model nothing else has seen to it. */
static lk_status check_placed(const map *m, fault *f) {
    const lk_dataset *known = &m->known.data.set, *placed = &m->placed.data.set;
    if (!known->values != !placed->values)
        return fail(f, LK_DATA, m->placed.data.path, "rows of numbers and images share no map");
    if (data_same_shape(known->shape, placed->shape)) return LK_OK;
    return fail(f, LK_DATA, m->placed.data.path, "rows of %u numbers, and the map is of rows of %u",
                placed->shape.width, known->shape.width);
}

/* ---- the methods ---- */

static lk_status run_tsne(const options *o, map *m, fault *f) {
    const lk_tsne_options t = {o->perplexity, o->seed, (int)o->threads, (lk_simd)o->simd};
    lk_tsne *tsne = lk_tsne_create(m->known.vectors, m->known.count, m->size, &t, &f->error);
    if (!tsne) return blame(f, o->data);
    progress p;
    progress_start(&p, LK_TSNE_STEPS);
    while (lk_tsne_steps(tsne) < LK_TSNE_STEPS) {
        lk_tsne_step(tsne);
        if (lk_tsne_steps(tsne) % 250 == 0)
            progress_say(&p, "step %u/%d  divergence %.4f", lk_tsne_steps(tsne), LK_TSNE_STEPS,
                         lk_tsne_divergence(tsne));
    }
    lk_tsne_positions(tsne, m->known.points);
    json_object_set_new(m->report, "seed", json_integer((json_int_t)o->seed));
    json_object_set_new(m->report, "perplexity", json_real(o->perplexity));
    json_object_set_new(m->report, "steps", json_integer(LK_TSNE_STEPS));
    json_object_set_new(m->report, "divergence", output_number(lk_tsne_divergence(tsne)));
    lk_tsne_free(tsne);
    return LK_OK;
}

static lk_status run_umap(const options *o, map *m, fault *f) {
    const size_t n = m->known.count, near = n > NEAR ? NEAR : n - 1;
    if (lk_umap(m->known.vectors, n, m->size, near, 2, false, o->seed, (int)o->threads,
                (lk_simd)o->simd, m->known.points, &f->error))
        return blame(f, o->data);
    json_object_set_new(m->report, "seed", json_integer((json_int_t)o->seed));
    json_object_set_new(m->report, "neighbours", json_integer((json_int_t)near));
    return LK_OK;
}

/* The components of the known images place both sides. */
static lk_status run_pca(const options *o, map *m, fault *f) {
    const lk_dataset known = {
        .shape = {1, 1, (uint32_t)m->size}, .count = m->known.count, .values = m->known.vectors};
    lk_components plane;
    if (lk_components_find(&known, m->size < 2 ? m->size : 2, (int)o->threads, &plane, &f->error))
        return blame(f, o->data);
    map_side *sides[] = {&m->known, &m->placed};
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < sides[s]->count; i++)
            lk_components_encode(&plane, sides[s]->vectors + i * m->size, sides[s]->points + 2 * i);
    json_t *shares = json_array();
    for (size_t c = 0; c < plane.count; c++)
        json_array_append_new(
            shares, output_number(plane.total > 0 ? plane.variances[c] / plane.total : 0));
    json_object_set_new(m->report, "variance_shares", shares);
    lk_components_free(&plane);
    return LK_OK;
}

/* Codes of two values are points themselves. */
static lk_status run_code(const options *o, map *m, fault *f) {
    if (m->size != 2)
        return fail(f, LK_MODEL, o->arguments.items[0],
                    "--method code wants codes of 2 values, not of %zu", m->size);
    map_side *sides[] = {&m->known, &m->placed};
    for (size_t s = 0; s < 2; s++)
        if (sides[s]->count)
            memcpy(sides[s]->points, sides[s]->vectors, sides[s]->count * 2 * sizeof(lk_real));
    return LK_OK;
}

static lk_status find_points(const options *o, map *m, fault *f) {
    lk_status status = o->map ? map_read(o->map, m, f) : LK_OK;
    if (status) return status;
    if (m->method == MAP_PCA) return run_pca(o, m, f);
    if (m->method == MAP_CODE) return run_code(o, m, f);
    if (!o->map) status = (m->method == MAP_UMAP ? run_umap : run_tsne)(o, m, f);
    if (!status && m->placed.count &&
        lk_tsne_place(m->known.vectors, m->known.points, m->known.count, m->size, m->placed.vectors,
                      m->placed.count, (int)o->threads, (lk_simd)o->simd, m->placed.points,
                      &f->error))
        status = blame(f, o->data);
    return status;
}

/* ---- how good it is ---- */

/* The share of the queries whose label most of their k nearest known vectors have. Where own is not
   NULL the queries are known themselves, by these numbers, and do not count. */
static lk_status measure_accuracy(const options *o, const map *m, const lk_real *known, size_t size,
                                  const lk_real *queries, const uint32_t *labels,
                                  const uint32_t *own, size_t count, uint32_t k, double *accuracy,
                                  fault *f) {
    lk_neighbour *found = lk_alloc(count * (k + 1) * sizeof *found);
    lk_index *index =
        found ? lk_index_create(known, m->known.count, size, LK_METRIC_L2, &f->error) : NULL;
    size_t right = 0;
    if (index)
        lk_index_search(index, queries, count, k + 1, (int)o->threads, (lk_simd)o->simd, found);
    for (size_t i = 0; index && i < count; i++) {
        uint32_t votes[LK_MAX_NEIGHBOURS];
        size_t n = 0;
        for (size_t j = 0; j <= k && n < k; j++) {
            const uint32_t other = found[i * (k + 1) + j].index;
            if (!own || other != own[i]) votes[n++] = m->known.data.set.labels[other];
        }
        right += lk_vote(votes, n) == labels[i];
    }
    *accuracy = (double)right / (double)count;
    lk_index_free(index);
    lk_free(found);
    return !found ? fail_memory(f) : index ? LK_OK : f->error.status;
}

/* Leave-one-out accuracy of some of the known images, among all of them: on the map and by vectors.
 */
static lk_status add_accuracy(const options *o, const map *m, uint32_t k, fault *f) {
    const size_t n = m->known.count, judged = n < JUDGED ? n : JUDGED;
    uint32_t *order = lk_alloc(n * sizeof *order), *labels = lk_alloc(judged * sizeof *labels);
    lk_real *points = lk_alloc(judged * 2 * sizeof *points);
    lk_real *vectors = lk_alloc(judged * m->size * sizeof *vectors);
    lk_status status = order && labels && points && vectors ? LK_OK : fail_memory(f);
    double by_map = 0, by_vectors = 0;
    if (!status) {
        lk_permutation(o->seed, order, n);
        for (size_t i = 0; i < judged; i++) {
            labels[i] = m->known.data.set.labels[order[i]];
            memcpy(points + 2 * i, m->known.points + 2 * (size_t)order[i], 2 * sizeof *points);
            memcpy(vectors + m->size * i, m->known.vectors + m->size * (size_t)order[i],
                   m->size * sizeof *vectors);
        }
        status = measure_accuracy(o, m, m->known.points, 2, points, labels, order, judged, k,
                                  &by_map, f);
    }
    if (!status)
        status = measure_accuracy(o, m, m->known.vectors, m->size, vectors, labels, order, judged,
                                  k, &by_vectors, f);
    if (!status)
        json_object_set_new(m->report, "knn_accuracy",
                            json_pack("{s:f,s:f}", "map", by_map, "vectors", by_vectors));
    lk_free(order);
    lk_free(labels);
    lk_free(points);
    lk_free(vectors);
    return status;
}

static lk_status add_placed(const options *o, const map *m, uint32_t k, fault *f) {
    json_t *object = json_pack("{s:I}", "images", (json_int_t)m->placed.count);
    json_object_set_new(m->report, "placed", object);
    if (!m->known.data.set.labels || !m->placed.data.set.labels) return LK_OK;
    double accuracy;
    const lk_status status =
        measure_accuracy(o, m, m->known.points, 2, m->placed.points, m->placed.data.set.labels,
                         NULL, m->placed.count, k, &accuracy, f);
    if (!status) json_object_set_new(object, "knn_accuracy", json_real(accuracy));
    return status;
}

static lk_status choose_k(const options *o, size_t n, uint32_t *k, fault *f) {
    const size_t half = (n - 1) / 2, most = half < LK_MAX_NEIGHBOURS ? half : LK_MAX_NEIGHBOURS - 1;
    *k = o->k ? o->k : NEIGHBOURS < most ? NEIGHBOURS : (uint32_t)most;
    if (*k <= most) return LK_OK;
    return fail(f, LK_USAGE, NULL, "--k wants a whole number from 1 to %zu for %s, not %u", most,
                COUNT_OF(n, "image"), *k);
}

static lk_status judge(const options *o, const map *m, uint32_t k, fault *f) {
    const size_t n = m->known.count;
    double trust;
    if (lk_trustworthiness(m->known.vectors, n, m->size, m->known.points, k, JUDGED, o->seed,
                           (int)o->threads, (lk_simd)o->simd, &trust, &f->error))
        return blame(f, o->data);
    json_object_set_new(m->report, "k", json_integer(k));
    json_object_set_new(m->report, "judged", json_integer((json_int_t)(n < JUDGED ? n : JUDGED)));
    json_object_set_new(m->report, "trustworthiness", json_real(trust));
    lk_status status = m->known.data.set.labels ? add_accuracy(o, m, k, f) : LK_OK;
    if (!status && m->placed.count) status = add_placed(o, m, k, f);
    return status;
}

/* ---- the report ---- */

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static void print_report(const options *o, const map *m) {
    const json_t *r = m->report, *accuracy = json_object_get(r, "knn_accuracy");
    const json_t *placed = json_object_get(r, "placed");
    printf("%s by %s, %.1f s\n", COUNT_OF(m->known.count, "image"),
           json_string_value(json_object_get(r, "method")), number(r, "seconds"));
    if (json_object_get(r, "divergence")) printf("divergence %.4f\n", number(r, "divergence"));
    printf("trustworthiness %.4f of %.0f neighbours, by %.0f images\n",
           number(r, "trustworthiness"), number(r, "k"), number(r, "judged"));
    if (accuracy)
        printf("the label of most neighbours is right: %.2f %% on the map, %.2f %% by vectors\n",
               100 * number(accuracy, "map"), 100 * number(accuracy, "vectors"));
    if (placed) {
        printf("%s placed", COUNT_OF(m->placed.count, "image"));
        if (json_object_get(placed, "knn_accuracy"))
            printf(", their neighbours' label right: %.2f %%",
                   100 * number(placed, "knn_accuracy"));
        putchar('\n');
    }
    if (o->out) printf("%s\n", o->out);
}

static lk_status start_report(map *m, fault *f) {
    char hash[65];
    output_sha256(m->known.vectors, m->known.count * m->size * sizeof(lk_real), hash);
    m->report = json_pack("{s:I,s:I,s:s}", "images", (json_int_t)m->known.count, "dimensions",
                          (json_int_t)m->size, "vectors_sha256", hash);
    return m->report ? LK_OK : fail_memory(f);
}

static lk_status make(const options *o, const lk_model *model, map *m, fault *f) {
    const lk_shape any = {0}, shape = model ? lk_model_shape(model) : any;
    const double started = clock_seconds();
    lk_status status = load(o, o->data, DATA_TRAIN, o->limit, shape, model, &m->known, f);
    if (!status && o->place)
        status = load(o, o->place, DATA_TEST, 0, m->known.data.set.shape, model, &m->placed, f);
    if (!status && o->place) status = check_placed(m, f);
    if (!status && o->place) status = names_match(&m->known.data.classes, &m->placed.data, f);
    if (status) return status;
    m->size = model ? lk_model_latent(model)
                    : (size_t)m->known.data.set.shape.channels * m->known.data.set.shape.height *
                          m->known.data.set.shape.width;
    if (m->known.count < LK_LEAST_MAPPED)
        return fail(f, LK_DATA, m->known.data.path, "a map wants at least %d images, not %zu",
                    LK_LEAST_MAPPED, m->known.count);
    uint32_t k;
    status = choose_k(o, m->known.count, &k, f);
    if (!status) status = start_report(m, f);
    if (!status) status = find_points(o, m, f);
    if (status) return status;
    json_object_set_new(m->report, "method", json_string(MAP_METHODS[m->method]));
    json_object_set_new(m->report, "seconds", json_real(clock_seconds() - started));
    status = judge(o, m, k, f);
    if (!status && o->out) status = map_write(o->out, m, f);
    return status;
}

int cmd_map(const options *o, fault *f) {
    int code = check_options(o, f);
    if (code) return code;
    lk_model *model = o->pixels ? NULL : model_read(o->arguments.items[0], f);
    if (!o->pixels && !model) return f->error.status;
    map m = {.method = (map_method)o->method};
    code = make(o, model, &m, f);
    if (!code && o->out) json_object_set_new(m.report, "file", output_text(o->out));
    if (!code && o->json) code = output_json(json_incref(m.report), f);
    if (!code && !o->json) print_report(o, &m);
    json_decref(m.report);
    map_side_free(&m.known);
    map_side_free(&m.placed);
    lk_model_free(model);
    return code;
}

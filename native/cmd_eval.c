/* eval: how well a model does on images that it has not seen. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "file.h"
#include "inputs.h"
#include "model_file.h"
#include "output.h"

/* What is known of each image after one pass. */
typedef struct outcome {
    lk_errors errors;
    lk_result result;
    bool cosine_right, pixel_right; /* the nearest gallery image has the same label */
} outcome;

typedef struct evaluation {
    const options *o;
    const lk_model *model;
    const inputs *in;
    const lk_gallery *gallery; /* NULL: none */
    lk_index *pixels;          /* the gallery's images; NULL: none */
    lk_real *x;                /* all inputs, for the search in pixels; NULL: none */
    bool calibrated;
    size_t size, latent;
    outcome *outcomes;
} evaluation;

static lk_preparation preparation_of(const options *o) {
    return o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE;
}

static void search_codes(const evaluation *e, size_t i, const lk_real *z) {
    const lk_dataset *gallery = lk_gallery_images(e->gallery);
    lk_neighbour nearest;
    if (lk_gallery_search(e->gallery, z, LK_METRIC_COSINE, 1, (lk_simd)e->o->simd, &nearest) == 1)
        e->outcomes[i].cosine_right = gallery->labels[nearest.index] == e->in->data.set.labels[i];
}

/* All at once, since a search in pixels is bound by reading the gallery. */
static lk_status search_pixels(const evaluation *e, fault *f) {
    const lk_dataset *gallery = lk_gallery_images(e->gallery);
    lk_neighbour *nearest = lk_alloc(e->in->count * sizeof *nearest);
    if (!nearest) return fail_memory(f);
    lk_index_search(e->pixels, e->x, e->in->count, 1, (int)e->o->threads, (lk_simd)e->o->simd,
                    nearest);
    for (size_t i = 0; i < e->in->count; i++)
        e->outcomes[i].pixel_right = gallery->labels[nearest[i].index] == e->in->data.set.labels[i];
    lk_free(nearest);
    return LK_OK;
}

static lk_status evaluate_one(void *context, lk_run *run, size_t i, lk_picture picture,
                              lk_error *error) {
    const evaluation *e = context;
    lk_real *x = lk_alloc((2 * e->size + e->latent) * sizeof *x);
    if (!x) {
        *error = (lk_error){LK_MEMORY, LK_NO_OFFSET, "out of memory"};
        return LK_MEMORY;
    }
    lk_real *x_hat = x + e->size, *z = x_hat + e->size;
    bool empty;
    lk_status status =
        lk_prepare(preparation_of(e->o), picture, lk_model_shape(e->model), x, &empty, error);
    if (!status) {
        lk_reconstruct(run, x, 1, z, x_hat);
        lk_errors_measure(x, x_hat, 1, e->size, &e->outcomes[i].errors);
        if (e->pixels) {
            search_codes(e, i, z);
            memcpy(e->x + i * e->size, x, e->size * sizeof *x);
        }
        if (e->calibrated)
            status = lk_check(run, preparation_of(e->o), picture, e->o->alpha,
                              &e->outcomes[i].result, error);
    }
    lk_free(x);
    return status;
}

static lk_status judge_one(void *context, lk_run *run, size_t i, lk_picture picture,
                           lk_error *error) {
    const evaluation *e = context;
    return lk_check(run, preparation_of(e->o), picture, e->o->alpha, &e->outcomes[i].result, error);
}

/* ---- the parts of the report ---- */

static json_t *report_errors(const evaluation *e) {
    double mae = 0, mse = 0, bce = 0, sse = 0;
    const double n = (double)e->in->count;
    for (size_t i = 0; i < e->in->count; i++) {
        const lk_errors *one = &e->outcomes[i].errors;
        mae += one->mae / n;
        mse += one->mse / n;
        bce += one->bce / n;
        sse += one->sse_per_image / n;
    }
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "mae", output_number(mae), "mse", output_number(mse),
                     "bce", output_number(bce), "sse_per_image", output_number(sse), "psnr",
                     output_number(mse > 0 ? -10 * log10(mse) : INFINITY));
}

static json_t *report_neighbours(const evaluation *e) {
    size_t cosine = 0, pixel = 0;
    for (size_t i = 0; i < e->in->count; i++) {
        cosine += e->outcomes[i].cosine_right;
        pixel += e->outcomes[i].pixel_right;
    }
    const double n = (double)e->in->count;
    return json_pack("{s:f,s:f}", "cosine_1nn", (double)cosine / n, "pixel_1nn", (double)pixel / n);
}

/* An empty image counts as flagged, whatever alpha is. */
static json_t *report_false_alarms(const evaluation *e) {
    static const double alphas[] = {0.01, 0.05, 0.1};
    json_t *list = json_array();
    for (size_t a = 0; a < sizeof alphas / sizeof alphas[0]; a++) {
        size_t flagged = 0;
        for (size_t i = 0; i < e->in->count; i++) {
            const lk_result *r = &e->outcomes[i].result;
            flagged += r->verdict == LK_EMPTY || r->p <= alphas[a];
        }
        json_array_append_new(list, json_pack("{s:f,s:f}", "alpha", alphas[a], "rate",
                                              (double)flagged / (double)e->in->count));
    }
    return list;
}

/* Combined scores of all images; empty ones rank above all others. */
static float *collect_scores(const evaluation *e) {
    float *scores = lk_alloc(e->in->count * sizeof *scores);
    for (size_t i = 0; scores && i < e->in->count; i++) {
        const lk_result *r = &e->outcomes[i].result;
        scores[i] = r->verdict == LK_EMPTY ? FLT_MAX : r->score;
    }
    return scores;
}

/* ---- sets of another kind ---- */

static json_t *separate(const evaluation *usual, const evaluation *other, const char *name,
                        fault *f) {
    float *a = collect_scores(usual), *b = collect_scores(other);
    lk_separation s;
    json_t *row = NULL;
    if (!a || !b)
        fail_memory(f);
    else if (lk_separate(a, usual->in->count, b, other->in->count, &s, &f->error) == LK_OK)
        row = json_pack("{s:o,s:I,s:f,s:f,s:f}", "name", output_text(name), "images",
                        (json_int_t)other->in->count, "auroc", s.auroc, "aupr", s.aupr, "fpr95",
                        s.fpr95);
    lk_free(a);
    lk_free(b);
    return row;
}

/* One NAME=SPEC: its row of the report, or NULL. */
static json_t *report_ood(const evaluation *usual, const char *named, fault *f) {
    const char *equals = strchr(named, '=');
    char name[128];
    inputs in;
    snprintf(name, sizeof name, "%.*s", (int)(equals - named), named);
    json_t *row = NULL;
    if (inputs_open_data(equals + 1, usual->o->limit, usual->model, &in, f)) return NULL;
    evaluation e = *usual;
    e.in = &in;
    e.outcomes = lk_alloc(in.count * sizeof *e.outcomes);
    if (!e.outcomes)
        fail_memory(f);
    else if (inputs_visit(&in, e.model, e.o, judge_one, &e, f) == LK_OK)
        row = separate(usual, &e, name, f);
    lk_free(e.outcomes);
    inputs_free(&in);
    return row;
}

static lk_status report_all_ood(const evaluation *e, json_t *report, fault *f) {
    json_t *list = json_array();
    json_object_set_new(report, "ood", list);
    for (size_t i = 0; i < e->o->ood.count; i++) {
        json_t *row = report_ood(e, e->o->ood.items[i], f);
        if (!row) return f->error.status;
        json_array_append_new(list, row);
    }
    return LK_OK;
}

/* ---- the command ---- */

static void print_table(const json_t *report) {
    static const char *const parts[] = {"reconstruction", "neighbours"};
    printf("%lld images\n", (long long)json_integer_value(json_object_get(report, "images")));
    const char *key;
    json_t *value;
    for (size_t p = 0; p < 2; p++)
        json_object_foreach(json_object_get(report, parts[p]), key, value)
            printf("  %-14s %.5f\n", key, json_number_value(value));
    size_t i;
    json_array_foreach(json_object_get(report, "false_alarms"), i, value)
        printf("  flagged at %4.0f %%: %.2f %%\n",
               100 * json_number_value(json_object_get(value, "alpha")),
               100 * json_number_value(json_object_get(value, "rate")));
    json_array_foreach(json_object_get(report, "ood"), i, value) {
        char name[512];
        printf("  against %s: AUROC %.4f, AUPR %.4f, FPR at 95 %% %.4f\n",
               text_printable(json_string_value(json_object_get(value, "name")), name, sizeof name),
               json_number_value(json_object_get(value, "auroc")),
               json_number_value(json_object_get(value, "aupr")),
               json_number_value(json_object_get(value, "fpr95")));
    }
}

static lk_status make_report(evaluation *e, json_t *report, fault *f) {
    lk_status status = inputs_visit(e->in, e->model, e->o, evaluate_one, e, f);
    if (!status && e->pixels) status = search_pixels(e, f);
    if (status) return status;
    json_object_set_new(report, "images", json_integer((json_int_t)e->in->count));
    json_object_set_new(report, "reconstruction", report_errors(e));
    if (e->pixels) json_object_set_new(report, "neighbours", report_neighbours(e));
    if (e->o->ood.count > 0) status = report_all_ood(e, report, f);
    if (e->calibrated) json_object_set_new(report, "false_alarms", report_false_alarms(e));
    return status;
}

/* An index over the pixels of the gallery's images. */
static lk_index *index_pixels(const lk_gallery *gallery, fault *f) {
    const lk_dataset *images = lk_gallery_images(gallery);
    const size_t size = (size_t)images->shape.channels * images->shape.height * images->shape.width;
    lk_real *x = lk_alloc(images->count * size * sizeof *x);
    lk_index *index = NULL;
    if (x) {
        lk_dataset_images(images, 0, images->count, x);
        index = lk_index_create(x, images->count, size, LK_METRIC_L2, &f->error);
    } else {
        fail_memory(f);
    }
    lk_free(x);
    return index;
}

static lk_status evaluate(evaluation *e, fault *f) {
    const bool labelled =
        e->in->data.set.labels && e->gallery && lk_gallery_images(e->gallery)->labels;
    if (labelled && !(e->pixels = index_pixels(e->gallery, f))) return f->error.status;
    e->outcomes = lk_alloc(e->in->count * sizeof *e->outcomes);
    e->x = e->pixels ? lk_alloc(e->in->count * e->size * sizeof *e->x) : NULL;
    json_t *report = json_object();
    const bool ready = e->outcomes && report && (e->x || !e->pixels);
    lk_status status = ready ? make_report(e, report, f) : fail_memory(f);
    if (!status && e->o->json) status = output_json(json_incref(report), f);
    if (!status && !e->o->json) print_table(report);
    json_decref(report);
    lk_free(e->x);
    lk_free(e->outcomes);
    lk_index_free(e->pixels);
    return status;
}

static lk_status check_options(const options *o, const lk_model *model, fault *f) {
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    for (size_t i = 0; i < o->ood.count; i++) {
        const char *equals = strchr(o->ood.items[i], '=');
        if (!equals || equals == o->ood.items[i] || !equals[1])
            return fail(f, LK_USAGE, NULL, "--ood wants NAME=SPEC, not '%.40s'", o->ood.items[i]);
    }
    if (o->ood.count > 0 && !lk_model_calibrated(model, preparation_of(o)))
        return fail(f, LK_MODEL, o->arguments.items[0],
                    "--ood needs a model that is calibrated for %s",
                    lk_preparation_name(preparation_of(o)));
    return LK_OK;
}

static lk_status run(const options *o, lk_model *model, fault *f) {
    const char *path = o->arguments.items[0];
    const lk_shape shape = lk_model_shape(model);
    inputs in;
    char gallery_file[PATH_MAX];
    evaluation e = {.o = o,
                    .model = model,
                    .in = &in,
                    .calibrated = lk_model_calibrated(model, preparation_of(o)),
                    .size = (size_t)shape.channels * shape.height * shape.width,
                    .latent = lk_model_latent(model)};
    lk_gallery *gallery = NULL;
    lk_status status = inputs_open_data(o->data, o->limit, model, &in, f);
    gallery_path(path, gallery_file);
    if (!status && file_kind_of(gallery_file) != FILE_ABSENT &&
        !(gallery = gallery_read(model, path, f)))
        status = f->error.status;
    e.gallery = gallery;
    if (!status) status = evaluate(&e, f);
    lk_gallery_free(gallery);
    inputs_free(&in);
    return status;
}

int cmd_eval(const options *o, fault *f) {
    lk_model *model = model_read(o->arguments.items[0], f);
    if (!model) return f->error.status;
    lk_status status = check_options(o, model, f);
    if (!status) status = run(o, model, f);
    lk_model_free(model);
    return status;
}

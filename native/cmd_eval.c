/* eval: how well a model does on images that it has not seen. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "eval.h"
#include "file.h"
#include "model_file.h"
#include "names.h"
#include "output.h"
#include "prepared.h"

/* What is known of each image after one pass; what is not asked for is NULL. */
typedef struct evaluation {
    const options *o;
    const lk_model *model;
    const prepared *images;
    lk_preparation preparation;
    double alpha;
    size_t size, latent;
    uint32_t classes;   /* that the model tells apart */
    strings own;        /* names of the model's classes */
    lk_errors *errors;  /* of reconstructions */
    lk_real *codes;     /* [count][latent] */
    uint32_t *guesses;  /* the most probable class */
    uint32_t *words;    /* [count][lk_model_codes]: which vectors of the codebook */
    lk_result *results; /* verdicts */
} evaluation;

static lk_preparation preparation_of(const options *o) {
    return o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE;
}

static bool is_text_model(const evaluation *e) {
    return *lk_model_text(e->model, LK_TEXT_WORDS) != 0;
}

static bool is_labelled(const prepared *images) {
    return images->set.labels != NULL;
}

/* ---- the pass over all images ---- */

static void measure_errors(const evaluation *e, size_t first, size_t n, const lk_real *x_hat) {
    for (size_t i = 0; i < n; i++)
        lk_errors_measure(e->images->clean + (first + i) * e->size, x_hat + i * e->size, 1, e->size,
                          &e->errors[first + i]);
}

static void guess(const evaluation *e, size_t first, size_t n, const lk_real *probabilities) {
    for (size_t i = 0; i < n; i++) {
        const lk_real *p = probabilities + i * e->classes;
        uint32_t best = 0;
        for (uint32_t k = 1; k < e->classes; k++)
            if (p[k] > p[best]) best = k;
        e->guesses[first + i] = best;
    }
}

static lk_status judge(const evaluation *e, lk_run *run, size_t first, size_t n, const lk_real *x,
                       lk_error *error) {
    for (size_t i = 0; i < n; i++) {
        lk_result *result = &e->results[first + i];
        *result = (lk_result){.verdict = LK_EMPTY, .score = FLT_MAX};
        if (e->images->empty[first + i]) continue;
        const lk_status status =
            lk_check_input(run, e->preparation, x + i * e->size, e->alpha, result, error);
        if (status) return status;
    }
    return LK_OK;
}

static lk_status visit(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                       lk_error *error) {
    const evaluation *e = context;
    const size_t room = e->classes > e->size ? e->classes : e->size;
    lk_real *made = lk_alloc(n * room * sizeof *made);
    if (!made) {
        *error = (lk_error){LK_MEMORY, LK_NO_OFFSET, "out of memory"};
        return LK_MEMORY;
    }
    if (e->errors) {
        lk_reconstruct(run, x, n, e->codes + first * e->latent, made);
        measure_errors(e, first, n, made);
    } else if (e->codes) {
        lk_encode(run, x, n, e->codes + first * e->latent);
    }
    for (size_t i = 0; e->words && i < n; i++)
        lk_run_codes(run, i, e->words + (first + i) * lk_model_codes(e->model));
    if (e->guesses) {
        lk_classify(run, x, n, made);
        guess(e, first, n, made);
    }
    lk_free(made);
    return e->results ? judge(e, run, first, n, x, error) : LK_OK;
}

static lk_status visit_all(evaluation *e, fault *f) {
    if (lk_dataset_visit(&e->images->set, e->model, LK_PREPARE_IMAGE, (int)e->o->threads,
                         (lk_simd)e->o->simd, visit, e, &f->error))
        return blame(f, e->images->in.data.path);
    return LK_OK;
}

/* ---- the parts of the report ---- */

static json_t *report_errors(const evaluation *e) {
    double mae = 0, mse = 0, bce = 0, sse = 0, spread = 0;
    const double n = (double)e->images->set.count;
    for (size_t i = 0; i < e->images->set.count; i++) {
        const lk_errors *one = &e->errors[i];
        mae += one->mae / n;
        mse += one->mse / n;
        bce += one->bce / n;
        sse += one->sse_per_image / n;
    }
    for (size_t i = 0; i < e->images->set.count; i++)
        spread += (e->errors[i].sse_per_image - sse) * (e->errors[i].sse_per_image - sse) / n;
    const double of_mean = sqrt(spread / n);
    if (lk_model_is_table(e->model)) /* the others are of values in 0..1 */
        return json_pack("{s:o,s:o,s:o,s:o}", "mae", output_number(mae), "mse", output_number(mse),
                         "sse_per_image", output_number(sse), "sse_standard_error",
                         output_number(of_mean));
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "mae", output_number(mae), "mse",
                     output_number(mse), "bce", output_number(bce), "sse_per_image",
                     output_number(sse), "sse_standard_error", output_number(of_mean), "psnr",
                     output_number(mse > 0 ? -10 * log10(mse) : INFINITY));
}

/* What was done to the images before the model got them. */
static json_t *report_corruption(const evaluation *e) {
    lk_errors errors;
    lk_errors_measure(e->images->clean, e->images->set.values, e->images->set.count, e->size,
                      &errors);
    return json_pack("{s:o,s:o}", "mse", output_number(errors.mse), "psnr",
                     output_number(errors.psnr));
}

/* The loss, and the bound that it is of a Gaussian latent: in nats, where each value is a coin. */
static lk_status report_loss(const evaluation *e, json_t *report, fault *f) {
    lk_progress progress;
    if (lk_model_labelled(e->model) && !is_labelled(e->images)) return LK_OK;
    const lk_status status = lk_evaluate(e->model, &e->images->set, (int)e->o->threads,
                                         (lk_simd)e->o->simd, &progress, &f->error);
    /* Labels that the model does not know: it has no loss here, and much else can be told. */
    if (status == LK_DATA && is_labelled(e->images)) return LK_OK;
    if (status) return blame(f, e->images->in.data.path);
    json_object_set_new(report, "loss", output_number(progress.loss));
    const char *arch = lk_model_arch(e->model);
    if (lk_model_gaussian(e->model) &&
        (text_ends_with(arch, "> bce") || text_ends_with(arch, "> bce beta 1")))
        json_object_set_new(report, "negative_elbo",
                            output_number(progress.loss * (double)e->size));
    return LK_OK;
}

/* The share of the codebook's vectors that the images use, and what an image's code takes to write
   down: as many times the entropy of their use as there are vectors in it. */
static lk_status report_codebook(const evaluation *e, json_t *report, fault *f) {
    const size_t codes = lk_model_codes(e->model), total = e->images->set.count * codes;
    const uint32_t vectors = lk_model_codebook(e->model);
    size_t *uses = lk_alloc(vectors * sizeof *uses), used = 0;
    double entropy = 0;
    if (!uses) return fail_memory(f);
    for (size_t i = 0; i < total; i++) uses[e->words[i]]++;
    for (uint32_t k = 0; k < vectors; k++) {
        const double share = (double)uses[k] / (double)total;
        used += uses[k] > 0;
        if (uses[k] > 0) entropy -= share * log2(share);
    }
    lk_free(uses);
    json_object_set_new(report, "codebook",
                        json_pack("{s:I,s:I,s:f,s:f}", "vectors", (json_int_t)vectors, "codes",
                                  (json_int_t)codes, "used", (double)used / vectors,
                                  "bits_per_image", entropy * (double)codes));
    return LK_OK;
}

json_t *eval_confusion(const uint32_t *labels, const uint32_t *guesses, size_t n,
                       uint32_t classes) {
    uint32_t *counts = lk_alloc((size_t)classes * classes * sizeof *counts);
    if (!counts) return NULL;
    lk_confuse(labels, guesses, n, classes, counts);
    json_t *matrix = json_array();
    for (size_t i = 0; i < classes; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < classes; j++)
            json_array_append_new(row, json_integer((json_int_t)counts[i * classes + j]));
        json_array_append_new(matrix, row);
    }
    lk_free(counts);
    return matrix;
}

/* What classes are called: by the images, else by the model. */
static const strings *names(const evaluation *e) {
    const strings *given = &e->images->in.data.classes;
    return given->count > 0 ? given : &e->own;
}

/* For the rows and columns of what is confused with what. */
static void report_names(const evaluation *e, json_t *report) {
    const strings *called = names(e);
    json_t *list = json_array();
    for (uint32_t k = 0; k < called->count && k < MOST_CONFUSED; k++) {
        char name[NAME_SIZE];
        json_array_append_new(list, json_string(names_label(called, k, name)));
    }
    json_object_set_new(report, "classes", list);
}

/* {class: share of its images that are told}, for classes that have some; by name where they have
   names. */
static json_t *report_recall(const evaluation *e, uint32_t classes, const json_t *confusion) {
    json_t *object = json_object();
    for (uint32_t k = 0; k < classes; k++) {
        const json_t *row = json_array_get(confusion, k);
        json_int_t images = 0;
        for (uint32_t j = 0; j < classes; j++) images += json_integer_value(json_array_get(row, j));
        if (images == 0) continue;
        char name[NAME_SIZE];
        json_object_set_new(
            object, names_label(names(e), k, name),
            json_real((double)json_integer_value(json_array_get(row, k)) / (double)images));
    }
    return object;
}

static lk_status report_classes(const evaluation *e, json_t *report, fault *f) {
    const lk_dataset *set = &e->images->set;
    const uint32_t classes = set->classes > e->classes ? set->classes : e->classes;
    size_t right = 0;
    for (size_t i = 0; i < set->count; i++) right += e->guesses[i] == set->labels[i];
    json_object_set_new(report, "accuracy", json_real((double)right / (double)set->count));
    if (classes > MOST_CONFUSED) return LK_OK;
    json_t *confusion = eval_confusion(set->labels, e->guesses, set->count, classes);
    if (!confusion) return fail_memory(f);
    json_object_set_new(report, "confusion", confusion);
    json_object_set_new(report, "recall", report_recall(e, classes, confusion));
    return LK_OK;
}

/* An empty image counts as flagged, whatever alpha is. */
static json_t *report_false_alarms(const evaluation *e) {
    static const double alphas[] = {0.01, 0.05, 0.1};
    const size_t n = e->images->set.count;
    json_t *list = json_array();
    for (size_t a = 0; a < sizeof alphas / sizeof alphas[0]; a++) {
        size_t flagged = 0;
        for (size_t i = 0; i < n; i++)
            flagged += e->results[i].verdict == LK_EMPTY || e->results[i].p <= alphas[a];
        json_array_append_new(
            list, json_pack("{s:f,s:f}", "alpha", alphas[a], "rate", (double)flagged / (double)n));
    }
    return list;
}

/* ---- sets of another kind ---- */

/* Combined scores of all images; empty ones rank above all others. */
static float *collect_scores(const evaluation *e) {
    float *scores = lk_alloc(e->images->set.count * sizeof *scores);
    for (size_t i = 0; scores && i < e->images->set.count; i++) scores[i] = e->results[i].score;
    return scores;
}

static json_t *separate(const evaluation *usual, const evaluation *other, const char *name,
                        fault *f) {
    float *a = collect_scores(usual), *b = collect_scores(other);
    const size_t n_usual = usual->images->set.count, n_other = other->images->set.count;
    lk_separation s;
    json_t *row = NULL;
    if (!a || !b)
        fail_memory(f);
    else if (lk_separate(a, n_usual, b, n_other, &s, &f->error) == LK_OK)
        row = json_pack("{s:o,s:I,s:f,s:f,s:f}", "name", output_text(name), "images",
                        (json_int_t)n_other, "auroc", s.auroc, "aupr", s.aupr, "fpr95", s.fpr95);
    lk_free(a);
    lk_free(b);
    return row;
}

/* One NAME=SPEC: its row of the report, or NULL. */
static json_t *report_ood(const evaluation *usual, const char *named, fault *f) {
    const options *o = usual->o;
    const char *equals = strchr(named, '=');
    char name[128];
    prepared images;
    snprintf(name, sizeof name, "%.*s", (int)(equals - named), named);
    if (prepared_open(equals + 1, DATA_TEST, o->limit, true, usual->model, o, &images, f))
        return NULL;
    evaluation e = *usual;
    json_t *row = NULL;
    e.images = &images;
    e.errors = NULL;
    e.codes = NULL;
    e.guesses = NULL;
    e.words = NULL;
    e.results = lk_alloc(images.set.count * sizeof *e.results);
    if (!e.results)
        fail_memory(f);
    else if (visit_all(&e, f) == LK_OK)
        row = separate(usual, &e, name, f);
    lk_free(e.results);
    prepared_free(&images);
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

/* ---- neighbours ---- */

/* The gallery's images as they are, which is how it keeps their codes. */
static lk_status search_gallery(const evaluation *e, json_t *report, fault *f) {
    const char *path = e->o->arguments.items[0];
    char name[PATH_MAX];
    gallery_path(path, name);
    if (file_kind_of(name) == FILE_ABSENT) return LK_OK;
    lk_gallery *gallery = gallery_read(e->model, path, f);
    if (!gallery) return f->error.status;
    lk_dataset known = *lk_gallery_images(gallery);
    lk_status status = LK_OK;
    if (is_labelled(e->images) && known.labels) {
        known.values = lk_alloc(known.count * e->size * sizeof *known.values);
        if (known.values) {
            lk_dataset images = known;
            images.values = NULL;
            lk_dataset_images(&images, 0, images.count, known.values);
            status = eval_neighbours(e->o, e->model, &e->images->set, e->codes, &known, report, f);
        } else {
            status = fail_memory(f);
        }
        lk_free(known.values);
    }
    lk_gallery_free(gallery);
    return status;
}

static lk_status search_known(const evaluation *e, json_t *report, fault *f) {
    prepared known;
    lk_status status = prepared_open(e->o->known, DATA_TRAIN, 0, false, e->model, e->o, &known, f);
    if (status) return status;
    if (!is_labelled(&known) || !is_labelled(e->images))
        status = fail(f, LK_DATA, is_labelled(&known) ? e->o->data : e->o->known,
                      "--train wants images with labels on both sides");
    else
        status = eval_neighbours(e->o, e->model, &e->images->set, e->codes, &known.set, report, f);
    if (!status && is_text_model(e))
        status = eval_retrieval(e->o, e->model, &e->images->set, e->codes, &known.set, report, f);
    prepared_free(&known);
    return status;
}

/* ---- the command ---- */

static lk_status make_report(evaluation *e, json_t *report, fault *f) {
    lk_status status = visit_all(e, f);
    if (status) return status;
    json_object_set_new(report, "images", json_integer((json_int_t)e->images->set.count));
    if (e->errors) json_object_set_new(report, "reconstruction", report_errors(e));
    if (e->o->corrupt) json_object_set_new(report, "corrupted", report_corruption(e));
    if (!e->o->corrupt) status = report_loss(e, report, f);
    if (!status && e->words) status = report_codebook(e, report, f);
    if (!status && is_labelled(e->images) && names(e)->count > 0) report_names(e, report);
    if (!status && e->guesses && is_labelled(e->images)) status = report_classes(e, report, f);
    if (!status) status = (e->o->known ? search_known : search_gallery)(e, report, f);
    if (!status && !e->o->known && is_text_model(e) && is_labelled(e->images))
        status = eval_retrieval(e->o, e->model, &e->images->set, e->codes, NULL, report, f);
    if (!status && e->o->ood.count > 0) status = report_all_ood(e, report, f);
    if (e->results) json_object_set_new(report, "false_alarms", report_false_alarms(e));
    return status;
}

static lk_status evaluate(const options *o, const lk_model *model, const prepared *images,
                          fault *f) {
    const lk_shape shape = lk_model_shape(model);
    const size_t n = images->set.count;
    const bool makes_images = lk_model_output(model) == LK_OUTPUT_IMAGE;
    const bool calibrated = lk_model_calibrated(model, preparation_of(o));
    evaluation e = {.o = o,
                    .model = model,
                    .images = images,
                    .preparation = preparation_of(o),
                    .alpha = model_alpha(model, o),
                    .size = (size_t)shape.channels * shape.height * shape.width,
                    .latent = lk_model_latent(model),
                    .classes = lk_model_classes(model)};
    e.codes = lk_alloc(n * e.latent * sizeof *e.codes);
    if (makes_images) e.errors = lk_alloc(n * sizeof *e.errors);
    if (e.classes) e.guesses = lk_alloc(n * sizeof *e.guesses);
    if (calibrated) e.results = lk_alloc(n * sizeof *e.results);
    const size_t words = n * lk_model_codes(model);
    if (words) e.words = lk_alloc(words * sizeof *e.words);
    json_t *report = json_object();
    const bool ready = report && e.codes && (e.errors || !makes_images) &&
                       (e.guesses || !e.classes) && (e.words || !words) &&
                       (e.results || !calibrated);
    lk_status status = ready ? names_of(model, &e.own, f) : fail_memory(f);
    if (!status) status = make_report(&e, report, f);
    if (!status && o->json) status = output_json(json_incref(report), f);
    if (!status && !o->json) eval_print(report);
    json_decref(report);
    strings_free(&e.own);
    lk_free(e.codes);
    lk_free(e.errors);
    lk_free(e.guesses);
    lk_free(e.results);
    lk_free(e.words);
    return status;
}

static lk_status check_options(const options *o, const lk_model *model, fault *f) {
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    const lk_status status = options_check_named(&o->ood, "ood", f);
    if (status) return status;
    if (o->ood.count > 0 && !lk_model_calibrated(model, preparation_of(o)))
        return fail(f, LK_MODEL, o->arguments.items[0],
                    "--ood needs a model that is calibrated for %s",
                    lk_preparation_name(preparation_of(o)));
    return prepared_check_options(o, f);
}

int cmd_eval(const options *o, fault *f) {
    lk_model *model = model_read(o->arguments.items[0], f);
    if (!model) return f->error.status;
    prepared images;
    lk_status status = check_options(o, model, f);
    if (!status) status = prepared_open(o->data, DATA_TEST, o->limit, true, model, o, &images, f);
    if (!status) {
        status = evaluate(o, model, &images, f);
        prepared_free(&images);
    }
    lk_model_free(model);
    return status;
}

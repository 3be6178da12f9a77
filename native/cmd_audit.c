/* audit: the worst that can happen to a verdict. The score as it is, on images of other kinds, on
   the usual ones turned, mirrored, inverted and spoilt, and on nothing at all; beside it what two
   plain methods make of the same images. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ablation.h"
#include "audit_page.h"
#include "changes.h"
#include "commands.h"
#include "inputs.h"
#include "model_file.h"
#include "output.h"
#include "prepared.h"
#include "seeds.h"

enum { RESAMPLES = 200, SPLITS = 20, KNOWN = 10000, COMPONENTS = 64 };
static const double ALPHAS[] = {0.01, 0.05, 0.1};
enum { ALPHA_COUNT = sizeof ALPHAS / sizeof ALPHAS[0] };

/* Scores of a set by each method; those that are not asked for are NULL. */
typedef enum method { VERDICT, PIXELS, PCA, METHODS } method;
static const char *const METHOD_NAMES[METHODS] = {"verdict", "pixel_1nn", "pca"};
typedef struct scores {
    size_t count;
    float *by[METHODS];
    double *p;          /* of the verdict; 0 for what is empty */
    lk_result *results; /* all of it, for an ablation, or NULL */
} scores;

typedef struct audit {
    const options *o;
    lk_model *model;
    lk_preparation preparation;
    prepared usual;
    lk_shape shape;
    size_t size;
    lk_index *known; /* pixels of usual images, or NULL: there are no plain methods */
    lk_model *pca;
    scores reference; /* of the usual images */
} audit;

/* ---- scores ---- */

static void scores_free(scores *s) {
    for (int m = 0; m < METHODS; m++) lk_free(s->by[m]);
    lk_free(s->p);
    lk_free(s->results);
    *s = (scores){0};
}

/* A pass over images that are in memory. */
typedef struct judging {
    const audit *a;
    const lk_dataset *set;
    const bool *empty; /* or NULL */
    const lk_model *model;
    scores *out;
} judging;

static lk_status judge(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                       lk_error *error) {
    const judging *j = context;
    for (size_t i = first; i < first + n; i++, x += j->a->size) {
        lk_result result = {.verdict = LK_EMPTY, .score = FLT_MAX};
        if (!j->empty || !j->empty[i]) {
            const lk_status status = lk_check_input(run, j->a->preparation, x, 0.5, &result, error);
            if (status) return status;
        }
        j->out->by[VERDICT][i] = result.score;
        j->out->p[i] = result.verdict == LK_EMPTY ? 0 : result.p;
        if (j->out->results) j->out->results[i] = result;
    }
    return LK_OK;
}

/* The error of the principal components: what they leave. */
static lk_status reconstruct(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                             lk_error *error) {
    const judging *j = context;
    lk_real z[COMPONENTS], *made = lk_alloc(j->a->size * sizeof *made);
    if (!made) {
        *error = (lk_error){LK_MEMORY, LK_NO_OFFSET, "out of memory"};
        return LK_MEMORY;
    }
    for (size_t i = first; i < first + n; i++, x += j->a->size) {
        lk_errors errors;
        lk_reconstruct(run, x, 1, z, made);
        lk_errors_measure(x, made, 1, j->a->size, &errors);
        j->out->by[PCA][i] = (float)errors.sse_per_image;
    }
    lk_free(made);
    return LK_OK;
}

static lk_status search(const audit *a, const lk_dataset *set, float *out, fault *f) {
    lk_neighbour *nearest = lk_alloc(set->count * sizeof *nearest);
    if (!nearest) return fail_memory(f);
    lk_index_search(a->known, set->values, set->count, 1, (int)a->o->threads, (lk_simd)a->o->simd,
                    nearest);
    for (size_t i = 0; i < set->count; i++) out[i] = nearest[i].distance;
    lk_free(nearest);
    return LK_OK;
}

static lk_status visit(const judging *j, const lk_model *model, lk_visit *how, fault *f) {
    const options *o = j->a->o;
    if (lk_dataset_visit(j->set, model, LK_PREPARE_IMAGE, (int)o->threads, (lk_simd)o->simd, how,
                         (void *)(uintptr_t)j, &f->error) == LK_OK)
        return LK_OK;
    return blame(f, o->data);
}

static lk_status score(const audit *a, const lk_dataset *set, const bool *empty, scores *out,
                       fault *f) {
    *out = (scores){.count = set->count, .p = lk_alloc(set->count * sizeof *out->p)};
    for (int m = 0; m < METHODS; m++)
        if (m == VERDICT || a->known) out->by[m] = lk_alloc(set->count * sizeof **out->by);
    if (a->o->ablation) out->results = lk_alloc(set->count * sizeof *out->results);
    if (!out->p || !out->by[VERDICT] || (a->known && (!out->by[PIXELS] || !out->by[PCA])) ||
        (a->o->ablation && !out->results))
        return fail_memory(f);
    const judging j = {.a = a, .set = set, .empty = empty, .out = out};
    lk_status status = visit(&j, a->model, judge, f);
    if (!status && a->known) status = search(a, set, out->by[PIXELS], f);
    if (!status && a->known) status = visit(&j, a->pca, reconstruct, f);
    return status;
}

/* ---- what scores say ---- */

static double share_flagged(const double *p, size_t n, double alpha) {
    size_t flagged = 0;
    for (size_t i = 0; i < n; i++) flagged += p[i] <= alpha;
    return (double)flagged / (double)n;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The middle 95 % of what drawing anew from both sets, with replacement, makes of the AUROC
   (B. Efron 1979). */
static lk_status resample(const scores *usual, const scores *other, double *low, double *high,
                          fault *f) {
    float *a = lk_alloc(usual->count * sizeof *a), *b = lk_alloc(other->count * sizeof *b);
    double aurocs[RESAMPLES];
    uint64_t at = 1u << 30;
    lk_status status = a && b ? LK_OK : fail_memory(f);
    for (int r = 0; r < RESAMPLES && !status; r++) {
        lk_separation s;
        for (size_t i = 0; i < usual->count; i++)
            a[i] = usual->by[VERDICT][(size_t)(change_uniform(at++) * (double)usual->count)];
        for (size_t i = 0; i < other->count; i++)
            b[i] = other->by[VERDICT][(size_t)(change_uniform(at++) * (double)other->count)];
        status = lk_separate(a, usual->count, b, other->count, &s, &f->error);
        aurocs[r] = s.auroc;
    }
    lk_free(a);
    lk_free(b);
    if (status) return status;
    qsort(aurocs, RESAMPLES, sizeof *aurocs, compare);
    *low = aurocs[RESAMPLES / 40];
    *high = aurocs[RESAMPLES - 1 - RESAMPLES / 40];
    return LK_OK;
}

static json_t *alphas(const double *p, size_t n) {
    json_t *list = json_array();
    for (int a = 0; a < ALPHA_COUNT; a++)
        json_array_append_new(list, json_pack("{s:f,s:f}", "alpha", ALPHAS[a], "rate",
                                              share_flagged(p, n, ALPHAS[a])));
    return list;
}

static int compare_floats(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The curve of what is found when so many of the usual are flagged: pairs of shares, by an equal
   number of usual images each. NULL when out of memory. */
static json_t *curve(const scores *usual, const scores *other) {
    enum { POINTS = 50 };
    const size_t n = usual->count, m = other->count;
    float *a = lk_alloc(n * sizeof *a), *b = lk_alloc(m * sizeof *b);
    json_t *list = a && b ? json_array() : NULL;
    if (list) {
        memcpy(a, usual->by[VERDICT], n * sizeof *a);
        memcpy(b, other->by[VERDICT], m * sizeof *b);
        qsort(a, n, sizeof *a, compare_floats);
        qsort(b, m, sizeof *b, compare_floats);
    }
    for (size_t k = 0, below = m; list && k <= POINTS; k++) {
        const size_t flagged = k * n / POINTS;
        const float least = flagged == 0 ? nextafterf(a[n - 1], INFINITY) : a[n - flagged];
        while (below > 0 && (flagged == n || b[below - 1] >= least)) below--;
        json_array_append_new(
            list, json_pack("[f,f]", (double)flagged / (double)n, (double)(m - below) / (double)m));
    }
    lk_free(a);
    lk_free(b);
    return list;
}

/* One set's row of the report, or NULL. */
static json_t *describe(const audit *a, const char *name, bool in, const scores *other, fault *f) {
    const scores *usual = &a->reference;
    lk_separation s;
    double low, high;
    if (lk_separate(usual->by[VERDICT], usual->count, other->by[VERDICT], other->count, &s,
                    &f->error) ||
        resample(usual, other, &low, &high, f))
        return NULL;
    json_t *row =
        json_pack("{s:o,s:s,s:I,s:f,s:f,s:f,s:f,s:f,s:o,s:o?}", "name", output_text(name), "wanted",
                  in ? "in" : "out", "images", (json_int_t)other->count, "auroc", s.auroc,
                  "auroc_low", low, "auroc_high", high, "aupr", s.aupr, "fpr95", s.fpr95, "flagged",
                  alphas(other->p, other->count), "roc", curve(usual, other));
    json_t *plain = json_object();
    for (int m = PIXELS; m < METHODS && a->known; m++) {
        if (lk_separate(usual->by[m], usual->count, other->by[m], other->count, &s, &f->error)) {
            json_decref(plain);
            json_decref(row);
            return NULL;
        }
        json_object_set_new(plain, METHOD_NAMES[m],
                            json_pack("{s:f,s:f}", "auroc", s.auroc, "aupr", s.aupr));
    }
    if (a->known) json_object_set(row, "baselines", plain);
    json_decref(plain);
    if (!usual->results) return row;
    json_t *ablation = ablation_describe(a->model, a->preparation, usual->results, usual->count,
                                         other->results, other->count, f);
    if (ablation && json_object_set_new(row, "ablation", ablation) == 0) return row;
    json_decref(row);
    return NULL;
}

/* ---- the sets ---- */

static lk_status add_row(const audit *a, const char *name, bool in, const lk_dataset *set,
                         const bool *empty, json_t *rows, fault *f) {
    scores other;
    lk_status status = score(a, set, empty, &other, f);
    json_t *row = status ? NULL : describe(a, name, in, &other, f);
    if (row)
        json_array_append_new(rows, row);
    else if (!status)
        status = f->error.status ? f->error.status : fail_memory(f);
    scores_free(&other);
    return status;
}

static lk_status add_made(const audit *a, json_t *rows, fault *f) {
    lk_dataset set = a->usual.set;
    const size_t plane = (size_t)a->shape.height * a->shape.width;
    uint32_t *order = lk_alloc(plane * sizeof *order);
    set.values = lk_alloc(set.count * a->size * sizeof *set.values);
    lk_status status = order && set.values ? LK_OK : fail_memory(f);
    for (int c = 0; c < CHANGES && !status; c++) {
        if (!change_suits((change)c, a->shape)) continue;
        for (size_t i = 0; i < set.count; i++)
            change_image((change)c, i, a->shape, a->usual.set.values + i * a->size, order,
                         set.values + i * a->size);
        status = add_row(a, CHANGE[c].name, CHANGE[c].in, &set, NULL, rows, f);
    }
    lk_free(order);
    lk_free(set.values);
    return status;
}

/* NAME=SPEC of --ood or --in. */
static lk_status add_given(const audit *a, const strings *named, bool in, json_t *rows, fault *f) {
    for (size_t i = 0; i < named->count; i++) {
        const char *equals = strchr(named->items[i], '=');
        char name[128];
        prepared images;
        snprintf(name, sizeof name, "%.*s", (int)(equals - named->items[i]), named->items[i]);
        lk_status status =
            prepared_open(equals + 1, DATA_TEST, a->o->limit, false, a->model, a->o, &images, f);
        if (status) return status;
        status = add_row(a, name, in, &images.set, images.empty, rows, f);
        prepared_free(&images);
        if (status) return status;
    }
    return LK_OK;
}

/* ---- false alarms over splits ---- */

/* Halves of the usual images, drawn anew each time: one calibrates, the other is judged. */
static lk_status split(audit *a, json_t *report, fault *f) {
    const size_t n = a->usual.set.count, half = n / 2;
    lk_dataset part = a->usual.set;
    uint32_t *order = lk_alloc(n * sizeof *order);
    double rates[ALPHA_COUNT][SPLITS];
    part.labels = NULL;
    part.values = lk_alloc((n - half) * a->size * sizeof *part.values);
    lk_status status = order && part.values ? LK_OK : fail_memory(f);
    a->preparation = LK_PREPARE_IMAGE; /* the values are prepared already */
    for (int s = 0; s < SPLITS && !status; s++) {
        lk_permutation((uint64_t)s + 1, order, n);
        for (int side = 0; side < 2 && !status; side++) {
            const size_t first = side ? half : 0;
            part.count = side ? n - half : half;
            for (size_t i = 0; i < part.count; i++)
                memcpy(part.values + i * a->size, a->usual.set.values + order[first + i] * a->size,
                       a->size * sizeof *part.values);
            if (!side) {
                status = lk_score_calibrate(a->model, LK_PREPARE_IMAGE, &part, (int)a->o->threads,
                                            (lk_simd)a->o->simd, &f->error);
                if (status) blame(f, a->o->data);
                continue;
            }
            float *kept = lk_alloc(part.count * sizeof *kept);
            double *p = lk_alloc(part.count * sizeof *p);
            scores out = {.count = part.count, .by = {[VERDICT] = kept}, .p = p};
            const judging j = {.a = a, .set = &part, .out = &out};
            status = kept && p ? visit(&j, a->model, judge, f) : fail_memory(f);
            for (int k = 0; k < ALPHA_COUNT && !status; k++)
                rates[k][s] = share_flagged(p, part.count, ALPHAS[k]);
            scores_free(&out);
        }
    }
    lk_free(order);
    lk_free(part.values);
    json_t *list = json_array();
    for (int k = 0; k < ALPHA_COUNT && !status; k++) {
        double mean = 0;
        qsort(rates[k], SPLITS, sizeof **rates, compare);
        for (int s = 0; s < SPLITS; s++) mean += rates[k][s] / SPLITS;
        json_array_append_new(list, json_pack("{s:f,s:f,s:f,s:f}", "alpha", ALPHAS[k], "rate", mean,
                                              "least", rates[k][0], "most", rates[k][SPLITS - 1]));
    }
    json_object_set_new(report, "splits", list);
    return status;
}

/* ---- the command ---- */

/* What the plain methods know. */
static lk_status learn(audit *a, fault *f) {
    prepared known;
    lk_status status =
        prepared_open(a->o->known, DATA_TRAIN, KNOWN, false, a->model, a->o, &known, f);
    if (status) return status;
    char arch[128];
    const unsigned components = a->size < COMPONENTS ? (unsigned)a->size : COMPONENTS;
    snprintf(arch, sizeof arch, "%ux%ux%u > dense %u | dense %zu > mse", a->shape.channels,
             a->shape.height, a->shape.width, components, a->size);
    lk_dataset pixels = known.set;
    uint8_t *bytes = lk_alloc(known.set.count * a->size);
    for (size_t i = 0; bytes && i < known.set.count * a->size; i++)
        bytes[i] = (uint8_t)(known.set.values[i] * 255 + (lk_real)0.5);
    pixels.pixels = bytes;
    pixels.values = NULL;
    a->pca = lk_model_create(arch, &f->error);
    a->known = lk_index_create(known.set.values, known.set.count, a->size, LK_METRIC_L2, &f->error);
    if (!bytes)
        status = fail_memory(f);
    else if (!a->pca || !a->known)
        status = f->error.status;
    else if (lk_pca_solve(a->pca, &pixels, (int)a->o->threads, NULL, &f->error))
        status = blame(f, a->o->known);
    lk_free(bytes);
    prepared_free(&known);
    return status;
}

static json_t *minimum(const json_t *rows) {
    const json_t *worst = NULL;
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        if (strcmp(json_string_value(json_object_get(row, "wanted")), "out") != 0) continue;
        if (!worst || json_real_value(json_object_get(row, "auroc")) <
                          json_real_value(json_object_get(worst, "auroc")))
            worst = row;
    }
    return worst ? json_pack("{s:O,s:O}", "name", json_object_get(worst, "name"), "auroc",
                             json_object_get(worst, "auroc"))
                 : json_null();
}

static void print_rates(const json_t *list) {
    for (size_t k = 0; k < json_array_size(list); k++)
        printf("  %5.2f",
               100 * json_number_value(json_object_get(json_array_get(list, k), "rate")));
}

static void print_report(const json_t *report) {
    const json_t *rows = json_object_get(report, "sets");
    size_t i;
    json_t *row;
    printf("%-14s %7s  %-17s %7s %7s   %s", "images", "AUROC", "95 % interval", "AUPR", "FPR95",
           "flagged % at 1, 5, 10 %");
    puts(json_object_get(json_array_get(rows, 0), "baselines") ? "   1-NN     PCA" : "");
    json_array_foreach(rows, i, row) {
        const json_t *plain = json_object_get(row, "baselines");
        char name[128];
        const bool in = strcmp(json_string_value(json_object_get(row, "wanted")), "in") == 0;
        text_printable(json_string_value(json_object_get(row, "name")), name, sizeof name);
        printf("%-14s %7.4f  %.4f to %.4f %7.4f %7.4f ", name,
               json_number_value(json_object_get(row, "auroc")),
               json_number_value(json_object_get(row, "auroc_low")),
               json_number_value(json_object_get(row, "auroc_high")),
               json_number_value(json_object_get(row, "aupr")),
               json_number_value(json_object_get(row, "fpr95")));
        print_rates(json_object_get(row, "flagged"));
        for (int m = PIXELS; m < METHODS && plain; m++) {
            const json_t *one = json_object_get(plain, METHOD_NAMES[m]);
            printf("%s%7.4f", m == PIXELS ? "  " : " ",
                   json_number_value(json_object_get(one, "auroc")));
        }
        puts(in ? "  (to pass)" : "");
    }
    printf("false alarms   ");
    print_rates(json_object_get(report, "false_alarms"));
    printf(" %% at 1, 5, 10 %%; over %d splits", SPLITS);
    print_rates(json_object_get(report, "splits"));
    puts(" %");
    const json_t *worst = json_object_get(report, "minimum");
    if (json_is_object(worst)) {
        char name[128];
        printf(
            "minimum        %7.4f  %s\n", json_number_value(json_object_get(worst, "auroc")),
            text_printable(json_string_value(json_object_get(worst, "name")), name, sizeof name));
    }
    ablation_print(rows);
}

static lk_status make_report(audit *a, fault *f) {
    json_t *report = json_object(), *rows = json_array();
    lk_status status = a->o->known ? learn(a, f) : LK_OK;
    if (!status) status = score(a, &a->usual.set, a->usual.empty, &a->reference, f);
    if (!status) status = add_given(a, &a->o->ood, false, rows, f);
    if (!status) status = add_given(a, &a->o->inside, true, rows, f);
    if (!status) status = add_made(a, rows, f);
    if (!status) {
        json_object_set_new(report, "images", json_integer((json_int_t)a->usual.set.count));
        json_object_set_new(report, "minimum", minimum(rows));
        json_object_set(report, "sets", rows);
        json_object_set_new(report, "false_alarms", alphas(a->reference.p, a->reference.count));
        status = split(a, report, f);
    }
    if (!status && a->o->html) status = audit_page_write(report, a->o, f);
    if (!status && a->o->json) status = output_json(json_incref(report), f);
    if (!status && !a->o->json) print_report(report);
    json_decref(rows);
    json_decref(report);
    return status;
}

int cmd_audit(const options *o, fault *f) {
    if (o->seeds) return seeds_audit(o, f);
    if (o->only || o->list || o->out || o->data_dir)
        return fail(f, LK_USAGE, NULL, "--%s is for --seeds",
                    o->only   ? "only"
                    : o->list ? "list"
                    : o->out  ? "out"
                              : "data-dir");
    if (o->arguments.count == 0) return fail(f, LK_USAGE, NULL, "a MODEL is needed, or --seeds");
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    lk_status status = options_check_named(&o->ood, "ood", f);
    if (!status) status = options_check_named(&o->inside, "in", f);
    if (!status && o->html) status = inputs_check_output(o, "html", o->html, f);
    if (status) return status;
    audit a = {.o = o, .preparation = o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE};
    a.model = model_read(o->arguments.items[0], f);
    if (!a.model) return f->error.status;
    a.shape = lk_model_shape(a.model);
    a.size = (size_t)a.shape.channels * a.shape.height * a.shape.width;
    if (!lk_model_calibrated(a.model, a.preparation))
        status = fail(f, LK_MODEL, o->arguments.items[0], "is not calibrated for %s",
                      lk_preparation_name(a.preparation));
    if (!status && lk_model_is_table(a.model))
        status = fail(f, LK_MODEL, o->arguments.items[0], "is of rows of numbers, not of images");
    if (!status)
        status = prepared_open(o->data, DATA_TEST, o->limit, false, a.model, o, &a.usual, f);
    if (!status && a.usual.set.count < 2 * LK_MIN_CALIBRATION)
        status =
            fail(f, LK_DATA, o->data, "an audit needs at least %d images", 2 * LK_MIN_CALIBRATION);
    if (!status) status = make_report(&a, f);
    scores_free(&a.reference);
    prepared_free(&a.usual);
    lk_index_free(a.known);
    lk_model_free(a.pca);
    lk_model_free(a.model);
    return status;
}

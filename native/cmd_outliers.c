/* outliers: how far the mean absolute error of reconstructions alone tells images from others: both
   histograms, the best threshold, the images that are reconstructed worst. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "file.h"
#include "inputs.h"
#include "made.h"
#include "model_file.h"
#include "names.h"
#include "output.h"
#include "prepared.h"

enum { BINS = 50, WORST = 10 };

/* The errors of one set of images. */
typedef struct errors {
    char name[128];
    size_t count;
    float *mae; /* [count] */
} errors;

typedef struct study {
    const options *o;
    const lk_model *model;
    size_t size, latent;
    errors usual, *others; /* [o->ood.count] */
    double most;           /* where histograms end */
    prepared images;       /* the usual ones */
    size_t worst[WORST], worst_count;
} study;

/* ---- measuring ---- */

typedef struct measuring {
    const study *s;
    const prepared *images;
    float *mae;
} measuring;

static lk_status visit(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                       lk_error *error) {
    const measuring *m = context;
    const size_t size = m->s->size;
    lk_real *z = lk_alloc(n * (m->s->latent + size) * sizeof *z), *x_hat = z + n * m->s->latent;
    if (!z) {
        *error = (lk_error){LK_MEMORY, LK_NO_OFFSET, "out of memory"};
        return LK_MEMORY;
    }
    lk_reconstruct(run, x, n, z, x_hat);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t v = 0; v < size; v++)
            sum += fabs((double)x[i * size + v] - (double)x_hat[i * size + v]);
        m->mae[first + i] = (float)(sum / (double)size);
    }
    lk_free(z);
    return LK_OK;
}

static lk_status measure(const study *s, const prepared *images, errors *out, fault *f) {
    out->count = images->set.count;
    out->mae = lk_alloc(out->count * sizeof *out->mae);
    if (!out->mae) return fail_memory(f);
    measuring m = {s, images, out->mae};
    if (lk_dataset_visit(&images->set, s->model, LK_PREPARE_IMAGE, (int)s->o->threads,
                         (lk_simd)s->o->simd, visit, &m, &f->error))
        return blame(f, images->in.data.path);
    for (size_t i = 0; i < out->count; i++)
        if (!isfinite(out->mae[i]))
            return fail(f, LK_NONFINITE, images->in.data.path, "an error is not finite");
    return LK_OK;
}

static lk_status measure_other(study *s, size_t which, fault *f) {
    const char *named = s->o->ood.items[which], *equals = strchr(named, '=');
    errors *out = &s->others[which];
    prepared images;
    snprintf(out->name, sizeof out->name, "%.*s", (int)(equals - named), named);
    lk_status status =
        prepared_open(equals + 1, DATA_TEST, s->o->limit, false, s->model, s->o, &images, f);
    if (status) return status;
    status = measure(s, &images, out, f);
    prepared_free(&images);
    return status;
}

static lk_status measure_all(study *s, fault *f) {
    snprintf(s->usual.name, sizeof s->usual.name, "usual");
    lk_status status = measure(s, &s->images, &s->usual, f);
    for (size_t i = 0; i < s->o->ood.count && !status; i++) status = measure_other(s, i, f);
    for (size_t k = 0; !status && k <= s->o->ood.count; k++) {
        const errors *e = k ? &s->others[k - 1] : &s->usual;
        for (size_t i = 0; i < e->count; i++) s->most = fmax(s->most, (double)e->mae[i]);
    }
    return status;
}

static void find_worst(study *s) {
    for (; s->worst_count < WORST && s->worst_count < s->usual.count; s->worst_count++) {
        size_t worst = s->usual.count;
        for (size_t i = 0; i < s->usual.count; i++) {
            bool taken = false;
            for (size_t k = 0; k < s->worst_count; k++) taken |= s->worst[k] == i;
            if (!taken && (worst == s->usual.count || s->usual.mae[i] > s->usual.mae[worst]))
                worst = i;
        }
        s->worst[s->worst_count] = worst;
    }
}

/* ---- thresholds ---- */

static double share_over(const errors *e, double threshold) {
    size_t over = 0;
    for (size_t i = 0; i < e->count; i++) over += (double)e->mae[i] > threshold;
    return (double)over / (double)e->count;
}

static int rising(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The error over which flagging parts the two best: by the mean of the shares that are told right
   on either side (W. J. Youden 1950). */
static lk_status find_threshold(const errors *usual, const errors *other, double *threshold,
                                double *right, fault *f) {
    const size_t n = usual->count, m = other->count;
    float *a = lk_alloc((n + m) * sizeof *a), *b = a + n;
    if (!a) return fail_memory(f);
    memcpy(a, usual->mae, n * sizeof *a);
    memcpy(b, other->mae, m * sizeof *b);
    qsort(a, n, sizeof *a, rising);
    qsort(b, m, sizeof *b, rising);
    *right = 0;
    for (size_t i = 0, j = 0; i < n || j < m;) {
        const float at = j == m || (i < n && a[i] < b[j]) ? a[i] : b[j];
        while (i < n && a[i] <= at) i++;
        while (j < m && b[j] <= at) j++;
        const double told = ((double)i / (double)n + (double)(m - j) / (double)m) / 2;
        if (told <= *right) continue;
        *right = told;
        *threshold = (double)at;
    }
    lk_free(a);
    return LK_OK;
}

/* ---- the report ---- */

static void count_bins(const study *s, const errors *e, size_t bins[BINS]) {
    memset(bins, 0, BINS * sizeof *bins);
    for (size_t i = 0; i < e->count; i++) {
        const double place = s->most > 0 ? (double)e->mae[i] / s->most * BINS : 0;
        bins[place < BINS ? (size_t)place : BINS - 1]++;
    }
}

static json_t *describe_bins(const study *s, const errors *e) {
    size_t bins[BINS];
    json_t *list = json_array();
    count_bins(s, e, bins);
    for (size_t b = 0; b < BINS; b++)
        json_array_append_new(list, json_integer((json_int_t)bins[b]));
    return list;
}

static double mean_of(const errors *e) {
    double sum = 0;
    for (size_t i = 0; i < e->count; i++) sum += (double)e->mae[i];
    return sum / (double)e->count;
}

static json_t *describe_other(const study *s, const errors *e, fault *f) {
    lk_separation apart;
    double threshold = 0, right = 0;
    if (lk_separate(s->usual.mae, s->usual.count, e->mae, e->count, &apart, &f->error) ||
        find_threshold(&s->usual, e, &threshold, &right, f))
        return NULL;
    json_t *row = json_pack("{s:o,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:o}", "name", output_text(e->name),
                            "images", (json_int_t)e->count, "mean", mean_of(e), "auroc",
                            apart.auroc, "threshold", threshold, "balanced_accuracy", right,
                            "flagged", share_over(e, threshold), "false_alarms",
                            share_over(&s->usual, threshold), "histogram", describe_bins(s, e));
    if (s->o->threshold > 0)
        json_object_set_new(row, "at_threshold",
                            json_pack("{s:f,s:f,s:f}", "threshold", s->o->threshold, "flagged",
                                      share_over(e, s->o->threshold), "false_alarms",
                                      share_over(&s->usual, s->o->threshold)));
    return row;
}

static json_t *describe_worst(const study *s) {
    json_t *list = json_array();
    const uint32_t *labels = s->images.set.labels;
    for (size_t k = 0; k < s->worst_count; k++) {
        const size_t i = s->worst[k];
        json_t *row =
            json_pack("{s:I,s:f,s:o}", "index", (json_int_t)i, "mae", (double)s->usual.mae[i],
                      "label", labels ? json_integer(labels[i]) : json_null());
        if (labels) names_add(&s->images.in.data.classes, labels[i], row);
        if (s->images.in.data.files.count)
            json_object_set_new(row, "file", output_text(s->images.in.data.files.items[i]));
        json_array_append_new(list, row);
    }
    return list;
}

static lk_status describe(const study *s, json_t **report, fault *f) {
    json_t *others = json_array();
    for (size_t k = 0; k < s->o->ood.count; k++) {
        json_t *row = describe_other(s, &s->others[k], f);
        if (!row) {
            json_decref(others);
            return f->error.status;
        }
        json_array_append_new(others, row);
    }
    *report = json_pack("{s:I,s:f,s:f,s:o,s:o,s:o}", "images", (json_int_t)s->usual.count, "mean",
                        mean_of(&s->usual), "histogram_end", s->most, "histogram",
                        describe_bins(s, &s->usual), "ood", others, "worst", describe_worst(s));
    return *report ? LK_OK : fail_memory(f);
}

static void print_worst(const study *s, size_t k) {
    const size_t i = s->worst[k];
    const strings *files = &s->images.in.data.files;
    char line[2 * PATH_MAX];
    printf("worst %2zu: image %zu, error %.5f%s%s\n", k + 1, i, (double)s->usual.mae[i],
           files->count ? "  " : "",
           files->count ? text_printable(files->items[i], line, sizeof line) : "");
}

static void print_lines(const study *s, const json_t *report) {
    size_t i;
    json_t *row;
    printf("%s, mean absolute error %.5f\n", COUNT_OF(s->usual.count, "image"), mean_of(&s->usual));
    json_array_foreach(json_object_get(report, "ood"), i, row) {
        char name[512];
        printf("against %s: mean %.5f, AUROC %.4f; over %.5f, which is the best threshold for "
               "these very images, %.2f %% are flagged and %.2f %% of the usual\n",
               text_printable(s->others[i].name, name, sizeof name),
               json_number_value(json_object_get(row, "mean")),
               json_number_value(json_object_get(row, "auroc")),
               json_number_value(json_object_get(row, "threshold")),
               100 * json_number_value(json_object_get(row, "flagged")),
               100 * json_number_value(json_object_get(row, "false_alarms")));
        if (s->o->threshold > 0)
            printf("  over %g: %.2f %%, and %.2f %% of the usual\n", s->o->threshold,
                   100 * share_over(&s->others[i], s->o->threshold),
                   100 * share_over(&s->usual, s->o->threshold));
    }
    for (size_t k = 0; k < s->worst_count; k++) print_worst(s, k);
}

/* ---- the files ---- */

typedef struct drawing {
    char *text;
    size_t size, room;
} drawing;

static void put(drawing *d, const char *format, ...) {
    va_list list;
    va_start(list, format);
    const int n = vsnprintf(d->text + d->size, d->room - d->size, format, list);
    va_end(list);
    if (n > 0 && (size_t)n < d->room - d->size) d->size += (size_t)n;
}

/* Of a name, what XML can hold as it is. */
static void put_name(drawing *d, const char *name) {
    for (; *name; name++)
        put(d, "%c", *name < ' ' || *name > '~' || strchr("<>&\"", *name) ? '?' : *name);
}

/* One histogram as a line of steps, each bin's share relative to the tallest of all. */
static void put_steps(drawing *d, const study *s, const errors *e, size_t k, double tallest) {
    static const char *const colours[] = {"#0a6ebd", "#d1495b", "#2e7d32", "#8e44ad"};
    const char *colour = colours[k % 4];
    size_t bins[BINS];
    count_bins(s, e, bins);
    put(d, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"M40 280", colour);
    for (size_t b = 0; b < BINS; b++) {
        const double share = (double)bins[b] / (double)e->count;
        put(d, "V%.1fH%.1f", 280 - 250 * share / tallest, 40 + 580. * (double)(b + 1) / BINS);
    }
    put(d, "V280\"/><text x=\"620\" y=\"%zu\" fill=\"%s\" text-anchor=\"end\">", 30 + 18 * k,
        colour);
    put_name(d, e->name);
    put(d, ", %zu images, mean %.4f</text>\n", e->count, mean_of(e));
}

static double tallest_of(const study *s) {
    double tallest = 0;
    for (size_t k = 0; k <= s->o->ood.count; k++) {
        const errors *e = k ? &s->others[k - 1] : &s->usual;
        size_t bins[BINS];
        count_bins(s, e, bins);
        for (size_t b = 0; b < BINS; b++)
            tallest = fmax(tallest, (double)bins[b] / (double)e->count);
    }
    return tallest;
}

static lk_status write_histograms(const study *s, fault *f) {
    drawing d = {.room = 2000 + 2500 * (s->o->ood.count + 1)};
    d.text = lk_alloc(d.room);
    if (!d.text) return fail_memory(f);
    put(&d, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 320\" "
            "font-family=\"sans-serif\" font-size=\"12\" fill=\"#555\">\n"
            "<title>Mean absolute error of reconstructions</title>\n"
            "<path stroke=\"#888\" d=\"M40 280H620\"/>\n");
    for (int t = 0; t <= 4; t++)
        put(&d, "<text x=\"%d\" y=\"298\" text-anchor=\"middle\">%.3f</text>\n", 40 + 145 * t,
            s->most * t / 4);
    put(&d, "<text x=\"330\" y=\"314\" text-anchor=\"middle\">mean absolute error</text>\n");
    for (size_t k = 0; k <= s->o->ood.count; k++)
        put_steps(&d, s, k ? &s->others[k - 1] : &s->usual, k, tallest_of(s));
    put(&d, "</svg>\n");
    const lk_status status = file_write(s->o->out, d.text, d.size, f);
    lk_free(d.text);
    return status;
}

/* The worst above what the model makes of them. */
static lk_status write_worst(const study *s, fault *f) {
    const size_t n = s->worst_count, size = s->size;
    lk_real *x = lk_alloc(2 * n * size * sizeof *x), *z = lk_alloc(s->latent * n * sizeof *z);
    lk_status status = x && z ? LK_OK : fail_memory(f);
    lk_run *run = status ? NULL : lk_run_create(s->model, n, (lk_simd)s->o->simd, &f->error);
    if (run) {
        for (size_t k = 0; k < n; k++)
            memcpy(x + k * size, s->images.set.values + s->worst[k] * size, size * sizeof *x);
        lk_reconstruct(run, x, n, z, x + n * size);
        status = made_write_sheet(s->o->worst, x, 2 * n, n, lk_model_shape(s->model), f);
    } else if (!status) {
        status = f->error.status;
    }
    lk_run_free(run);
    lk_free(x);
    lk_free(z);
    return status;
}

/* ---- the command ---- */

static lk_status check_file(const options *o, const char *path, const char *option,
                            const char *ending, fault *f) {
    if (!path) return LK_OK;
    if (!text_ends_with(path, ending))
        return fail(f, LK_USAGE, NULL, "--%s wants a name ending in %s", option, ending);
    return inputs_check_output(o, option, path, f);
}

static lk_status check_options(const options *o, const lk_model *model, fault *f) {
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    if (o->ood.count == 0) return fail(f, LK_USAGE, NULL, "--ood NAME=SPEC is needed");
    lk_status status = options_check_named(&o->ood, "ood", f);
    if (!status) status = made_check_model(o, model, f);
    if (!status) status = check_file(o, o->out, "out", ".svg", f);
    if (!status) status = check_file(o, o->worst, "worst", ".png", f);
    if (!status && o->worst && !made_fits(2 * WORST, WORST, lk_model_shape(model)))
        status = fail(f, LK_USAGE, NULL, "--worst: too large a picture");
    return status;
}

static lk_status run_study(study *s, fault *f) {
    const lk_shape shape = lk_model_shape(s->model);
    json_t *report = NULL;
    s->size = (size_t)shape.channels * shape.height * shape.width;
    s->latent = lk_model_latent(s->model);
    s->others = lk_alloc(s->o->ood.count * sizeof *s->others);
    lk_status status = s->others ? measure_all(s, f) : fail_memory(f);
    if (!status) {
        find_worst(s);
        status = describe(s, &report, f);
    }
    if (!status && s->o->out) status = write_histograms(s, f);
    if (!status && s->o->worst) status = write_worst(s, f);
    if (!status && s->o->json) status = output_json(json_incref(report), f);
    if (!status && !s->o->json) print_lines(s, report);
    json_decref(report);
    lk_free(s->usual.mae);
    for (size_t k = 0; s->others && k < s->o->ood.count; k++) lk_free(s->others[k].mae);
    lk_free(s->others);
    return status;
}

int cmd_outliers(const options *o, fault *f) {
    study s = {.o = o};
    lk_model *model = model_read(o->arguments.items[0], f);
    if (!model) return f->error.status;
    lk_status status = check_options(o, model, f);
    if (!status)
        status = prepared_open(o->data, DATA_TEST, o->limit, false, model, o, &s.images, f);
    if (!status) {
        s.model = model;
        status = run_study(&s, f);
        prepared_free(&s.images);
    }
    lk_model_free(model);
    return status;
}

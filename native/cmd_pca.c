/* pca: the mean of some images, the directions in which they vary most, and what is left of other
   images when they are made of these alone. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "data.h"
#include "inputs.h"
#include "made.h"
#include "output.h"
#include "pictures.h"

enum { MAX_SIDE = 8192, COLUMNS = 8 };

static size_t size_of(lk_shape s) {
    return (size_t)s.channels * s.height * s.width;
}

/* ---- before anything is computed ---- */

static lk_status check_options(const options *o, fault *f) {
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    if (o->out && !text_ends_with(o->out, ".png") && !text_ends_with(o->out, ".npy"))
        return fail(f, LK_USAGE, NULL, "--out wants a name ending in .png or .npy");
    if (o->reconstruct && !text_ends_with(o->reconstruct, ".png"))
        return fail(f, LK_USAGE, NULL, "--reconstruct wants a name ending in .png");
    if (o->reconstruct && o->arguments.count == 0)
        return fail(f, LK_USAGE, NULL, "--reconstruct wants images");
    lk_status status = o->out ? inputs_check_output(o, "out", o->out, f) : LK_OK;
    if (!status && o->reconstruct)
        status = inputs_check_output(o, "reconstruct", o->reconstruct, f);
    if (!status && o->out && o->reconstruct && strcmp(o->out, o->reconstruct) == 0)
        status = fail(f, LK_USAGE, NULL, "--out and --reconstruct are the same file");
    return status;
}

/* In a row of `count` images and more. */
static size_t columns_of(lk_shape shape, size_t count) {
    const size_t fit = MAX_SIDE / shape.width, wanted = count < COLUMNS ? count : COLUMNS;
    return wanted < fit ? wanted : fit;
}

static lk_status check_sheets(const options *o, lk_shape shape, fault *f) {
    const bool sheet = o->out && text_ends_with(o->out, ".png");
    if (sheet && !made_fits(o->components + 1, columns_of(shape, o->components + 1), shape))
        return fail(f, LK_USAGE, NULL,
                    "%u components make a PNG of over %d pixels a side: use .npy", o->components,
                    MAX_SIDE);
    if (o->reconstruct && !made_fits(2 * o->arguments.count, 2, shape))
        return fail(f, LK_USAGE, NULL, "--reconstruct: the images make over %d pixels a side",
                    MAX_SIDE);
    return LK_OK;
}

/* ---- the components as images ---- */

/* The mean, then each component; of a PNG, with 0 as the middle grey and the largest value either
   way as black or white. */
static void draw(const lk_components *c, bool sheet, lk_real *x) {
    for (size_t i = 0; i < c->size; i++) x[i] = (lk_real)c->mean[i];
    for (size_t v = 0; v < c->count; v++) {
        const double *vector = c->vectors + v * c->size;
        double largest = 0;
        for (size_t i = 0; i < c->size; i++) largest = fmax(largest, fabs(vector[i]));
        const double scale = sheet ? 0.5 / fmax(largest, 1e-300) : 1;
        for (size_t i = 0; i < c->size; i++)
            x[(v + 1) * c->size + i] = (lk_real)(vector[i] * scale + (sheet ? 0.5 : 0));
    }
}

static lk_status write_components(const options *o, const lk_components *c, lk_shape shape,
                                  fault *f) {
    const bool sheet = text_ends_with(o->out, ".png");
    const size_t sizes[] = {c->count + 1, shape.channels, shape.height, shape.width};
    lk_real *x = lk_alloc(sizes[0] * c->size * sizeof *x);
    if (!x) return fail_memory(f);
    draw(c, sheet, x);
    const lk_status status =
        sheet
            ? made_write_sheet(o->out, x, sizes[0], columns_of(shape, o->components + 1), shape, f)
            : npy_write(o->out, x, sizes, 4, f);
    lk_free(x);
    return status;
}

/* ---- images made of them ---- */

/* Reads a picture, brought to the shape, into x and what the components make of it into x_hat. */
static lk_status reconstruct(const options *o, size_t i, const lk_components *c, lk_shape shape,
                             lk_real *z, lk_real *x, lk_real *x_hat, json_t *list, fault *f) {
    const char *file = o->arguments.items[i];
    lk_picture picture;
    bool empty;
    lk_status status = picture_read(file, &picture, f);
    if (status) return status;
    if (lk_prepare(LK_PREPARE_IMAGE, picture, shape, x, &empty, &f->error)) status = blame(f, file);
    lk_free((void *)picture.pixels);
    if (status) return status;
    lk_components_encode(c, x, z);
    lk_components_decode(c, z, c->count, x_hat);
    lk_errors errors;
    lk_errors_measure(x, x_hat, 1, c->size, &errors);
    json_array_append_new(list,
                          json_pack("{s:o,s:o,s:o,s:o}", "file", output_text(file), "mae",
                                    output_number(errors.mae), "mse", output_number(errors.mse),
                                    "psnr", output_number(errors.psnr)));
    return LK_OK;
}

/* Each image and beside it what is made of it. */
static lk_status reconstruct_all(const options *o, const lk_components *c, lk_shape shape,
                                 json_t *list, fault *f) {
    const size_t count = o->arguments.count;
    lk_real *both = lk_alloc(2 * count * c->size * sizeof *both);
    lk_real *z = lk_alloc(c->count * sizeof *z);
    lk_status status = both && z ? LK_OK : fail_memory(f);
    for (size_t i = 0; i < count && !status; i++) {
        lk_real *x = both + 2 * i * c->size;
        status = reconstruct(o, i, c, shape, z, x, x + c->size, list, f);
    }
    if (!status && o->reconstruct)
        status = made_write_sheet(o->reconstruct, both, 2 * count, 2, shape, f);
    lk_free(both);
    lk_free(z);
    return status;
}

/* ---- the report ---- */

static json_t *describe(const options *o, const data *d, const lk_components *c, json_t *images) {
    json_t *percent = json_array();
    double sum = 0;
    for (size_t v = 0; v < c->count; v++) {
        const double share = c->total > 0 ? 100 * c->variances[v] / c->total : 0;
        sum += share;
        json_array_append_new(percent, json_real(share));
    }
    return json_pack("{s:o,s:I,s:[iii],s:I,s:f,s:o,s:f,s:o*,s:o*,s:O*}", "data",
                     output_text(o->data), "images", (json_int_t)d->set.count, "shape",
                     (int)d->set.shape.channels, (int)d->set.shape.height, (int)d->set.shape.width,
                     "components", (json_int_t)c->count, "variance", c->total, "percent", percent,
                     "percent_together", sum, "file", o->out ? output_text(o->out) : NULL,
                     "reconstruction_file", o->reconstruct ? output_text(o->reconstruct) : NULL,
                     "reconstructions", json_array_size(images) ? images : NULL);
}

static void print_lines(const options *o, const data *d, const lk_components *c,
                        const json_t *images) {
    double sum = 0;
    printf("%s of %ux%ux%u, variance %.6g\n", COUNT_OF(d->set.count, "image"),
           d->set.shape.channels, d->set.shape.height, d->set.shape.width, c->total);
    for (size_t v = 0; v < c->count; v++) {
        const double share = c->total > 0 ? 100 * c->variances[v] / c->total : 0;
        sum += share;
        printf("component %3zu  %6.2f %%  together %6.2f %%\n", v + 1, share, sum);
    }
    size_t i;
    json_t *row;
    json_array_foreach(images, i, row) {
        char line[4 * PATH_MAX];
        text_printable(o->arguments.items[i], line, sizeof line);
        printf("%s: mean absolute error %.5f\n", line,
               json_number_value(json_object_get(row, "mae")));
    }
}

static lk_status find_and_report(const options *o, const data *d, fault *f) {
    lk_components c;
    if (lk_components_find(&d->set, o->components, (int)o->threads, &c, &f->error))
        return f->error.status == LK_DATA ? blame(f, o->data) : f->error.status;
    json_t *images = json_array();
    lk_status status = images ? LK_OK : fail_memory(f);
    if (!status && o->arguments.count > 0) status = reconstruct_all(o, &c, d->set.shape, images, f);
    if (!status && o->out) status = write_components(o, &c, d->set.shape, f);
    if (!status && o->json) status = output_json(describe(o, d, &c, images), f);
    if (!status && !o->json) print_lines(o, d, &c, images);
    json_decref(images);
    lk_components_free(&c);
    return status;
}

static lk_status run(const options *o, fault *f) {
    data d;
    lk_status status = check_options(o, f);
    if (!status) status = data_load(o->data, DATA_TRAIN, o->shape, o->limit, &d, f);
    if (status) return status;
    if (d.texts.count) status = fail(f, LK_USAGE, d.path, "texts, and this is for images");
    if (!status) status = data_check_shape(&d, o->shape, f);
    if (!status && o->components > size_of(d.set.shape))
        status = fail(f, LK_USAGE, NULL, "--components %u is more than the %zu values of an image",
                      o->components, size_of(d.set.shape));
    if (!status) status = check_sheets(o, d.set.shape, f);
    if (!status) status = find_and_report(o, &d, f);
    data_free(&d);
    return status;
}

int cmd_pca(const options *o, fault *f) {
    options named = *o; /* its arguments are files alone */
    named.arguments = (strings){0};
    lk_status status = inputs_gather(&o->arguments, 0, &named.arguments, f);
    if (!status) status = run(&named, f);
    strings_free(&named.arguments);
    return status;
}

/* sample, decode, interpolate: images of codes that are drawn, given, or between two images. */
#include <math.h>
#include <stdio.h>

#include "commands.h"
#include "data.h"
#include "inputs.h"
#include "made.h"
#include "model_file.h"

/* What a contact sheet of `count` images has in a row: near a square. */
static size_t columns_of(size_t count) {
    size_t columns = 1;
    while (columns * columns < count) columns++;
    return columns;
}

static lk_status decode_and_write(const options *o, const lk_model *model, const lk_real *z,
                                  size_t count, size_t columns, fault *f) {
    const lk_shape shape = lk_model_shape(model);
    lk_real *x_hat = lk_alloc(count * shape.channels * shape.height * shape.width * sizeof *x_hat);
    if (!x_hat) return fail_memory(f);
    lk_status status = made_decode(o, model, z, count, x_hat, f);
    if (!status) status = made_write(o, x_hat, count, columns, shape, f);
    lk_free(x_hat);
    return status;
}

/* ---- sample ---- */

static lk_status sample(const options *o, const lk_model *model, fault *f) {
    const size_t columns = columns_of(o->images);
    lk_status status = made_check_output(o, model, o->images, columns, f);
    if (status) return status;
    lk_real *z = lk_alloc(o->images * (size_t)lk_model_latent(model) * sizeof *z);
    if (!z) return fail_memory(f);
    if (lk_model_sample(model, o->seed, o->images, z, &f->error))
        status = blame(f, o->arguments.items[0]);
    if (!status) status = decode_and_write(o, model, z, o->images, columns, f);
    lk_free(z);
    return status;
}

/* ---- decode ---- */

static lk_status decode(const options *o, const lk_model *model, fault *f) {
    const char *path = o->arguments.items[1];
    lk_real *z;
    size_t count;
    lk_status status = npy_read_rows(path, lk_model_latent(model), &z, &count, f);
    if (status) return status;
    const size_t columns = columns_of(count);
    status = made_check_output(o, model, count, columns, f);
    if (!status) status = decode_and_write(o, model, z, count, columns, f);
    lk_free(z);
    return status;
}

/* ---- interpolate ---- */

typedef struct ends {
    const options *o;
    lk_real *x, *z; /* of both images */
    size_t size;
} ends;

static lk_status encode_end(void *context, lk_run *run, size_t i, lk_picture picture,
                            lk_error *error) {
    const ends *e = context;
    const lk_model *model = lk_run_model(run);
    lk_real *x = e->x + i * e->size;
    bool empty;
    const lk_status status = lk_prepare(e->o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE, picture,
                                        lk_model_shape(model), x, &empty, error);
    if (!status) lk_encode(run, x, 1, e->z + i * lk_model_latent(model));
    return status;
}

static double length(const lk_real *z, size_t d) {
    double sum = 0;
    for (size_t k = 0; k < d; k++) sum += (double)z[k] * (double)z[k];
    return sqrt(sum);
}

/* The code at `part` of the way from a to b, on the straight line. Normal codes of many values are
   all about as long, and a line between two is shorter in its middle: with `keep_length`, codes on
   it are given the length that is due, which puts them on the great circle. */
static void between(const lk_real *a, const lk_real *b, double part, size_t d, bool keep_length,
                    lk_real *z) {
    for (size_t k = 0; k < d; k++)
        z[k] = (lk_real)((1 - part) * (double)a[k] + part * (double)b[k]);
    const double is = length(z, d), due = (1 - part) * length(a, d) + part * length(b, d);
    for (size_t k = 0; k < d && keep_length && is > 0; k++)
        z[k] = (lk_real)((double)z[k] * (due / is));
}

static lk_status interpolate_between(const options *o, const lk_model *model, const lk_real *z_ends,
                                     fault *f) {
    const size_t d = lk_model_latent(model);
    lk_real *z = lk_alloc(o->steps * d * sizeof *z);
    if (!z) return fail_memory(f);
    for (size_t i = 0; i < o->steps; i++)
        between(z_ends, z_ends + d, (double)i / (double)(o->steps - 1), d, lk_model_gaussian(model),
                z + i * d);
    const lk_status status = decode_and_write(o, model, z, o->steps, o->steps, f);
    lk_free(z);
    return status;
}

static lk_status interpolate(const options *o, const lk_model *model, fault *f) {
    const lk_shape shape = lk_model_shape(model);
    ends e = {.o = o, .size = (size_t)shape.channels * shape.height * shape.width};
    inputs in;
    lk_status status = inputs_open(o, model, &in, f);
    if (!status && in.count != 2) status = fail(f, LK_USAGE, NULL, "interpolate wants two images");
    if (!status) status = made_check_output(o, model, o->steps, o->steps, f);
    if (!status) status = inputs_check_apart(&in.data.files, "out", o->out, f);
    e.x = lk_alloc(2 * e.size * sizeof *e.x);
    e.z = lk_alloc(2 * (size_t)lk_model_latent(model) * sizeof *e.z);
    if (!status && (!e.x || !e.z)) status = fail_memory(f);
    if (!status) status = inputs_visit(&in, model, o, encode_end, &e, f);
    if (!status) status = interpolate_between(o, model, e.z, f);
    lk_free(e.x);
    lk_free(e.z);
    inputs_free(&in);
    return status;
}

/* ---- the commands ---- */

static int with_model(const options *o,
                      lk_status (*run)(const options *o, const lk_model *model, fault *f),
                      fault *f) {
    lk_model *model = model_read(o->arguments.items[0], f);
    if (!model) return f->error.status;
    lk_status status = made_check_model(o, model, f);
    if (!status) status = run(o, model, f);
    lk_model_free(model);
    return status;
}

int cmd_sample(const options *o, fault *f) {
    return with_model(o, sample, f);
}
int cmd_decode(const options *o, fault *f) {
    return with_model(o, decode, f);
}
int cmd_interpolate(const options *o, fault *f) {
    return with_model(o, interpolate, f);
}

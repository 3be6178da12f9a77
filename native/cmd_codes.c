/* encode and reconstruct: what a model makes of images, as .npy or PNG. */
#include <stdio.h>

#include "commands.h"
#include "file.h"
#include "inputs.h"
#include "made.h"
#include "model_file.h"
#include "output.h"
#include "pictures.h"

typedef struct coding {
    lk_preparation preparation;
    uint32_t label;
    lk_shape shape;
    size_t size, latent;
    lk_real *x, *z, *x_hat; /* of all images: inputs, codes, reconstructions */
} coding;

static lk_status reconstruct(void *context, lk_run *run, size_t i, lk_picture picture,
                             lk_error *error) {
    const coding *c = context;
    bool empty;
    lk_real *x = c->x + i * c->size;
    const lk_status status = lk_prepare(c->preparation, picture, c->shape, x, &empty, error);
    if (status) return status;
    lk_run_set_label(run, c->label);
    lk_reconstruct(run, x, 1, c->z + i * c->latent, c->x_hat + i * c->size);
    return LK_OK;
}

/* Rows of numbers, and texts. */
static lk_status encode_rows(const options *o, const lk_model *model, const inputs *in, lk_real *z,
                             fault *f) {
    if (o->ink) return fail(f, LK_USAGE, NULL, "--ink is for images");
    if (lk_dataset_encode(&in->data.set, model, (int)o->threads, (lk_simd)o->simd, z, &f->error))
        return blame(f, in->data.path);
    return LK_OK;
}

static lk_status write_codes(const options *o, const coding *c, size_t count, fault *f) {
    const size_t shape[] = {count, c->latent};
    const lk_status status = npy_write(o->out, c->z, shape, 2, f);
    if (status) return status;
    if (o->json)
        return output_json(json_pack("{s:o,s:I,s:I}", "file", output_text(o->out), "images",
                                     (json_int_t)count, "latent", (json_int_t)c->latent),
                           f);
    printf("%s: %s of %s\n", o->out, COUNT_OF(count, "code"), COUNT_OF(c->latent, "value"));
    return LK_OK;
}

static lk_status write_reconstructions(const options *o, const coding *c, size_t count, fault *f) {
    const size_t shape[] = {count, c->shape.channels, c->shape.height, c->shape.width};
    const bool png = text_ends_with(o->out, ".png");
    const lk_status status = png ? picture_write(o->out, c->x_hat, c->shape, f)
                                 : npy_write(o->out, c->x_hat, shape, 4, f);
    if (status) return status;
    lk_errors errors;
    lk_errors_measure(c->x, c->x_hat, count, c->size, &errors);
    if (o->json)
        return output_json(
            json_pack("{s:o,s:I,s:[iii],s:{s:o,s:o,s:o,s:o,s:o}}", "file", output_text(o->out),
                      "images", (json_int_t)count, "shape", (int)c->shape.channels,
                      (int)c->shape.height, (int)c->shape.width, "reconstruction", "mae",
                      output_number(errors.mae), "mse", output_number(errors.mse), "bce",
                      output_number(errors.bce), "sse_per_image",
                      output_number(errors.sse_per_image), "psnr", output_number(errors.psnr)),
            f);
    printf("%s: %s, mean absolute error %.5f\n", o->out, COUNT_OF(count, "image"), errors.mae);
    return LK_OK;
}

/* What is asked for must be possible before anything is computed or written. */
static lk_status check_output(const options *o, const inputs *in, bool codes, fault *f) {
    const bool png = text_ends_with(o->out, ".png");
    if (!text_ends_with(o->out, ".npy") && (codes || !png))
        return fail(f, LK_USAGE, NULL, "--out wants a name ending in .npy%s",
                    codes ? "" : " or .png");
    if (png && in->count != 1)
        return fail(f, LK_USAGE, NULL, "a PNG holds one image, not %zu: use .npy", in->count);
    const lk_status status = inputs_check_apart(&in->data.files, "out", o->out, f);
    return status ? status : inputs_check_output(o, "out", o->out, f);
}

static lk_status code_all(const options *o, const lk_model *model, const inputs *in, bool codes,
                          fault *f) {
    const lk_shape shape = lk_model_shape(model);
    coding c = {.preparation = o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE,
                .shape = shape,
                .size = (size_t)shape.channels * shape.height * shape.width,
                .latent = lk_model_latent(model)};
    lk_status status = made_label(o, model, &c.label, f);
    if (status) return status;
    c.x = lk_alloc(in->count * c.size * sizeof *c.x);
    c.z = lk_alloc(in->count * c.latent * sizeof *c.z);
    c.x_hat = lk_alloc(in->count * c.size * sizeof *c.x_hat);
    if (!c.x || !c.z || !c.x_hat) status = fail_memory(f);
    if (!status && codes && in->data.set.values)
        status = encode_rows(o, model, in, c.z, f);
    else if (!status)
        status = inputs_visit(in, model, o, reconstruct, &c, f);
    if (!status) status = (codes ? write_codes : write_reconstructions)(o, &c, in->count, f);
    lk_free(c.x);
    lk_free(c.z);
    lk_free(c.x_hat);
    return status;
}

static int run(const options *o, bool codes, fault *f) {
    if (!o->out) return fail(f, LK_USAGE, NULL, "--out FILE is needed");
    lk_model *model = model_read(o->arguments.items[0], f);
    if (!model) return f->error.status;
    inputs in = {0};
    int code = codes ? LK_OK : (int)made_check_model(o, model, f);
    if (!code) code = inputs_open(o, model, &in, f);
    if (!code) code = check_output(o, &in, codes, f);
    if (!code) code = code_all(o, model, &in, codes, f);
    inputs_free(&in);
    lk_model_free(model);
    return code;
}

int cmd_encode(const options *o, fault *f) {
    return run(o, true, f);
}

int cmd_reconstruct(const options *o, fault *f) {
    return run(o, false, f);
}

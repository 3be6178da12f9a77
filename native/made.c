#include "made.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data.h"
#include "file.h"
#include "inputs.h"
#include "names.h"
#include "output.h"
#include "pictures.h"

enum { MAX_SIDE = 8192, BLOCK = 64 };

lk_status made_label(const options *o, const lk_model *model, uint32_t *label, fault *f) {
    *label = NOT_GIVEN;
    if (!o->label) return LK_OK;
    if (!lk_model_embedding(model, 0, NULL))
        return fail(f, LK_USAGE, NULL, "--label is for models that decode as of a class");
    strings names;
    const lk_status status = names_of(model, &names, f);
    if (status) return status;
    const bool known =
        names_find(&names, o->label, label) && lk_model_embedding(model, *label, NULL);
    strings_free(&names);
    if (known) return LK_OK;
    return fail(f, LK_USAGE, NULL, "--label %.60s: the model knows no such class", o->label);
}

lk_status made_check_model(const options *o, const lk_model *model, fault *f) {
    const char *path = o->arguments.items[0];
    if (lk_model_output(model) != LK_OUTPUT_IMAGE)
        return fail(f, LK_MODEL, path, "the model makes no images, but %s",
                    lk_model_output(model) == LK_OUTPUT_CLASSES ? "guesses classes" : "only codes");
    uint32_t label;
    return made_label(o, model, &label, f);
}

lk_status made_check_output(const options *o, const lk_model *model, size_t count, size_t columns,
                            fault *f) {
    const lk_shape shape = lk_model_shape(model);
    const bool png = o->out && text_ends_with(o->out, ".png");
    if (!o->out) return fail(f, LK_USAGE, NULL, "--out FILE is needed");
    if (!png && !text_ends_with(o->out, ".npy"))
        return fail(f, LK_USAGE, NULL, "--out wants a name ending in .npy or .png");
    if (png && !made_fits(count, columns, shape))
        return fail(f, LK_USAGE, NULL, "%zu images make a PNG of over %d pixels a side: use .npy",
                    count, MAX_SIDE);
    return inputs_check_output(o, "out", o->out, f);
}

lk_status made_decode(const options *o, const lk_model *model, const lk_real *z, size_t n,
                      lk_real *x_hat, fault *f) {
    const lk_shape shape = lk_model_shape(model);
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    uint32_t label;
    const lk_status status = made_label(o, model, &label, f);
    if (status) return status;
    lk_run *run = lk_run_create(model, n < BLOCK ? n : BLOCK, (lk_simd)o->simd, &f->error);
    if (!run) return f->error.status;
    lk_run_set_label(run, label);
    for (size_t first = 0; first < n; first += BLOCK)
        lk_decode(run, z + first * lk_model_latent(model), n - first < BLOCK ? n - first : BLOCK,
                  x_hat + first * size);
    lk_run_free(run);
    for (size_t i = 0; i < n * size; i++)
        if (!isfinite(x_hat[i]))
            return fail(f, LK_NONFINITE, o->arguments.items[0],
                        "what it makes of a code is not finite");
    return LK_OK;
}

bool made_fits(size_t count, size_t columns, lk_shape shape) {
    const size_t rows = (count + columns - 1) / columns;
    return columns <= MAX_SIDE / shape.width && rows <= MAX_SIDE / shape.height;
}

lk_status made_write_sheet(const char *path, const lk_real *x, size_t count, size_t columns,
                           lk_shape shape, fault *f) {
    const size_t rows = (count + columns - 1) / columns, width = columns * shape.width;
    const lk_shape whole = {shape.channels, (uint32_t)(rows * shape.height), (uint32_t)width};
    lk_real *sheet = lk_alloc(shape.channels * (size_t)whole.height * width * sizeof *sheet);
    if (!sheet) return fail_memory(f);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < shape.channels; c++)
            for (size_t y = 0; y < shape.height; y++) {
                const size_t down = c * whole.height + i / columns * shape.height + y;
                memcpy(sheet + down * width + i % columns * shape.width,
                       x + ((i * shape.channels + c) * shape.height + y) * shape.width,
                       shape.width * sizeof *x);
            }
    const lk_status status = picture_write(path, sheet, whole, f);
    lk_free(sheet);
    return status;
}

lk_status made_write(const options *o, const lk_real *x_hat, size_t count, size_t columns,
                     lk_shape shape, fault *f) {
    const size_t sizes[] = {count, shape.channels, shape.height, shape.width};
    const lk_status status = text_ends_with(o->out, ".png")
                                 ? made_write_sheet(o->out, x_hat, count, columns, shape, f)
                                 : npy_write(o->out, x_hat, sizes, 4, f);
    if (status) return status;
    if (o->json)
        return output_json(json_pack("{s:o,s:I,s:[iii]}", "file", output_text(o->out), "images",
                                     (json_int_t)count, "shape", (int)shape.channels,
                                     (int)shape.height, (int)shape.width),
                           f);
    printf("%s: %s\n", o->out, COUNT_OF(count, "image"));
    return LK_OK;
}

/* --drawings: images that are learnt from beside those of --data. */
#include <string.h>

#include "inputs.h"
#include "job.h"
#include "pictures.h"

static lk_status redraw_one(void *context, lk_run *run, size_t i, lk_picture picture,
                            lk_error *error) {
    uint8_t *pixels = context;
    const lk_shape shape = lk_model_shape(lk_run_model(run));
    const size_t size = (size_t)shape.height * shape.width;
    bool empty;
    lk_real *x = lk_alloc(size * sizeof *x);
    if (!x) {
        *error = (lk_error){LK_MEMORY, LK_NO_OFFSET, "out of memory"};
        return LK_MEMORY;
    }
    const lk_status status = lk_prepare(LK_PREPARE_INK, picture, shape, x, &empty, error);
    if (!status) picture_to_bytes(x, size, pixels + i * size);
    lk_free(x);
    return status;
}

/* Images of any size, drawn anew as the model's are, and their labels, from place `at` on. */
static lk_status redraw(const job *j, const inputs *in, lk_dataset *both, size_t at, fault *f) {
    const size_t size = (size_t)both->shape.height * both->shape.width;
    memcpy(both->labels + at, in->data.set.labels, in->count * sizeof *both->labels);
    return inputs_visit(in, j->model, j->o, redraw_one, both->pixels + at * size, f);
}

static lk_status check(const job *j, const inputs *drawn, fault *f) {
    const char *spec = j->o->drawings;
    const uint32_t classes = lk_model_posed(j->model);
    const lk_dataset *set = &drawn->data.set;
    if (!set->labels) return fail(f, LK_DATA, spec, "the images have no labels");
    if (set->classes <= classes + 1) return LK_OK;
    return fail(f, LK_DATA, spec, "label %u: the network knows %u classes, and label %u is of none",
                set->classes - 1, classes, classes);
}

/* The images as they are, redrawn, and then the drawings. */
static lk_status join(const job *j, const inputs *drawn, lk_dataset *both, fault *f) {
    const lk_dataset *images = &j->images;
    const size_t size = (size_t)images->shape.height * images->shape.width, n = images->count;
    const inputs in = {.data = {.set = *images}, .spec = j->o->data, .count = n};
    lk_status status =
        data_set_make(both, images->shape, 2 * n + drawn->count, true, j->o->drawings, f);
    if (status) return status;
    memcpy(both->pixels, images->pixels, n * size);
    memcpy(both->labels, images->labels, n * sizeof *both->labels);
    status = redraw(j, &in, both, n, f);
    if (!status) status = redraw(j, drawn, both, 2 * n, f);
    data_set_count_classes(both);
    return status;
}

lk_status drawings_join(const job *j, lk_dataset *both, fault *f) {
    if (lk_model_posed(j->model) == 0)
        return fail(f, LK_USAGE, NULL, "--drawings is for networks of classes in eight poses");
    if (j->images.shape.channels != 1 || j->images.values)
        return fail(f, LK_USAGE, NULL, "--drawings is for grey images");
    inputs drawn;
    lk_status status = inputs_open_data(j->o->drawings, DATA_TRAIN, 0, j->model, &drawn, f);
    if (status) return status;
    status = check(j, &drawn, f);
    if (!status) status = join(j, &drawn, both, f);
    inputs_free(&drawn);
    return status;
}

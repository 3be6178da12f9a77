/* --drawings: images that are learnt from beside those of --data. */
#include <string.h>

#include "job.h"

static lk_status redraw(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                        lk_error *error) {
    uint8_t *pixels = context;
    const lk_shape shape = lk_model_shape(lk_run_model(run));
    const size_t size = (size_t)shape.height * shape.width;
    (void)error;
    for (size_t i = 0; i < n * size; i++)
        pixels[first * size + i] = (uint8_t)(x[i] * 255 + (lk_real)0.5);
    return LK_OK;
}

static lk_status check(const job *j, const lk_dataset *drawn, fault *f) {
    const char *spec = j->o->drawings;
    const uint32_t classes = lk_model_posed(j->model);
    if (!drawn->labels) return fail(f, LK_DATA, spec, "the images have no labels");
    if (drawn->classes <= classes + 1) return LK_OK;
    return fail(f, LK_DATA, spec, "label %u: the network knows %u classes, and label %u is of none",
                drawn->classes - 1, classes, classes);
}

/* The images as they are, redrawn, and then the drawings. */
static lk_status join(const job *j, const lk_dataset *drawn, lk_dataset *both, fault *f) {
    const lk_dataset *images = &j->images, *const redrawn[] = {images, drawn};
    const size_t size = (size_t)images->shape.height * images->shape.width, n = images->count;
    lk_status status =
        data_set_make(both, images->shape, 2 * n + drawn->count, true, j->o->drawings, f);
    if (status) return status;
    memcpy(both->pixels, images->pixels, n * size);
    memcpy(both->labels, images->labels, n * sizeof *both->labels);
    for (size_t i = 0, at = n; i < 2 && !status; at += redrawn[i++]->count) {
        memcpy(both->labels + at, redrawn[i]->labels, redrawn[i]->count * sizeof *both->labels);
        status = lk_dataset_visit(redrawn[i], j->model, LK_PREPARE_INK, (int)j->o->threads,
                                  (lk_simd)j->o->simd, redraw, both->pixels + at * size, &f->error);
    }
    data_set_count_classes(both);
    return status ? blame(f, j->o->drawings) : LK_OK;
}

lk_status drawings_join(const job *j, lk_dataset *both, fault *f) {
    const char *spec = j->o->drawings;
    if (lk_model_posed(j->model) == 0)
        return fail(f, LK_USAGE, NULL, "--drawings is for networks of classes in eight poses");
    if (j->images.shape.channels != 1 || j->images.values)
        return fail(f, LK_USAGE, NULL, "--drawings is for grey images");
    data drawn;
    lk_status status = data_load(spec, DATA_TRAIN, j->images.shape, 0, &drawn, f);
    if (status) return status;
    status = check(j, &drawn.set, f);
    if (!status) status = join(j, &drawn.set, both, f);
    data_free(&drawn);
    return status;
}

/* neighbours: the images of the model's gallery that are nearest to a picture. */
#include <stdio.h>

#include "commands.h"
#include "inputs.h"
#include "model_file.h"
#include "output.h"

typedef struct search {
    const options *o;
    const lk_gallery *gallery;
    lk_real *x, *z;
    size_t found;
    lk_neighbour neighbours[LK_MAX_NEIGHBOURS];
} search;

static lk_status find(void *context, lk_run *run, size_t i, lk_picture picture, lk_error *error) {
    (void)i; /* there is only one */
    search *s = context;
    const lk_preparation preparation = s->o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE;
    bool empty;
    const lk_status status =
        lk_prepare(preparation, picture, lk_model_shape(lk_run_model(run)), s->x, &empty, error);
    if (status) return status;
    lk_encode(run, s->x, 1, s->z);
    s->found = lk_gallery_search(s->gallery, s->z, (lk_metric)s->o->metric, s->o->k ? s->o->k : 8,
                                 (lk_simd)s->o->simd, s->neighbours);
    return LK_OK;
}

static json_t *describe(const search *s) {
    const lk_dataset *images = lk_gallery_images(s->gallery);
    json_t *list = json_array();
    for (size_t i = 0; i < s->found; i++) {
        const lk_neighbour *n = &s->neighbours[i];
        json_t *label = images->labels ? json_integer(images->labels[n->index]) : json_null();
        json_array_append_new(list,
                              json_pack("{s:I,s:o,s:o,s:I}", "index", (json_int_t)n->index, "label",
                                        label, "distance", output_number(n->distance), "origin",
                                        (json_int_t)lk_gallery_origin(s->gallery, n->index)));
    }
    return list;
}

static void print_lines(const search *s) {
    const lk_dataset *images = lk_gallery_images(s->gallery);
    for (size_t i = 0; i < s->found; i++) {
        const lk_neighbour *n = &s->neighbours[i];
        printf("%3zu. image %-6u distance %.6f", i + 1, n->index, n->distance);
        if (images->labels) printf("  label %u", images->labels[n->index]);
        putchar('\n');
    }
}

static int run_search(const options *o, const lk_model *model, const lk_gallery *gallery,
                      fault *f) {
    const lk_shape shape = lk_model_shape(model);
    search s = {.o = o, .gallery = gallery};
    inputs in;
    s.x = lk_alloc((size_t)shape.channels * shape.height * shape.width * sizeof *s.x);
    s.z = lk_alloc(lk_model_latent(model) * sizeof *s.z);
    int code = inputs_open(o, model, &in, f);
    if (!code && in.count != 1) code = fail(f, LK_USAGE, NULL, "neighbours wants one image");
    if (!code && (!s.x || !s.z)) code = fail_memory(f);
    if (!code) code = inputs_visit(&in, model, o, find, &s, f);
    if (!code && o->json) code = output_json(describe(&s), f);
    if (!code && !o->json) print_lines(&s);
    inputs_free(&in);
    lk_free(s.x);
    lk_free(s.z);
    return code;
}

int cmd_neighbours(const options *o, fault *f) {
    const char *path = o->arguments.items[0];
    lk_model *model = model_read(path, f);
    if (!model) return f->error.status;
    lk_gallery *gallery = gallery_read(model, path, f);
    const int code = gallery ? run_search(o, model, gallery, f) : (int)f->error.status;
    lk_gallery_free(gallery);
    lk_model_free(model);
    return code;
}

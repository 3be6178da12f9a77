/* neighbours: the images of the model's gallery that are nearest to a picture. */
#include <stdio.h>

#include "commands.h"
#include "inputs.h"
#include "model_file.h"
#include "names.h"
#include "output.h"

typedef struct search {
    const options *o;
    const lk_gallery *gallery;
    strings names; /* of the classes */
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
    if (status || empty) return status; /* near to nothing */
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
        json_t *row = json_pack("{s:I,s:o,s:o,s:I}", "index", (json_int_t)n->index, "label", label,
                                "distance", output_number(n->distance), "origin",
                                (json_int_t)lk_gallery_origin(s->gallery, n->index));
        if (images->labels) names_add(&s->names, images->labels[n->index], row);
        json_array_append_new(list, row);
    }
    return list;
}

static void print_lines(const search *s) {
    const lk_dataset *images = lk_gallery_images(s->gallery);
    if (s->found == 0) puts("nothing to be seen");
    for (size_t i = 0; i < s->found; i++) {
        const lk_neighbour *n = &s->neighbours[i];
        printf("%3zu. image %-6u distance %.6f", i + 1, n->index, n->distance);
        char name[NAME_SIZE];
        if (images->labels)
            printf("  label %s", names_label(&s->names, images->labels[n->index], name));
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
    if (!code) code = names_of(model, &s.names, f);
    if (!code && in.count != 1) code = fail(f, LK_USAGE, NULL, "neighbours wants one image");
    if (!code && (!s.x || !s.z)) code = fail_memory(f);
    if (!code) code = inputs_visit(&in, model, o, find, &s, f);
    if (!code && o->json) code = output_json(describe(&s), f);
    if (!code && !o->json) print_lines(&s);
    inputs_free(&in);
    strings_free(&s.names);
    lk_free(s.x);
    lk_free(s.z);
    return code;
}

/* ---- rows of numbers and texts: there is no gallery of them, but --train ---- */

static json_t *describe_row(const inputs *known, const lk_neighbour *found, size_t each,
                            const char *name) {
    const lk_dataset *set = &known->data.set;
    json_t *list = json_array();
    for (size_t i = 0; i < each; i++) {
        char other[PATH_MAX];
        json_t *row = json_pack(
            "{s:o,s:I,s:o}", "file", output_text(inputs_name(known, found[i].index, other)),
            "index", (json_int_t)found[i].index, "distance", output_number(found[i].distance));
        const uint32_t label = set->labels ? set->labels[found[i].index] : 0;
        if (set->labels && label < known->data.classes.count)
            json_object_set_new(row, "label", output_text(known->data.classes.items[label]));
        json_array_append_new(list, row);
    }
    return json_pack("{s:o,s:o}", "file", output_text(name), "neighbours", list);
}

static void print_row(const json_t *row) {
    size_t i;
    json_t *n;
    char line[2 * PATH_MAX];
    puts(text_printable(json_string_value(json_object_get(row, "file")), line, sizeof line));
    if (json_array_size(json_object_get(row, "neighbours")) == 0) puts("  nothing to be seen");
    json_array_foreach(json_object_get(row, "neighbours"), i, n) {
        const char *label = json_string_value(json_object_get(n, "label"));
        printf("%3zu. %-6lld distance %.6f", i + 1,
               (long long)json_integer_value(json_object_get(n, "index")),
               json_number_value(json_object_get(n, "distance")));
        if (label) printf("  label %s", text_printable(label, line, sizeof line));
        putchar('\n');
    }
}

static lk_status report_rows(const options *o, const lk_model *model, const inputs *in,
                             const inputs *known, const lk_neighbour *found, size_t each,
                             fault *f) {
    json_t *list = json_array(), *row;
    size_t i;
    for (i = 0; i < in->count; i++) {
        char name[PATH_MAX];
        const lk_real *values = in->data.set.values + i * lk_model_shape(model).width;
        const size_t count = data_is_empty_text(model, values) ? 0 : each;
        json_array_append_new(
            list, describe_row(known, found + i * each, count, inputs_name(in, i, name)));
    }
    if (o->json) return output_json(list, f);
    json_array_foreach(list, i, row) print_row(row);
    json_decref(list);
    return LK_OK;
}

static lk_status search_rows(const options *o, const lk_model *model, const inputs *in,
                             const inputs *known, fault *f) {
    const size_t latent = lk_model_latent(model), asked = o->k ? o->k : 8;
    const size_t k = asked < known->count ? asked : known->count;
    const inputs *sides[] = {in, known};
    lk_real *codes[2] = {NULL, NULL};
    lk_neighbour *found = lk_alloc(in->count * k * sizeof *found);
    lk_status status = found ? LK_OK : fail_memory(f);
    for (size_t i = 0; i < 2 && !status; i++) {
        codes[i] = lk_alloc(sides[i]->count * latent * sizeof *codes[i]);
        if (!codes[i])
            status = fail_memory(f);
        else if (lk_dataset_encode(&sides[i]->data.set, model, (int)o->threads, (lk_simd)o->simd,
                                   codes[i], &f->error))
            status = blame(f, sides[i]->data.path);
    }
    lk_index *index = NULL;
    if (!status) {
        index = lk_index_create(codes[1], known->count, latent, (lk_metric)o->metric, &f->error);
        status = index ? LK_OK : f->error.status;
    }
    if (!status) {
        const size_t each = lk_index_search(index, codes[0], in->count, k, (int)o->threads,
                                            (lk_simd)o->simd, found);
        status = report_rows(o, model, in, known, found, each, f);
    }
    lk_index_free(index);
    lk_free(codes[0]);
    lk_free(codes[1]);
    lk_free(found);
    return status;
}

static lk_status run_rows(const options *o, const lk_model *model, fault *f) {
    inputs in, known;
    if (!o->known)
        return fail(f, LK_USAGE, NULL, "of rows of numbers and texts --train SPEC is searched");
    if (o->ink) return fail(f, LK_USAGE, NULL, "--ink is for images");
    lk_status status = inputs_open(o, model, &in, f);
    if (status) return status;
    status = inputs_open_data(o->known, DATA_TRAIN, 0, model, &known, f);
    if (!status) {
        status = search_rows(o, model, &in, &known, f);
        inputs_free(&known);
    }
    inputs_free(&in);
    return status;
}

int cmd_neighbours(const options *o, fault *f) {
    const char *path = o->arguments.items[0];
    lk_model *model = model_read(path, f);
    if (!model) return f->error.status;
    if (lk_model_is_table(model) || o->known) {
        const int code = lk_model_is_table(model)
                             ? (int)run_rows(o, model, f)
                             : (int)fail(f, LK_USAGE, NULL,
                                         "--train is for rows of numbers and texts: images are "
                                         "searched for in the model's gallery");
        lk_model_free(model);
        return code;
    }
    lk_gallery *gallery = gallery_read(model, path, f);
    const int code = gallery ? run_search(o, model, gallery, f) : (int)f->error.status;
    lk_gallery_free(gallery);
    lk_model_free(model);
    return code;
}

#include "explain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "inputs.h"
#include "model_file.h"
#include "names.h"
#include "output.h"
#include "pictures.h"

enum { MAX_SIDE = 8192, CELL_SIDE = 112, GAP = 1 };

/* Of the error map: where the model left out what was there, and where it added what was not. */
static const lk_real LEFT_OUT[3] = {0.25F, 0.5F, 1};        /* blue */
static const lk_real ADDED[3] = {1, 0.25F, (lk_real)0.125}; /* red */

static size_t size_of(lk_shape s) {
    return (size_t)s.channels * s.height * s.width;
}

/* ---- the layout, in pixels of the model's input, each of which is `scale` wide in the file ----
 */

typedef struct layout {
    size_t columns, width, height, scale; /* scale 0: it does not fit */
} layout;

static layout lay_out(const explanation *e) {
    const lk_shape s = lk_model_shape(e->model);
    const size_t side = s.height > s.width ? s.height : s.width;
    layout l = {.columns = (lk_model_output(e->model) == LK_OUTPUT_IMAGE ? 3 : 1) +
                           (e->gallery ? NEAREST : 0)};
    l.width = l.columns * (s.width + GAP) + GAP;
    l.height = e->count * (s.height + GAP) + GAP;
    l.scale = side < CELL_SIDE ? CELL_SIDE / side : 1;
    while (l.scale > 0 && (l.width * l.scale > MAX_SIDE || l.height * l.scale > MAX_SIDE))
        l.scale--;
    return l;
}

/* ---- looking ---- */

static lk_status check_output(const options *o, fault *f) {
    if (!text_ends_with(o->explain, ".png"))
        return fail(f, LK_USAGE, NULL, "--explain wants a name ending in .png");
    return inputs_check_output(o, "explain", o->explain, f);
}

static lk_status make_room(explanation *e, fault *f) {
    const size_t size = size_of(lk_model_shape(e->model));
    e->images = lk_alloc(e->count * sizeof *e->images);
    e->values = lk_alloc(2 * e->count * size * sizeof *e->values);
    if (!e->images || !e->values) return fail_memory(f);
    for (size_t i = 0; i < e->count; i++) {
        e->images[i].x = e->values + 2 * i * size;
        e->images[i].x_hat = e->images[i].x + size;
    }
    return LK_OK;
}

lk_status explain_open(explanation *e, const options *o, const lk_model *model, const char *path,
                       size_t count, fault *f) {
    *e = (explanation){.o = o, .model = model, .count = count};
    char gallery[PATH_MAX];
    gallery_path(path, gallery);
    lk_status status = check_output(o, f);
    if (!status && file_kind_of(gallery) != FILE_ABSENT) {
        e->gallery = gallery_read(model, path, f);
        if (!e->gallery) status = f->error.status;
    }
    if (!status) status = names_of(model, &e->names, f);
    if (!status && lay_out(e).scale == 0)
        status =
            fail(f, LK_USAGE, NULL,
                 "--explain: %zu images make a PNG of over %d pixels a side; --limit takes fewer",
                 count, MAX_SIDE);
    if (!status) status = make_room(e, f);
    if (status) explain_free(e);
    return status;
}

void explain_free(explanation *e) {
    lk_gallery_free(e->gallery);
    strings_free(&e->names);
    lk_free(e->images);
    lk_free(e->values);
    *e = (explanation){0};
}

lk_status explain_image(const explanation *e, lk_run *run, size_t i, lk_picture picture,
                        lk_error *error) {
    explained *image = &e->images[i];
    const lk_preparation preparation = e->o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE;
    bool empty;
    const lk_status status =
        lk_prepare(preparation, picture, lk_model_shape(e->model), image->x, &empty, error);
    if (status || empty) return status; /* of nothing it knows nothing like it */
    lk_real *z = lk_alloc(lk_model_latent(e->model) * sizeof *z);
    if (!z) {
        *error = (lk_error){LK_MEMORY, LK_NO_OFFSET, "out of memory"};
        return LK_MEMORY;
    }
    lk_reconstruct(run, image->x, 1, z, image->x_hat);
    if (e->gallery)
        image->found = lk_gallery_search(e->gallery, z, LK_METRIC_COSINE, NEAREST,
                                         (lk_simd)e->o->simd, image->nearest);
    lk_free(z);
    return LK_OK;
}

/* ---- the picture ---- */

typedef struct sheet {
    layout l;
    lk_shape cell;
    lk_real *planes; /* [3][height][width] */
} sheet;

/* Paints three planes, or a grey one, into a cell. */
static void paint(const sheet *s, size_t row, size_t column, const lk_real *values,
                  size_t channels) {
    const size_t height = s->cell.height, width = s->cell.width;
    const size_t top = GAP + row * (height + GAP), left = GAP + column * (width + GAP);
    for (size_t c = 0; c < 3; c++)
        for (size_t y = 0; y < height; y++)
            memcpy(s->planes + (c * s->l.height + top + y) * s->l.width + left,
                   values + ((channels == 3 ? c : 0) * height + y) * width, width * sizeof *values);
}

/* Black where there is no error; the root makes small ones visible. colours[3][pixels]. */
static void map_error(const lk_real *x, const lk_real *x_hat, lk_shape s, lk_real *colours) {
    const size_t pixels = (size_t)s.height * s.width;
    for (size_t i = 0; i < pixels; i++) {
        double difference = 0;
        for (size_t c = 0; c < s.channels; c++)
            difference += (double)(x_hat[c * pixels + i] - x[c * pixels + i]) / s.channels;
        const lk_real *end = difference < 0 ? LEFT_OUT : ADDED;
        const lk_real strength = (lk_real)sqrt(fmin(1, fabs(difference)));
        for (size_t c = 0; c < 3; c++) colours[c * pixels + i] = end[c] * strength;
    }
}

static void paint_row(const sheet *s, const explanation *e, size_t row, lk_real *room) {
    const explained *image = &e->images[row];
    const size_t size = size_of(s->cell);
    size_t column = 0;
    paint(s, row, column++, image->x, s->cell.channels);
    if (lk_model_output(e->model) == LK_OUTPUT_IMAGE) {
        paint(s, row, column++, image->x_hat, s->cell.channels);
        map_error(image->x, image->x_hat, s->cell, room);
        paint(s, row, column++, room, 3);
    }
    for (size_t k = 0; k < image->found; k++) {
        const uint8_t *pixels =
            lk_gallery_images(e->gallery)->pixels + image->nearest[k].index * size;
        for (size_t i = 0; i < size; i++) room[i] = (lk_real)pixels[i] / 255;
        paint(s, row, column++, room, s->cell.channels);
    }
}

/* Every pixel becomes scale x scale of them. */
static void enlarge(const sheet *s, lk_real *out) {
    for (size_t y = 0; y < 3 * s->l.height * s->l.scale; y++)
        for (size_t x = 0; x < s->l.width * s->l.scale; x++)
            *out++ = s->planes[y / s->l.scale * s->l.width + x / s->l.scale];
}

lk_status explain_write(const explanation *e, fault *f) {
    sheet s = {.l = lay_out(e), .cell = lk_model_shape(e->model)};
    const size_t values = 3 * s.l.height * s.l.width, pixels = (size_t)s.cell.height * s.cell.width;
    const lk_shape whole = {3, (uint32_t)(s.l.height * s.l.scale),
                            (uint32_t)(s.l.width * s.l.scale)};
    lk_real *large = lk_alloc(size_of(whole) * sizeof *large);
    lk_real *room = lk_alloc(3 * pixels * sizeof *room);
    s.planes = lk_alloc(values * sizeof *s.planes);
    lk_status status = LK_OK;
    if (!large || !room || !s.planes) {
        status = fail_memory(f);
    } else {
        for (size_t i = 0; i < values; i++) s.planes[i] = 1; /* white between the cells */
        for (size_t row = 0; row < e->count; row++) paint_row(&s, e, row, room);
        enlarge(&s, large);
        status = picture_write(e->o->explain, large, whole, f);
    }
    lk_free(large);
    lk_free(room);
    lk_free(s.planes);
    return status;
}

/* ---- in words ---- */

json_t *explain_nearest(const explanation *e, size_t i) {
    const explained *image = &e->images[i];
    json_t *list = json_array();
    for (size_t k = 0; k < image->found; k++) {
        const lk_neighbour *n = &image->nearest[k];
        const uint32_t *labels = lk_gallery_images(e->gallery)->labels;
        json_t *row = json_pack("{s:I,s:o,s:o}", "index", (json_int_t)n->index, "label",
                                labels ? json_integer(labels[n->index]) : json_null(), "distance",
                                output_number(n->distance));
        if (labels) names_add(&e->names, labels[n->index], row);
        json_array_append_new(list, row);
    }
    return list;
}

void explain_print_nearest(const explanation *e, size_t i) {
    const explained *image = &e->images[i];
    for (size_t k = 0; k < image->found; k++) {
        const lk_neighbour *n = &image->nearest[k];
        const uint32_t *labels = lk_gallery_images(e->gallery)->labels;
        printf("%s", k ? ", " : "       nearest known: ");
        char name[NAME_SIZE];
        if (labels) printf("%s ", names_label(&e->names, labels[n->index], name));
        printf("(image %u) at %.4f", n->index, n->distance);
    }
    if (image->found) putchar('\n');
}

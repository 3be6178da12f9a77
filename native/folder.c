/* A folder of pictures as a data set: one folder for each class with its PNG and JPEG files, or the
   files alone, which then have no labels. */
#include <stdio.h>
#include <string.h>

#include "data.h"
#include "file.h"
#include "pictures.h"

static bool is_picture(const char *name) {
    return text_ends_with(name, ".png") || text_ends_with(name, ".jpg") ||
           text_ends_with(name, ".jpeg");
}

/* Adds the pictures of one folder to `files`, and its folders to `folders` where not NULL. */
static lk_status gather(const char *path, strings *files, strings *folders, fault *f) {
    strings names = {0};
    char full[PATH_MAX];
    lk_status status = file_list(path, &names, f);
    for (size_t i = 0; i < names.count && !status; i++) {
        status = file_join(path, names.items[i], full, f);
        if (status) break;
        bool ok = true;
        if (file_kind_of(full) == FILE_FOLDER) {
            ok = !folders || strings_add(folders, names.items[i]);
        } else if (is_picture(full)) {
            ok = strings_add(files, full);
        }
        if (!ok) status = fail_memory(f);
    }
    strings_free(&names);
    return status;
}

/* Lists every file in the order of its class; first[c] is where class c begins. */
static lk_status gather_classes(const char *path, data *out, size_t *first, fault *f) {
    char folder[PATH_MAX];
    for (size_t c = 0; c < out->classes.count; c++) {
        first[c] = out->files.count;
        lk_status status = file_join(path, out->classes.items[c], folder, f);
        if (!status) status = gather(folder, &out->files, NULL, f);
        if (status) return status;
        if (out->files.count == first[c])
            return fail(f, LK_DATA, folder, "a class folder without PNG or JPEG pictures");
    }
    return LK_OK;
}

/* Labels of the files; pixels come later, when the shape is known. */
static lk_status label(data *out, const size_t *first, fault *f) {
    lk_dataset *set = &out->set;
    set->count = out->files.count;
    if (out->classes.count == 0) return LK_OK;
    set->labels = lk_alloc(set->count * sizeof *set->labels);
    if (!set->labels) return fail_memory(f);
    for (size_t c = 0; c < out->classes.count; c++)
        for (size_t i = first[c]; i < set->count; i++) set->labels[i] = (uint32_t)c;
    data_set_count_classes(set);
    return LK_OK;
}

lk_status folder_open(const char *path, data *out, fault *f) {
    lk_status status = gather(path, &out->files, &out->classes, f);
    if (status) return status;
    if (out->files.count + out->classes.count == 0)
        return fail(f, LK_DATA, path, "no PNG or JPEG pictures in this folder");
    if (out->files.count > 0 && out->classes.count > 0)
        return fail(f, LK_DATA, path, "holds both pictures and class folders");
    size_t *first = lk_alloc((out->classes.count + 1) * sizeof *first);
    if (!first) return fail_memory(f);
    status = gather_classes(path, out, first, f);
    if (!status) status = label(out, first, f);
    lk_free(first);
    return status;
}

static bool has_colour(lk_picture p) {
    const size_t count = (size_t)p.width * p.height;
    for (size_t i = 0; p.channels > 1 && i < count; i++) {
        const uint8_t *rgb = p.pixels + i * p.channels;
        if (rgb[0] != rgb[1] || rgb[0] != rgb[2]) return true;
    }
    return false;
}

/* The first broken picture ends the reading: its message says what names all of them. */
static lk_status read_one(const char *file, lk_picture *out, fault *f) {
    const lk_status status = picture_read(file, out, f);
    if (status != LK_DATA) return status;
    char *message = f->error.message;
    const size_t length = strlen(message);
    snprintf(message + length, sizeof f->error.message - length,
             "; likeness data verify FOLDER names all such");
    return status;
}

lk_status folder_shape(const data *d, lk_shape *shape, fault *f) {
    enum { SIDE = 32, LOOKED_AT = 64 };
    const size_t count = d->files.count, looked = count < LOOKED_AT ? count : LOOKED_AT;
    *shape = (lk_shape){1, 0, 0};
    for (size_t i = 0; i < looked; i++) {
        const char *file = d->files.items[i * count / looked];
        lk_picture p;
        const lk_status status = read_one(file, &p, f);
        if (status) return status;
        if (has_colour(p)) shape->channels = 3;
        const bool own = p.width == p.height && p.width <= SIDE;
        const uint32_t side = own ? p.width : SIDE;
        if (i == 0) shape->height = side;
        if (shape->height != side) shape->height = SIDE;
        lk_free((void *)p.pixels);
    }
    shape->width = shape->height;
    return LK_OK;
}

lk_status folder_read(data *d, lk_shape shape, fault *f) {
    lk_dataset *set = &d->set;
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    if (set->count > SIZE_MAX / size) return fail(f, LK_DATA, d->path, "too many images");
    set->shape = shape;
    set->pixels = lk_alloc(set->count * size);
    lk_real *x = lk_alloc(size * sizeof *x);
    lk_status status = set->pixels && x ? LK_OK : fail_memory(f);
    for (size_t i = 0; i < set->count && !status; i++) {
        const char *file = d->files.items[i];
        lk_picture picture;
        bool empty;
        status = read_one(file, &picture, f);
        if (status) break;
        if (lk_prepare(LK_PREPARE_IMAGE, picture, shape, x, &empty, &f->error))
            status = blame(f, file);
        else
            picture_to_bytes(x, size, set->pixels + i * size);
        lk_free((void *)picture.pixels);
    }
    lk_free(x);
    return status;
}

/* Several data sets as one: A+B, where the label of an image is which of them it is from. */
#include <stdio.h>
#include <string.h>

#include "classes.h"
#include "data.h"
#include "file.h"

/* The parts of the spec; one, where it is a file or folder as it stands or has no plus. */
static lk_status split(const char *spec, strings *parts, fault *f) {
    const bool whole = file_kind_of(spec) != FILE_ABSENT;
    for (const char *at = spec;;) {
        char part[PATH_MAX];
        const size_t length = whole ? strlen(at) : strcspn(at, "+");
        if (length >= sizeof part) return fail(f, LK_IO, spec, "the name is too long");
        memcpy(part, at, length);
        part[length] = 0;
        if (length == 0 && (parts->count > 0 || at[length]))
            return fail(f, LK_USAGE, NULL, "data set '%.60s': there is nothing beside a +", spec);
        if (!strings_add(parts, part)) return fail_memory(f);
        if (!at[length]) return LK_OK;
        at += length + 1;
    }
}

/* a[n] with b[m] of `size` bytes each behind it, in place of a. */
static bool append(void **a, size_t n, const void *b, size_t m, size_t size) {
    uint8_t *both = lk_alloc((n + m) * size);
    if (!both) return false;
    if (n) memcpy(both, *a, n * size);
    memcpy(both + n * size, b, m * size);
    lk_free(*a);
    *a = both;
    return true;
}

/* Puts the images of `more` behind those of `d`, under the next label. */
static lk_status join(data *d, const data *more, const char *spec, fault *f) {
    lk_dataset *set = &d->set;
    const lk_dataset *other = &more->set;
    const size_t size = (size_t)other->shape.channels * other->shape.height * other->shape.width;
    const uint32_t label = (uint32_t)d->classes.count;
    if (label == 0) set->shape = other->shape;
    if (!data_same_shape(set->shape, other->shape))
        return fail(f, LK_DATA, more->path,
                    "images of %ux%ux%u beside those of %ux%ux%u: what is joined has one shape",
                    other->shape.channels, other->shape.height, other->shape.width,
                    set->shape.channels, set->shape.height, set->shape.width);
    if (label > 0 && !set->values != !other->values)
        return fail(f, LK_DATA, more->path, "rows of numbers beside images");
    if (label > 0 && !d->texts.count != !more->texts.count)
        return fail(f, LK_DATA, more->path, "texts are joined with texts alone");
    if (other->count > UINT32_MAX - set->count)
        return fail(f, LK_DATA, more->path, "too many images");
    bool ok = strings_add(&d->classes, spec);
    for (size_t i = 0; ok && i < more->files.count; i++)
        ok = strings_add(&d->files, more->files.items[i]);
    for (size_t i = 0; ok && i < more->texts.count; i++)
        ok = strings_add(&d->texts, more->texts.items[i]);
    if (ok && other->pixels)
        ok = append((void **)&set->pixels, set->count, other->pixels, other->count, size);
    if (ok && other->values)
        ok = append((void **)&set->values, set->count, other->values, other->count,
                    size * sizeof *set->values);
    uint32_t *labels = lk_alloc((set->count + other->count) * sizeof *labels);
    if (!ok || !labels) {
        lk_free(labels);
        return fail_memory(f);
    }
    for (size_t i = 0; i < set->count + other->count; i++)
        labels[i] = i < set->count ? set->labels[i] : label;
    lk_free(set->labels);
    set->labels = labels;
    set->count += other->count;
    data_set_count_classes(set);
    return LK_OK;
}

typedef lk_status opener(const char *spec, data_part part, lk_shape wanted, uint32_t limit,
                         data *out, fault *f);

static lk_status open_all(opener *open, const char *spec, const strings *parts, data_part part,
                          lk_shape wanted, uint32_t limit, data *out, fault *f) {
    lk_status status = LK_OK;
    size_t folders = 0;
    *out = (data){.kind = "joined"};
    snprintf(out->path, sizeof out->path, "%s", spec);
    for (size_t i = 0; i < parts->count && !status; i++) {
        data one;
        status = open(parts->items[i], part, wanted, limit, &one, f);
        if (status) break;
        folders += one.files.count > 0;
        if (folders != 0 && folders != i + 1)
            status = fail(f, LK_DATA, one.path, "folders are joined with folders alone");
        if (!status) status = join(out, &one, parts->items[i], f);
        data_free(&one);
    }
    if (status) data_free(out);
    return status;
}

static lk_status open_spec(opener *open, const char *spec, data_part part, lk_shape wanted,
                           uint32_t limit, data *out, fault *f) {
    strings parts = {0};
    *out = (data){0};
    lk_status status = split(spec, &parts, f);
    if (!status && parts.count == 1)
        status = open(spec, part, wanted, limit, out, f);
    else if (!status)
        status = open_all(open, spec, &parts, part, wanted, limit, out, f);
    strings_free(&parts);
    return status;
}

lk_status data_open(const char *spec, data_part part, lk_shape wanted, uint32_t limit, data *out,
                    fault *f) {
    return open_spec(data_open_one, spec, part, wanted, limit, out, f);
}

lk_status data_load(const char *spec, data_part part, lk_shape wanted, uint32_t limit, data *out,
                    fault *f) {
    return open_spec(data_load_one, spec, part, wanted, limit, out, f);
}

/* Whether the file at `path` is one of the pictures of the folder. */
static bool is_picture_of(const char *folder, const char *path) {
    data d = {0};
    fault ignored;
    bool found = false;
    const bool both = file_kind_of(folder) == FILE_FOLDER && file_kind_of(path) == FILE_REGULAR;
    if (both && folder_open(folder, &d, &ignored) == LK_OK)
        for (size_t i = 0; i < d.files.count && !found; i++)
            found = file_same(d.files.items[i], path);
    data_free(&d);
    return found;
}

bool data_is_at(const char *spec, const char *path) {
    strings parts = {0};
    fault ignored;
    bool found = false;
    const bool split_up = split(spec, &parts, &ignored) == LK_OK;
    for (size_t i = 0; split_up && i < parts.count; i++) {
        char base[PATH_MAX];
        classes chosen;
        if (classes_split(parts.items[i], base, &chosen, &ignored)) continue;
        data_cut_label(base);
        data_cut_part(base);
        found |= file_same(base, path) || is_picture_of(base, path);
    }
    strings_free(&parts);
    return found;
}

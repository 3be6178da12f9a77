/* data list, data info SPEC, data verify SPEC. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "data.h"
#include "file.h"
#include "names.h"
#include "output.h"
#include "pictures.h"

static int list(const options *o, fault *f) {
    json_t *sets = data_named_list();
    if (o->json) return output_json(sets, f);
    data_print_list(sets);
    json_decref(sets);
    return LK_OK;
}

static json_t *count_labels(const data *d) {
    json_t *counts = json_array();
    for (uint32_t c = 0; c < d->set.classes; c++) {
        json_int_t count = 0;
        for (size_t i = 0; i < d->set.count; i++) count += d->set.labels[i] == c;
        const char *name = c < d->classes.count ? d->classes.items[c] : NULL;
        json_array_append_new(counts, json_pack("{s:i,s:o,s:I}", "label", (int)c, "name",
                                                output_text(name), "images", count));
    }
    return counts;
}

static double mean_value(const lk_dataset *set) {
    const size_t size = (size_t)set->shape.channels * set->shape.height * set->shape.width;
    uint64_t sum = 0;
    double total = 0;
    for (size_t i = 0; set->values && i < set->count * size; i++) total += (double)set->values[i];
    if (set->values) return total / ((double)set->count * (double)size);
    for (size_t i = 0; i < set->count * size; i++) sum += set->pixels[i];
    return (double)sum / (255.0 * (double)set->count * (double)size);
}

/* Images of one single value: nothing is to be seen on them. */
static size_t count_blank(const lk_dataset *set) {
    const size_t size = (size_t)set->shape.channels * set->shape.height * set->shape.width;
    size_t blank = 0;
    for (size_t i = 0; set->pixels && i < set->count; i++) {
        const uint8_t *pixels = set->pixels + i * size;
        blank += size == 1 || memcmp(pixels, pixels + 1, size - 1) == 0;
    }
    return blank;
}

static json_t *describe(const char *spec, const data *d) {
    char sha256[65];
    data_sha256(&d->set, sha256);
    return json_pack("{s:o,s:s,s:o,s:I,s:[iii],s:i,s:o,s:f,s:I,s:s}", "data", output_text(spec),
                     "kind", d->kind, "path", output_text(d->path), "images",
                     (json_int_t)d->set.count, "shape", (int)d->set.shape.channels,
                     (int)d->set.shape.height, (int)d->set.shape.width, "classes",
                     (int)d->set.classes, "labels", count_labels(d), "mean", mean_value(&d->set),
                     "blank_images", (json_int_t)count_blank(&d->set), "sha256", sha256);
}

/* How many classes have images. */
static unsigned count_classes(const json_t *labels) {
    unsigned count = 0;
    for (size_t i = 0; i < json_array_size(labels); i++)
        count += json_integer_value(json_object_get(json_array_get(labels, i), "images")) > 0;
    return count;
}

/* What one of it is called. */
static const char *noun_of(const data *d) {
    return !d->set.values ? "image" : strcmp(d->kind, "jsonl") == 0 ? "text" : "row";
}

/* By which names or numbers :only= and :without= choose. */
static void print_classes(const json_t *labels, const char *noun) {
    for (size_t i = 0; i < json_array_size(labels); i++) {
        const json_t *label = json_array_get(labels, i);
        const json_int_t images = json_integer_value(json_object_get(label, "images"));
        const char *name = json_string_value(json_object_get(label, "name"));
        char line[4 * NAME_SIZE];
        if (images > 0)
            printf("class %zu: %s%s%s\n", i, COUNT_OF(images, noun), name ? ", " : "",
                   name ? text_printable(name, line, sizeof line) : "");
    }
}

static int print_description(const char *spec, const data *d, bool json, fault *f) {
    json_t *object = describe(spec, d);
    if (!object) return fail_memory(f);
    if (json) return output_json(object, f);
    const json_t *labels = json_object_get(object, "labels");
    char line[2 * PATH_MAX];
    printf("%s: %s of %ux%ux%u, %s, from %s\nmean %.4f, %zu blank, sha256 %s\n", spec,
           COUNT_OF(d->set.count, noun_of(d)), d->set.shape.channels, d->set.shape.height,
           d->set.shape.width, COUNT_OF(count_classes(labels), "class"),
           text_printable(d->path, line, sizeof line), mean_value(&d->set), count_blank(&d->set),
           json_string_value(json_object_get(object, "sha256")));
    print_classes(labels, noun_of(d));
    json_decref(object);
    return LK_OK;
}

/* Loading has checked the format; named sets are also compared with what was published. */
static int print_verification(const char *spec, const data *d, bool json, fault *f) {
    const char *compared = data_compare_published(spec, DATA_TRAIN, d);
    if (compared && strcmp(compared, "match") != 0)
        return fail(f, LK_DATA, d->path, "differs from the published data set");
    if (json)
        return output_json(json_pack("{s:o,s:b,s:s*,s:I}", "data", output_text(spec), "ok", true,
                                     "published", compared, "images", (json_int_t)d->set.count),
                           f);
    printf("%s: ok, %s%s\n", spec, COUNT_OF(d->set.count, noun_of(d)),
           compared ? ", the same as the published ones" : "");
    return LK_OK;
}

/* Says of every picture of a folder that cannot be read why not, so that all can be seen to at
 * once. */
static lk_status verify_pictures(const char *spec, fault *f) {
    data d;
    lk_status status = data_open(spec, DATA_TRAIN, (lk_shape){0}, 0, &d, f);
    if (status) return status;
    size_t broken = 0;
    for (size_t i = 0; i < d.files.count; i++) {
        fault one;
        lk_picture picture;
        status = picture_read(d.files.items[i], &picture, &one);
        if (!status) {
            lk_free((void *)picture.pixels);
        } else if (status == LK_MEMORY) {
            *f = one;
            break;
        } else {
            output_note(&one);
            status = LK_OK;
            broken++;
        }
    }
    if (broken && !status)
        status = fail(f, LK_DATA, d.path, "%zu of %s cannot be read", broken,
                      COUNT_OF(d.files.count, "picture"));
    data_free(&d);
    return status;
}

int cmd_data(const options *o, fault *f) {
    const char *action = o->arguments.items[0];
    static const char *const actions[] = {"list", "info", "verify"};
    const bool info = strcmp(action, "info") == 0, verify = strcmp(action, "verify") == 0;
    if (strcmp(action, "list") == 0 && o->arguments.count == 1) return list(o, f);
    if (!info && !verify) {
        const char *near = text_nearest(action, actions, 3);
        return fail(f, LK_USAGE, NULL, "data: '%.40s' is not list, info or verify%s%s", action,
                    near ? "; did you mean " : "", near ? near : "");
    }
    if (o->arguments.count != 2) return fail(f, LK_USAGE, NULL, "data %s wants a SPEC", action);
    const char *spec = o->arguments.items[1];
    data d;
    const bool pictures = verify && file_kind_of(spec) == FILE_FOLDER;
    int code = pictures ? (int)verify_pictures(spec, f) : LK_OK;
    if (!code) code = (int)data_load(spec, DATA_TRAIN, o->shape, verify ? 0 : o->limit, &d, f);
    if (code) return code;
    code = data_check_shape(&d, o->shape, f);
    if (!code) code = data_suit_table(&d, NULL, f);
    if (!code) code = (info ? print_description : print_verification)(spec, &d, o->json, f);
    data_free(&d);
    return code;
}

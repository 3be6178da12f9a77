/* families, inspect, doctor: what there is to know without any image. */
#include <errno.h>
#include <stdio.h>

#include "commands.h"
#include "data.h"
#include "file.h"
#include "model_file.h"
#include "names.h"
#include "output.h"
#include "words.h"

static const char *const METHODS[] = {"trained", "solved", "stacked"};
static const char *const OUTPUTS[] = {"image", "classes", "code"};

/* How it is trained where it is trained in a way of its own. */
static json_t *describe_training(const lk_family *family) {
    const char *augment = family->training.augment;
    if (!family->training.steps) return json_null();
    return json_pack("{s:i,s:i,s:f,s:s,s:s,s:b}", "batch", (int)family->training.batch, "steps",
                     (int)family->training.steps, "decay", family->training.decay, "init",
                     family->training.init == LK_INIT_HE ? "he" : "glorot", "augment",
                     augment ? augment : "", "half", (int)family->training.half);
}

static json_t *describe_family(const lk_family *family, fault *f) {
    char arch[2048];
    if (lk_family_arch(family, family->shape, 0, 10, arch, sizeof arch, &f->error)) return NULL;
    lk_model *model = lk_model_create(arch, &f->error);
    if (!model) return NULL;
    json_t *row =
        json_pack("{s:s,s:s,s:I,s:I,s:[iii],s:s,s:s,s:s,s:o}", "name", family->name, "arch",
                  lk_model_arch(model), "parameters", (json_int_t)lk_model_parameters(model),
                  "latent", (json_int_t)lk_model_latent(model), "shape",
                  (int)family->shape.channels, (int)family->shape.height, (int)family->shape.width,
                  "method", METHODS[family->method], "output", OUTPUTS[lk_model_output(model)],
                  "summary", family->summary, "training", describe_training(family));
    lk_model_free(model);
    return row;
}

int cmd_families(const options *o, fault *f) {
    size_t count;
    const lk_family *families = lk_families(&count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *row = describe_family(&families[i], f);
        if (!row) {
            json_decref(list);
            return f->error.status;
        }
        json_array_append_new(list, row);
    }
    if (o->json) return output_json(list, f);
    size_t i;
    json_t *row;
    lk_status status = LK_OK;
    json_array_foreach(list, i, row) {
        const lk_shape s = families[i].shape;
        char own[160] = "";
        if (families[i].training.steps)
            snprintf(
                own, sizeof own,
                "             trained, unless told otherwise, for %u steps or more: --batch %u "
                "--decay %g --init %s --augment '%s'%s\n",
                families[i].training.steps, families[i].training.batch, families[i].training.decay,
                families[i].training.init == LK_INIT_HE ? "he" : "glorot",
                families[i].training.augment ? families[i].training.augment : "shift 0",
                families[i].training.half ? " --half" : "");
        errno = 0; /* the list is longer than what stdio holds back, so that a line may fail */
        if (printf(
                "%-12s %s\n             %s\n             %lld parameters, codes of %lld, images of"
                " %ux%ux%u, %s\n%s",
                families[i].name, families[i].summary,
                json_string_value(json_object_get(row, "arch")),
                (long long)json_integer_value(json_object_get(row, "parameters")),
                (long long)json_integer_value(json_object_get(row, "latent")), s.channels, s.height,
                s.width, METHODS[families[i].method], own) >= 0)
            continue;
        status = fail_errno(f, "standard output", "cannot write");
        break;
    }
    json_decref(list);
    return status;
}

/* {"image": {"images", "finest_p"}, ...} of the preparations that are calibrated. */
static json_t *describe_calibration(const lk_model *model) {
    json_t *object = json_object();
    for (int i = 0; i < LK_PREPARATIONS; i++) {
        size_t count;
        if (!lk_model_calibrated(model, (lk_preparation)i)) continue;
        lk_model_calibration(model, (lk_preparation)i, &count);
        json_object_set_new(object, lk_preparation_name((lk_preparation)i),
                            json_pack("{s:I,s:f}", "images", (json_int_t)count, "finest_p",
                                      1.0 / ((double)count + 1)));
    }
    return object;
}

static json_t *describe_model(const lk_model *model, const char *path, size_t bytes) {
    const lk_shape shape = lk_model_shape(model);
    char gallery[PATH_MAX];
    gallery_path(path, gallery);
    const bool has_gallery = file_kind_of(gallery) == FILE_REGULAR;
    return json_pack("{s:o,s:I,s:s,s:I,s:[iii],s:I,s:s,s:I,s:f,s:o,s:o,s:o,s:o,s:o,s:f,s:o}",
                     "model", output_text(path), "bytes", (json_int_t)bytes, "arch",
                     lk_model_arch(model), "parameters", (json_int_t)lk_model_parameters(model),
                     "shape", (int)shape.channels, (int)shape.height, (int)shape.width, "latent",
                     (json_int_t)lk_model_latent(model), "output", OUTPUTS[lk_model_output(model)],
                     "classes", (json_int_t)lk_model_classes(model), "flops", lk_model_flops(model),
                     "family", output_text(lk_model_text(model, LK_TEXT_FAMILY)), "title",
                     output_text(lk_model_text(model, LK_TEXT_TITLE)), "data",
                     output_text(lk_model_text(model, LK_TEXT_DATA)), "weights_sha256",
                     output_text(lk_model_text(model, LK_TEXT_WEIGHTS)), "calibration",
                     describe_calibration(model), "alpha", lk_model_alpha(model), "gallery",
                     output_text(has_gallery ? gallery : NULL));
}

/* The words that a model of texts counts; to people, how many. */
static lk_status add_words(const lk_model *model, const char *path, bool all, json_t *object,
                           fault *f) {
    words w;
    if (words_of(model, &w, f)) return blame(f, path);
    json_t *list = json_array();
    for (size_t i = 0; i < w.list.count; i++)
        json_array_append_new(list, output_text(w.list.items[i]));
    if (w.list.count && !all)
        json_object_set_new(object, "words", json_integer((json_int_t)w.list.count));
    if (w.list.count && all) json_object_set(object, "words", list);
    json_decref(list);
    words_free(&w);
    return LK_OK;
}

/* What the classes are called that it learnt from. */
static lk_status add_names(const lk_model *model, json_t *object, fault *f) {
    strings names;
    const lk_status status = names_of(model, &names, f);
    json_t *list = json_array();
    for (size_t i = 0; i < names.count; i++)
        json_array_append_new(list, json_string(names.items[i]));
    if (names.count) json_object_set(object, "class_names", list);
    json_decref(list);
    strings_free(&names);
    return status;
}

/* One line for each key of a flat object, nested ones as JSON. */
static void print_table(const json_t *object) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        char *text = json_is_string(value)
                         ? NULL
                         : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        char line[2 * PATH_MAX];
        printf("%-15s %s\n", key,
               text_printable(text ? text : json_string_value(value), line, sizeof line));
        free(text);
    }
}

int cmd_inspect(const options *o, fault *f) {
    const char *path = o->arguments.items[0];
    lk_model *model = model_read(path, f);
    if (!model) return f->error.status;
    json_t *object = describe_model(model, path, file_size(path));
    lk_status status = object ? add_words(model, path, o->json, object, f) : fail_memory(f);
    if (!status) status = add_names(model, object, f);
    lk_model_free(model);
    if (status) {
        json_decref(object);
        return status;
    }
    if (o->json) return output_json(object, f);
    print_table(object);
    json_decref(object);
    return LK_OK;
}

static void print_doctor(const json_t *object) {
    size_t i;
    json_t *row;
    printf("likeness %s, %s, SIMD:", LIKENESS_VERSION,
           COUNT_OF(json_integer_value(json_object_get(object, "threads")), "thread"));
    json_array_foreach(json_object_get(object, "simd"), i, row)
        printf(" %s", json_string_value(row));
    puts("; data sets:");
    data_print_list(json_object_get(object, "data"));
}

int cmd_doctor(const options *o, fault *f) {
    json_t *variants = json_array();
    for (int i = 0; i < LK_SIMD_COUNT; i++)
        if (lk_simd_available((lk_simd)i))
            json_array_append_new(variants, json_string(lk_simd_name((lk_simd)i)));
    json_t *object = json_pack("{s:s,s:o,s:s,s:i,s:o}", "version", LIKENESS_VERSION, "simd",
                               variants, "best_simd", lk_simd_name(lk_simd_best()), "threads",
                               options_default_threads(), "data", data_named_list());
    if (!object) return fail_memory(f);
    if (o->json) return output_json(object, f);
    print_doctor(object);
    json_decref(object);
    return LK_OK;
}

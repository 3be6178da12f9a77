#include "inputs.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "model_file.h"
#include "names.h"
#include "output.h"
#include "pictures.h"

static lk_status add_folder(const char *path, strings *files, fault *f) {
    data d = {0};
    lk_status status = folder_open(path, &d, f);
    for (size_t i = 0; i < d.files.count && !status; i++)
        if (!strings_add(files, d.files.items[i])) status = fail_memory(f);
    data_free(&d);
    return status;
}

lk_status inputs_gather(const strings *arguments, size_t first, strings *files, fault *f) {
    lk_status status = LK_OK;
    for (size_t i = first; i < arguments->count && !status; i++) {
        const char *name = arguments->items[i];
        if (strcmp(name, "-") == 0)
            status = file_read_lines(files, f);
        else if (file_kind_of(name) == FILE_FOLDER)
            status = add_folder(name, files, f);
        else if (!strings_add(files, name))
            status = fail_memory(f);
    }
    if (!status && arguments->count > first && files->count == 0)
        status = fail(f, LK_USAGE, NULL, "no image is named");
    return status;
}

/* The labels of the images are those of the model, where both know them by their names. */
static lk_status match_labels(const lk_model *model, data *d, fault *f) {
    strings names;
    lk_status status = names_of(model, &names, f);
    if (!status) status = names_match(&names, d, f);
    strings_free(&names);
    return status;
}

lk_status inputs_open_data(const char *spec, data_part part, uint32_t limit, const lk_model *model,
                           inputs *in, fault *f) {
    *in = (inputs){.spec = spec};
    lk_status status = data_open(spec, part, lk_model_shape(model), limit, &in->data, f);
    if (!status) status = data_suit_table(&in->data, model, f);
    if (!status) status = match_labels(model, &in->data, f);
    in->count = in->data.set.count;
    if (status) inputs_free(in);
    return status;
}

lk_status inputs_open(const options *o, const lk_model *model, inputs *in, fault *f) {
    *in = (inputs){0};
    if (o->data && o->arguments.count > 1)
        return fail(f, LK_USAGE, NULL, "give images or --data, not both");
    if (o->data) return inputs_open_data(o->data, DATA_TEST, o->limit, model, in, f);
    if (o->arguments.count < 2) return fail(f, LK_USAGE, NULL, "give images or --data SPEC");
    const bool piped = strcmp(o->arguments.items[1], "-") == 0;
    if (lk_model_is_table(model) && o->arguments.count == 2 && !piped)
        return inputs_open_data(o->arguments.items[1], DATA_TEST, o->limit, model, in, f);
    if (lk_model_is_table(model))
        return fail(f, LK_USAGE, NULL, "the model is of rows of numbers: give one file of them");
    const lk_status status = inputs_gather(&o->arguments, 1, &in->data.files, f);
    if (o->limit) strings_cut(&in->data.files, o->limit);
    in->count = in->data.files.count;
    return status;
}

void inputs_free(inputs *in) {
    data_free(&in->data);
    lk_free(in->errors);
    in->errors = NULL;
    in->count = 0;
}

static bool is_read(const options *o, const char *path) {
    const char *const sets[] = {o->data, o->known, o->place};
    const strings *const named[] = {&o->ood, &o->inside};
    bool found =
        (o->map && file_same(path, o->map)) || (o->classifier && file_same(path, o->classifier));
    for (size_t i = 0; i < o->arguments.count; i++) found |= file_same(path, o->arguments.items[i]);
    for (size_t i = 0; i < 3; i++) found |= sets[i] && data_is_at(sets[i], path);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < named[k]->count; i++) {
            const char *equals = strchr(named[k]->items[i], '=');
            found |= equals && data_is_at(equals + 1, path);
        }
    return found;
}

static bool is_beside_model(const options *o, const char *path) {
    return (o->arguments.count > 0 && model_is_beside(o->arguments.items[0], path)) ||
           (o->classifier && model_is_beside(o->classifier, path));
}

lk_status inputs_check_output(const options *o, const char *option, const char *path, fault *f) {
    if (is_read(o, path)) return fail(f, LK_USAGE, NULL, "--%s is one of the inputs", option);
    if (is_beside_model(o, path))
        return fail(f, LK_USAGE, NULL, "--%s is a model's gallery or report", option);
    return file_check_output(path, f);
}

lk_status inputs_check_apart(const strings *files, const char *option, const char *path, fault *f) {
    for (size_t i = 0; i < files->count; i++)
        if (file_same(path, files->items[i]))
            return fail(f, LK_USAGE, NULL, "--%s is one of the inputs", option);
    return LK_OK;
}

lk_status inputs_bear(inputs *in, fault *f) {
    in->errors = lk_alloc(in->count * sizeof *in->errors);
    return in->errors ? LK_OK : fail_memory(f);
}

lk_status inputs_tell(const inputs *in) {
    lk_status first = LK_OK;
    for (size_t i = 0; in->errors && i < in->count; i++) {
        if (!in->errors[i].status) continue;
        fault own = {.error = in->errors[i]};
        char name[PATH_MAX];
        snprintf(own.file, sizeof own.file, "%s", inputs_name(in, i, name));
        output_fault(&own, false);
        if (!first) first = own.error.status;
    }
    return first;
}

const char *inputs_name(const inputs *in, size_t i, char *out) {
    return data_image_name(&in->data, in->spec, i, out);
}

/* One thread's workspace. */
typedef struct worker {
    lk_run *run;
    uint8_t *pixels; /* of one image of a data set */
} worker;

static lk_status visit_one(const inputs *in, const worker *w, size_t i, inputs_visitor *visit,
                           void *context, fault *f) {
    lk_picture picture;
    const bool decode = in->data.files.count > 0;
    if (decode) {
        const lk_status status = picture_read(in->data.files.items[i], &picture, f);
        if (status) return status;
    } else {
        picture = picture_of(&in->data.set, i, w->pixels);
    }
    const lk_status status = visit(context, w->run, i, picture, &f->error);
    if (status) blame(f, decode ? in->data.files.items[i] : in->data.path);
    if (decode) lk_free((void *)picture.pixels);
    return status;
}

static lk_status make_worker(const inputs *in, const lk_model *model, lk_simd simd, worker *w,
                             fault *f) {
    const lk_shape s = in->data.set.shape;
    w->run = lk_run_create(model, 1, simd, &f->error);
    if (!w->run) return f->error.status;
    w->pixels = lk_alloc((size_t)s.channels * s.height * s.width);
    return w->pixels ? LK_OK : fail_memory(f);
}

static void visit_all(const inputs *in, const worker *workers, int threads, inputs_visitor *visit,
                      void *context, fault *f) {
    size_t first_bad = SIZE_MAX;
#pragma omp parallel for schedule(dynamic, 8) num_threads(threads) if (threads > 1)
    for (size_t i = 0; i < in->count; i++) {
        size_t bad;
#pragma omp atomic read
        bad = first_bad;
        if (i > bad || (in->errors && in->errors[i].status)) continue;
        fault own = {.error.offset = LK_NO_OFFSET};
        const lk_status status =
            visit_one(in, &workers[omp_get_thread_num()], i, visit, context, &own);
        if (in->errors && status != LK_MEMORY) in->errors[i] = own.error;
        if (!status || (in->errors && status != LK_MEMORY)) continue;
#pragma omp critical
        if (i < first_bad) {
            *f = own;
#pragma omp atomic write
            first_bad = i;
        }
    }
}

lk_status inputs_visit(const inputs *in, const lk_model *model, const options *o,
                       inputs_visitor *visit, void *context, fault *f) {
    const int threads = in->count < o->threads ? (int)in->count : (int)o->threads;
    if (in->data.set.values)
        return fail(f, LK_USAGE, in->data.path, "rows of numbers, and this is for images");
    worker *workers = lk_alloc((size_t)threads * sizeof *workers);
    if (!workers) return fail_memory(f);
    lk_status status = LK_OK;
    for (int i = 0; i < threads && !status; i++)
        status = make_worker(in, model, (lk_simd)o->simd, &workers[i], f);
    if (!status) {
        f->error.status = LK_OK;
        visit_all(in, workers, threads, visit, context, f);
        status = f->error.status;
    }
    for (int i = 0; i < threads; i++) {
        lk_run_free(workers[i].run);
        lk_free(workers[i].pixels);
    }
    lk_free(workers);
    return status;
}

#include "model_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "text.h"

#define MAX_MODEL_FILE (256ull << 20)

lk_model *model_read(const char *path, fault *f) {
    lk_bytes bytes;
    if (file_read(path, MAX_MODEL_FILE, LK_MODEL, &bytes, f)) return NULL;
    lk_model *model = lk_model_load(bytes.data, bytes.size, &f->error);
    if (!model) blame(f, path);
    lk_free(bytes.data);
    return model;
}

lk_status model_stage(const lk_model *model, const char *path, file_set *set, fault *f) {
    lk_bytes bytes = {0};
    if (lk_model_save(model, &bytes, &f->error)) return blame(f, path);
    const lk_status status = file_stage(set, path, bytes.data, bytes.size, f);
    lk_bytes_free(&bytes);
    return status;
}

lk_status model_write(const lk_model *model, const char *path, fault *f) {
    file_set one = {0};
    const lk_status status = model_stage(model, path, &one, f);
    return status ? status : file_put(&one, f);
}

double model_alpha(const lk_model *model, const options *o) {
    return o->alpha > 0 ? o->alpha : lk_model_alpha(model);
}

void model_note_alpha(const lk_model *model, const char *path, lk_preparation preparation,
                      double alpha) {
    size_t count;
    lk_model_calibration(model, preparation, &count);
    const double finest = 1.0 / ((double)count + 1);
    if (count == 0 || alpha >= finest) return;
    if (fflush(stdout) != 0) return; /* there is worse to tell */
    char line[4 * PATH_MAX];
    fprintf(
        stderr,
        "likeness: note: %s: by %zu held-out images no p is under %.2g: at alpha %g nothing can "
        "be flagged, from --alpha %g on it can\n",
        text_printable(path, line, sizeof line), count, finest, alpha, ceil(1000 * finest) / 1000);
}

/* X.safetensors -> X and another ending. Too long a name is cut, and then found nowhere. */
static void path_beside(const char *model_path, const char *other, char *out) {
    const char *ending = ".safetensors";
    size_t length = strlen(model_path);
    if (text_ends_with(model_path, ending)) length -= strlen(ending);
    snprintf(out, PATH_MAX, "%.*s%s", (int)length, model_path, other);
}

void gallery_path(const char *model_path, char *out) {
    path_beside(model_path, ".gallery.safetensors", out);
}

void report_path(const char *model_path, char *out) {
    path_beside(model_path, ".report.json", out);
}

bool model_is_beside(const char *model_path, const char *path) {
    char gallery[PATH_MAX], report[PATH_MAX];
    gallery_path(model_path, gallery);
    report_path(model_path, report);
    return file_same(path, gallery) || file_same(path, report);
}

lk_gallery *gallery_read(const lk_model *model, const char *model_path, fault *f) {
    char path[PATH_MAX];
    gallery_path(model_path, path);
    lk_bytes bytes;
    if (file_read(path, MAX_MODEL_FILE, LK_MODEL, &bytes, f)) return NULL;
    lk_gallery *gallery = lk_gallery_load(model, bytes.data, bytes.size, &f->error);
    if (!gallery) blame(f, path);
    lk_free(bytes.data);
    return gallery;
}

lk_status gallery_stage(const lk_gallery *gallery, const char *model_path, file_set *set,
                        fault *f) {
    char path[PATH_MAX];
    gallery_path(model_path, path);
    lk_bytes bytes = {0};
    if (lk_gallery_save(gallery, &bytes, &f->error)) return blame(f, path);
    const lk_status status = file_stage(set, path, bytes.data, bytes.size, f);
    lk_bytes_free(&bytes);
    return status;
}

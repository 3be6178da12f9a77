/* train: data, model, training or solving, calibration, gallery, files, report. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "commands.h"
#include "interrupt.h"
#include "job.h"
#include "model_file.h"
#include "output.h"
#include "pretraining.h"

static void free_job(job *j) {
    training_end(&j->training);
    file_drop(&j->files);
    file_lock_release(&j->lock);
    data_set_free(&j->images);
    data_set_free(&j->lessons);
    data_set_free(&j->validation);
    data_set_free(&j->held_out);
    json_decref(j->report);
    lk_free(j->explained);
    lk_model_free(j->model);
}

/* ---- the work ---- */

/* The images that losses are compared on. */
static const lk_dataset *validation_of(const job *j) {
    return j->validation.count > 0 ? &j->validation : &j->held_out;
}

static lk_status measure(const job *j, const lk_dataset *set, lk_progress *out, fault *f) {
    *out = (lk_progress){NAN, NAN};
    if (set->count == 0) return LK_OK;
    if (lk_evaluate(j->model, set, (int)j->o->threads, (lk_simd)j->o->simd, out, &f->error))
        return f->error.status;
    if (lk_model_classes(j->model) == 0) out->accuracy = NAN;
    if (isfinite(out->loss)) return LK_OK;
    return fail(f, LK_NONFINITE, NULL, "the loss is not finite after training");
}

static lk_status halve(job *j, fault *f) {
    return j->o->half ? lk_model_halve(j->model, &f->error) : LK_OK;
}

static lk_status measure_both(job *j, fault *f) {
    const lk_status status = measure(j, &j->images, &j->trained, f);
    return status ? status : measure(j, validation_of(j), &j->validated, f);
}

static lk_status solve(job *j, fault *f) {
    const double start = clock_seconds();
    j->explained = lk_alloc(lk_model_latent(j->model) * sizeof *j->explained);
    if (!j->explained) return fail_memory(f);
    if (lk_pca_solve(j->model, &j->images, (int)j->o->threads, j->explained, &f->error))
        return f->error.status;
    j->solve_seconds = clock_seconds() - start;
    return LK_OK;
}

static bool wants_calibration(const job *j) {
    /* Verdicts are about images as they come, and these were made black and white. */
    return !j->o->no_calibrate && !(j->o->binarise > 0) && j->held_out.count >= LK_MIN_CALIBRATION;
}

/* Whether drawings are to be judged too. */
static bool is_ink(const job *j) {
    return j->o->ink || j->o->drawings ||
           (data_is_ink(j->o->data) && j->images.shape.channels == 1);
}

static lk_status fit_score(job *j, fault *f) {
    const options *o = j->o;
    if (!wants_calibration(j)) {
        if (o->binarise > 0 && !o->no_calibrate)
            progress_say(&j->training.progress,
                         "images were binarised: no calibration, so no verdicts");
        else if (!o->no_calibrate)
            progress_say(&j->training.progress,
                         "%zu held-out images are fewer than %d: no calibration, so no verdicts",
                         j->held_out.count, LK_MIN_CALIBRATION);
        return LK_OK;
    }
    return lk_score_fit(j->model, &j->images, (uint32_t)j->how.augment.shift, is_ink(j),
                        o->references, o->seed, (int)o->threads, (lk_simd)o->simd, &f->error);
}

static lk_status calibrate(job *j, lk_preparation preparation, fault *f) {
    if (!wants_calibration(j)) return LK_OK;
    return lk_score_calibrate(j->model, preparation, &j->held_out, (int)j->o->threads,
                              (lk_simd)j->o->simd, &f->error);
}

static lk_status calibrate_image(job *j, fault *f) {
    return calibrate(j, LK_PREPARE_IMAGE, f);
}

static lk_status calibrate_ink(job *j, fault *f) {
    return is_ink(j) ? calibrate(j, LK_PREPARE_INK, f) : LK_OK;
}

static lk_status describe_model(job *j, fault *f) {
    const options *o = j->o;
    const char *title = o->title ? o->title : data_title(o->data);
    char about[512], spec[80], more[64] = "", validation[64] = "";
    lk_bytes weights = {0};
    if (lk_model_weights(j->model, &weights, &f->error)) return f->error.status;
    output_sha256(weights.data, weights.size, j->weights_sha256);
    lk_bytes_free(&weights);
    if (o->binarise > 0) snprintf(more, sizeof more, ", binarised at %g", o->binarise);
    if (o->drawings)
        snprintf(more, sizeof more, " and %zu drawings", j->lessons.count - 2 * j->images.count);
    if (j->validation.count > 0)
        snprintf(validation, sizeof validation, ", %zu to validate", j->validation.count);
    snprintf(about, sizeof about, "%s%s, %s trained on%s and %zu held out, sha256 %s",
             text_printable(o->data, spec, sizeof spec), more, COUNT_OF(j->images.count, "image"),
             validation, j->held_out.count, j->data_sha256);
    const struct {
        lk_text which;
        const char *text;
    } texts[] = {{LK_TEXT_FAMILY, j->family ? j->family->name : ""},
                 {LK_TEXT_TITLE, title                    ? title
                                 : data_is_texts(o->data) ? "texts"
                                 : j->images.values       ? "rows"
                                                          : "images"},
                 {LK_TEXT_DATA, about},
                 {LK_TEXT_WEIGHTS, j->weights_sha256}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (lk_model_set_text(j->model, texts[i].which, texts[i].text, &f->error))
            return f->error.status;
    return LK_OK;
}

static lk_status stage_gallery(job *j, fault *f) {
    const options *o = j->o;
    const size_t count = o->gallery < j->images.count ? o->gallery : j->images.count;
    if (count == 0) return LK_OK;
    lk_gallery *gallery = lk_gallery_create(j->model, &j->images, count, o->seed, (int)o->threads,
                                            (lk_simd)o->simd, &f->error);
    if (!gallery) return f->error.status;
    const lk_status status = gallery_stage(gallery, o->out, &j->files, f);
    lk_gallery_free(gallery);
    j->gallery_images = count;
    return status;
}

/* Gallery, report and model, all of them or none. */
static lk_status put_files(job *j, fault *f) {
    lk_status status = job_stage_report(j, f);
    if (!status) status = model_stage(j->model, j->o->out, &j->files, f);
    if (!status) status = file_put(&j->files, f);
    if (status) return status;
    char path[PATH_MAX];
    gallery_path(j->o->out, path);
    if (j->gallery_images == 0) file_remove(path); /* of other weights, it would only be refused */
    if (j->training.trainer) file_remove(j->training.checkpoint);
    return LK_OK;
}

/* ---- the command ---- */

/* From the trained weights to the files; a signal between two steps saves a checkpoint first. */
static int finish(job *j, fault *f) {
    static lk_status (*const steps[])(job *, fault *) = {
        halve,         measure_both,   fit_score,    calibrate_image,
        calibrate_ink, describe_model, stage_gallery};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (interrupt_pending() && j->training.trainer) return training_interrupt(&j->training, f);
        const lk_status status = steps[i](j, f);
        if (status) return status;
    }
    return put_files(j, f);
}

/* Layers by themselves first, where the family wants it and no checkpoint has their outcome. */
static int learn(job *j, fault *f) {
    json_t *pretraining = NULL;
    int code = LK_OK;
    if (j->family && j->family->method == LK_STACKED && !training_resumes(j->o))
        code = pretrain(j->o, &j->how, j->model, &j->images, &pretraining, f);
    if (code) {
        json_decref(pretraining);
        return code;
    }
    const lk_dataset *lessons = j->o->drawings ? &j->lessons : &j->images;
    code = training_start(&j->training, j->o, &j->how, j->model, lessons, validation_of(j), f);
    if (pretraining) j->training.pretraining = pretraining;
    return code ? code : training_run(&j->training, f);
}

static int train(job *j, fault *f) {
    lk_status status = file_lock_take(&j->lock, j->o->out, f);
    if (status) return status;
    const bool solved = j->family && j->family->method == LK_SOLVED;
    if (!solved) interrupt_watch(j->lock.path);
    int code = solved ? (int)solve(j, f) : learn(j, f);
    if (!code) code = finish(j, f);
    if (!code) code = job_print_report(j, f);
    file_lock_release(&j->lock); /* while a signal still waits for the end */
    interrupt_release();
    return code;
}

int cmd_train(const options *o, fault *f) {
    static job j; /* large */
    j = (job){.given = o,
              .settled = *o,
              .o = &j.settled,
              .start = clock_seconds(),
              .lock.descriptor = -1,
              .training.log = -1};
    int code = job_check(&j, f);
    if (!code) code = job_prepare(&j, f);
    if (!code) code = train(&j, f);
    free_job(&j);
    return code;
}

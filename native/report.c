/* What a training came to. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "job.h"
#include "model_file.h"
#include "output.h"

static json_t *describe_calibration(const lk_model *model) {
    json_t *object = json_object();
    for (int i = 0; i < LK_PREPARATIONS; i++) {
        size_t count;
        if (!lk_model_calibrated(model, (lk_preparation)i)) continue;
        lk_model_calibration(model, (lk_preparation)i, &count);
        json_object_set_new(object, lk_preparation_name((lk_preparation)i),
                            json_integer((json_int_t)count));
    }
    return object;
}

/* What only some trainings have. */
static void describe_more(const job *j, json_t *report) {
    const options *o = j->o;
    if (lk_model_classes(j->model) > 0) {
        json_object_set_new(report, "accuracy", output_number(j->trained.accuracy));
        json_object_set_new(report, "validation_accuracy", output_number(j->validated.accuracy));
    }
    if (o->augment) json_object_set_new(report, "augment", output_text(o->augment));
    if (o->binarise > 0) json_object_set_new(report, "binarise", json_real(o->binarise));
    if (o->drawings)
        json_object_set_new(report, "drawings",
                            json_pack("{s:o,s:I}", "data", output_text(o->drawings), "images",
                                      (json_int_t)(j->lessons.count - 2 * j->images.count)));
    if (o->from)
        json_object_set_new(report, "from",
                            json_pack("{s:o,s:I}", "model", output_text(o->from), "layers",
                                      (json_int_t)j->adopted));
    if (o->patience)
        json_object_set_new(report, "best_epoch",
                            json_integer((json_int_t)training_best_epoch(&j->training)));
    if (j->training.pretraining) json_object_set(report, "pretraining", j->training.pretraining);
    if (!j->explained) return;
    json_t *shares = json_array();
    for (uint32_t i = 0; i < lk_model_latent(j->model); i++)
        json_array_append_new(shares, output_number(j->explained[i]));
    json_object_set_new(report, "explained", shares);
}

static json_t *describe(const job *j) {
    const options *o = j->o;
    const double rate = j->training.trainer ? training_rate(&j->training)
                                            : (double)j->images.count / j->solve_seconds;
    json_t *report =
        json_pack("{s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:f,s:f,s:i,s:s,s:s}", "model", output_text(o->out),
                  "family", output_text(j->family ? j->family->name : NULL), "arch",
                  lk_model_arch(j->model), "parameters", (json_int_t)lk_model_parameters(j->model),
                  "epochs", j->training.epochs ? json_incref(j->training.epochs) : json_array(),
                  "loss", output_number(j->trained.loss), "validation_loss",
                  output_number(j->validated.loss), "images_per_second", rate, "seconds",
                  clock_seconds() - j->start, "threads", (int)o->threads, "simd",
                  lk_simd_name(o->simd == LK_SIMD_BEST ? lk_simd_best() : (lk_simd)o->simd),
                  "weights_sha256", j->weights_sha256);
    json_t *more =
        json_pack("{s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:o}", "data", output_text(o->data), "data_sha256",
                  j->data_sha256, "images", (json_int_t)j->images.count, "validation",
                  (json_int_t)j->validation.count, "holdout", (json_int_t)j->held_out.count,
                  "gallery", (json_int_t)j->gallery_images, "seed", (json_int_t)o->seed,
                  "calibration", describe_calibration(j->model));
    json_object_update_new(report, more);
    if (report) describe_more(j, report);
    return report;
}

static void print_measured(const char *name, lk_progress measured) {
    if (isfinite(measured.loss)) printf(", %s %.5f", name, measured.loss);
    if (isfinite(measured.accuracy)) printf(", %.2f %% right", 100 * measured.accuracy);
}

lk_status job_stage_report(job *j, fault *f) {
    j->report = describe(j);
    char *text = j->report ? json_dumps(j->report, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    if (!text) return fail_memory(f);
    char path[PATH_MAX];
    report_path(j->o->out, path);
    const size_t size = strlen(text);
    text[size] = '\n'; /* in place of its end */
    const lk_status status = file_stage(&j->files, path, text, size + 1, f);
    free(text);
    return status;
}

/* What verdicts can say. */
static void print_calibration(const lk_model *model) {
    for (int i = 0; i < LK_PREPARATIONS; i++) {
        size_t count;
        lk_model_calibration(model, (lk_preparation)i, &count);
        if (count)
            printf("judges %s by %zu held-out images: no p is under %.2g\n",
                   lk_preparation_name((lk_preparation)i), count, 1.0 / ((double)count + 1));
    }
}

lk_status job_print_report(const job *j, fault *f) {
    if (j->o->json) return output_json(json_incref(j->report), f);
    printf("%s: %s\n%s", j->o->out, lk_model_arch(j->model),
           COUNT_OF(lk_model_parameters(j->model), "parameter"));
    if (j->adopted) printf(", %s from %s", COUNT_OF(j->adopted, "layer"), j->o->from);
    print_measured("loss", j->trained);
    print_measured("validation", j->validated);
    printf(", %.0f images/s, %.1f s in all\nweights sha256 %s\n",
           json_number_value(json_object_get(j->report, "images_per_second")),
           json_number_value(json_object_get(j->report, "seconds")), j->weights_sha256);
    print_calibration(j->model);
    return LK_OK;
}

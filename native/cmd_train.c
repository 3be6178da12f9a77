/* train: data, model, training or solving, calibration, gallery, files. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "commands.h"
#include "data.h"
#include "file.h"
#include "interrupt.h"
#include "model_file.h"
#include "output.h"
#include "training.h"

/* All that a training holds; free_job releases it. */
typedef struct job {
    const options *o;
    const lk_family *family; /* NULL with --arch */
    lk_model *model;
    lk_dataset images, held_out;
    char data_sha256[65]; /* of all images */
    training training;
    file_lock lock;
    size_t gallery_images;
    lk_real *explained; /* of a solved family: share of the variance, for each value of a code */
    double start, loss, validation, solve_seconds;
    char weights_sha256[65];
} job;

static void free_job(job *j) {
    training_end(&j->training);
    file_lock_release(&j->lock);
    data_set_free(&j->images);
    data_set_free(&j->held_out);
    lk_free(j->explained);
    lk_model_free(j->model);
}

/* ---- before anything is computed ---- */

static lk_status find_family(job *j, const char *name, fault *f) {
    j->family = lk_family_find(name);
    if (j->family) return LK_OK;
    const char *names[64];
    size_t count;
    const lk_family *families = lk_families(&count);
    if (count > 64) count = 64;
    for (size_t i = 0; i < count; i++) names[i] = families[i].name;
    const char *near = text_nearest(name, names, count);
    if (near)
        return fail(f, LK_USAGE, NULL, "unknown family '%.40s'; did you mean %s?", name, near);
    return fail(f, LK_USAGE, NULL, "unknown family '%.40s'; see likeness families", name);
}

static lk_status check_options(job *j, fault *f) {
    const options *o = j->o;
    char gallery[PATH_MAX];
    if ((o->arguments.count == 1) == (o->arch != NULL))
        return fail(f, LK_USAGE, NULL, "train wants a FAMILY or --arch LINE, one of them");
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    if (!o->out) return fail(f, LK_USAGE, NULL, "--out FILE is needed");
    if (o->arch && (o->latent || o->shape.channels))
        return fail(f, LK_USAGE, NULL, "--arch already says the latent size and the shape");
    if (file_same(o->out, o->data)) return fail(f, LK_USAGE, NULL, "--out is the data");
    if (o->log && file_same(o->log, o->data))
        return fail(f, LK_USAGE, NULL, "--log-jsonl is the data");
    if (o->log && strcmp(o->log, o->out) == 0)
        return fail(f, LK_USAGE, NULL, "--log-jsonl is the same file as --out");
    lk_status status = o->arch ? LK_OK : find_family(j, o->arguments.items[0], f);
    if (!status) status = file_check_output(o->out, f);
    gallery_path(o->out, gallery);
    if (!status && o->gallery) status = file_check_output(gallery, f);
    if (!status && o->log) status = file_check_output(o->log, f);
    return status;
}

/* How many images are held out of `count`. */
static lk_status choose_held_out(const options *o, size_t count, size_t *held, fault *f) {
    if (o->holdout == NOT_GIVEN) {
        *held = count / 6 < 10000 ? count / 6 : 10000;
        return LK_OK;
    }
    *held = o->holdout;
    if (*held < count) return LK_OK;
    return fail(f, LK_USAGE, NULL, "--holdout %zu leaves none of the %zu images to train on", *held,
                count);
}

/* `set` says what the images are, where a family is asked for. */
static lk_status make_model(job *j, const lk_dataset *set, fault *f) {
    const options *o = j->o;
    char arch[4096];
    if (j->family) {
        if (lk_family_arch(j->family, set->shape, o->latent, set->classes, arch, sizeof arch,
                           &f->error))
            return f->error.status;
    }
    j->model = lk_model_create(j->family ? arch : o->arch, &f->error);
    if (!j->model) {
        /* An own architecture is an option: what is wrong with it is wrong with the command. */
        if (!j->family && f->error.status == LK_MODEL) f->error.status = LK_USAGE;
        return f->error.status;
    }
    lk_model_init(j->model, (lk_init)o->init, o->seed);
    return LK_OK;
}

/* With --arch the model says the shape of the images; else the images say the model's. */
static lk_status prepare(job *j, fault *f) {
    const options *o = j->o;
    lk_status status = o->arch ? make_model(j, NULL, f) : LK_OK;
    if (status) return status;
    data d;
    status = data_load(o->data, DATA_TRAIN, o->arch ? lk_model_shape(j->model) : o->shape, o->limit,
                       &d, f);
    if (status) return status;
    size_t held;
    status = choose_held_out(o, d.set.count, &held, f);
    if (!status && !o->arch) status = make_model(j, &d.set, f);
    if (!status && o->ink && d.set.shape.channels != 1)
        status = fail(f, LK_USAGE, NULL, "--ink is for grey images");
    data_sha256(&d.set, j->data_sha256);
    if (!status) status = data_split(&d.set, held, o->seed, &j->images, &j->held_out, f);
    data_free(&d);
    return status;
}

/* ---- the work ---- */

static lk_status mean_losses(job *j, fault *f) {
    const int threads = (int)j->o->threads;
    const lk_simd simd = (lk_simd)j->o->simd;
    lk_progress images, held_out = {NAN, 0};
    if (lk_evaluate(j->model, &j->images, threads, simd, &images, &f->error))
        return f->error.status;
    if (j->held_out.count > 0 &&
        lk_evaluate(j->model, &j->held_out, threads, simd, &held_out, &f->error))
        return f->error.status;
    j->loss = images.loss;
    j->validation = held_out.loss;
    if (isfinite(j->loss) && (j->held_out.count == 0 || isfinite(j->validation))) return LK_OK;
    return fail(f, LK_NONFINITE, NULL, "the loss is not finite after training");
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
    return !j->o->no_calibrate && j->held_out.count >= LK_MIN_CALIBRATION;
}

static lk_status fit_score(job *j, fault *f) {
    const options *o = j->o;
    if (!wants_calibration(j)) {
        if (!o->no_calibrate)
            progress_say(&j->training.progress,
                         "%zu held-out images are fewer than %d: no calibration, so no verdicts",
                         j->held_out.count, LK_MIN_CALIBRATION);
        return LK_OK;
    }
    return lk_score_fit(j->model, &j->images, o->references, o->seed, (int)o->threads,
                        (lk_simd)o->simd, &f->error);
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
    const bool ink = j->o->ink || (data_is_ink(j->o->data) && j->images.shape.channels == 1);
    return ink ? calibrate(j, LK_PREPARE_INK, f) : LK_OK;
}

static lk_status describe_model(job *j, fault *f) {
    const options *o = j->o;
    const char *title = o->title ? o->title : data_title(o->data);
    char about[512], spec[256];
    lk_bytes weights = {0};
    if (lk_model_weights(j->model, &weights, &f->error)) return f->error.status;
    output_sha256(weights.data, weights.size, j->weights_sha256);
    lk_bytes_free(&weights);
    snprintf(about, sizeof about, "%s, %zu images trained on and %zu held out, sha256 %s",
             text_printable(o->data, spec, sizeof spec), j->images.count, j->held_out.count,
             j->data_sha256);
    const struct {
        lk_text which;
        const char *text;
    } texts[] = {{LK_TEXT_FAMILY, j->family ? j->family->name : ""},
                 {LK_TEXT_TITLE, title ? title : "images"},
                 {LK_TEXT_DATA, about},
                 {LK_TEXT_WEIGHTS, j->weights_sha256}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (lk_model_set_text(j->model, texts[i].which, texts[i].text, &f->error))
            return f->error.status;
    return LK_OK;
}

/* A gallery of other weights would only be refused: without a new one the old one goes. */
static lk_status write_gallery(job *j, fault *f) {
    const options *o = j->o;
    const size_t count = o->gallery < j->images.count ? o->gallery : j->images.count;
    if (count == 0) {
        char path[PATH_MAX];
        gallery_path(o->out, path);
        file_remove(path);
        return LK_OK;
    }
    lk_gallery *gallery = lk_gallery_create(j->model, &j->images, count, o->seed, (int)o->threads,
                                            (lk_simd)o->simd, &f->error);
    if (!gallery) return f->error.status;
    const lk_status status = gallery_write(gallery, o->out, f);
    lk_gallery_free(gallery);
    j->gallery_images = count;
    return status;
}

/* ---- the report ---- */

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

static json_t *describe(const job *j) {
    const options *o = j->o;
    const double rate = j->training.trainer ? training_rate(&j->training)
                                            : (double)j->images.count / j->solve_seconds;
    json_t *report =
        json_pack("{s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:f,s:f,s:i,s:s,s:s}", "model", output_text(o->out),
                  "family", output_text(j->family ? j->family->name : NULL), "arch",
                  lk_model_arch(j->model), "parameters", (json_int_t)lk_model_parameters(j->model),
                  "epochs", j->training.epochs ? json_incref(j->training.epochs) : json_array(),
                  "loss", output_number(j->loss), "validation_loss", output_number(j->validation),
                  "images_per_second", rate, "seconds", clock_seconds() - j->start, "threads",
                  (int)o->threads, "simd",
                  lk_simd_name(o->simd == LK_SIMD_BEST ? lk_simd_best() : (lk_simd)o->simd),
                  "weights_sha256", j->weights_sha256);
    json_t *more =
        json_pack("{s:o,s:s,s:I,s:I,s:I,s:I,s:o}", "data", output_text(o->data), "data_sha256",
                  j->data_sha256, "images", (json_int_t)j->images.count, "holdout",
                  (json_int_t)j->held_out.count, "gallery", (json_int_t)j->gallery_images, "seed",
                  (json_int_t)o->seed, "calibration", describe_calibration(j->model));
    json_object_update_new(report, more);
    if (j->explained) {
        json_t *shares = json_array();
        for (uint32_t i = 0; i < lk_model_latent(j->model); i++)
            json_array_append_new(shares, output_number(j->explained[i]));
        json_object_set_new(report, "explained", shares);
    }
    return report;
}

static lk_status print_report(const job *j, fault *f) {
    json_t *report = describe(j);
    if (!report) return fail_memory(f);
    if (j->o->json) return output_json(report, f);
    printf("%s: %s\n%zu parameters, loss %.5f", j->o->out, lk_model_arch(j->model),
           lk_model_parameters(j->model), j->loss);
    if (isfinite(j->validation)) printf(", validation %.5f", j->validation);
    printf(", %.0f images/s, %.1f s in all\nweights sha256 %s\n",
           json_number_value(json_object_get(report, "images_per_second")),
           json_number_value(json_object_get(report, "seconds")), j->weights_sha256);
    json_decref(report);
    return LK_OK;
}

/* ---- the command ---- */

/* From the trained weights to the files; a signal between two steps saves a checkpoint first. */
static int finish(job *j, fault *f) {
    static lk_status (*const steps[])(job *, fault *) = {
        mean_losses, fit_score, calibrate_image, calibrate_ink, describe_model, write_gallery};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (interrupt_pending() && j->training.trainer) return training_interrupt(&j->training, f);
        const lk_status status = steps[i](j, f);
        if (status) return status;
    }
    const lk_status status = model_write(j->model, j->o->out, f);
    if (!status && j->training.trainer) file_remove(j->training.checkpoint);
    return status;
}

static int train(job *j, fault *f) {
    lk_status status = file_lock_take(&j->lock, j->o->out, f);
    if (status) return status;
    const bool solved = j->family && j->family->method == LK_SOLVED;
    if (!solved) interrupt_watch(j->lock.path);
    int code = solved ? (int)solve(j, f) : LK_OK;
    if (!code && !solved)
        code = training_start(&j->training, j->o, j->model, &j->images, &j->held_out, f);
    if (!code && !solved) code = training_run(&j->training, f);
    if (!code) code = finish(j, f);
    interrupt_release();
    return code ? code : (int)print_report(j, f);
}

int cmd_train(const options *o, fault *f) {
    static job j; /* large */
    j = (job){.o = o, .start = clock_seconds(), .lock.descriptor = -1, .training.log = -1};
    int code = check_options(&j, f);
    if (!code) code = prepare(&j, f);
    if (!code) code = train(&j, f);
    free_job(&j);
    return code;
}

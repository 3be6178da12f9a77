/* calibrate: other held-out images for a model that stands, or another alpha. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "data.h"
#include "file.h"
#include "model_file.h"
#include "output.h"

/* Takes the images out of d in a seeded order: folders come class by class, and calibration splits
   its images in two. */
static lk_status calibrate(lk_model *model, const options *o, data *d, fault *f) {
    lk_dataset shuffled;
    lk_status status = data_take(&d->set, d->set.count, o->seed, false, &shuffled, f);
    if (!status && lk_score_calibrate(model, (lk_preparation)o->preparation, &shuffled,
                                      (int)o->threads, (lk_simd)o->simd, &f->error))
        status = blame(f, d->path);
    data_set_free(&shuffled);
    return status;
}

/* --alpha: by which the model is judged from now on. */
static lk_status keep_alpha(lk_model *model, const options *o, fault *f) {
    if (!(o->alpha > 0)) return LK_OK;
    char text[32];
    snprintf(text, sizeof text, "%.12f", o->alpha);
    for (size_t n = strlen(text); text[n - 1] == '0'; n--) text[n - 1] = 0;
    if (text[strlen(text) - 1] == '.')
        return fail(f, LK_USAGE, NULL, "--alpha %g cannot be kept: 12 decimals are", o->alpha);
    return lk_model_set_text(model, LK_TEXT_ALPHA, text, &f->error);
}

static lk_status report(const lk_model *model, const options *o, const char *out, size_t images,
                        fault *f) {
    size_t count;
    lk_model_calibration(model, (lk_preparation)o->preparation, &count);
    const char *preparation = lk_preparation_name((lk_preparation)o->preparation);
    const double finest = 1.0 / ((double)count + 1), alpha = lk_model_alpha(model);
    lk_status status = LK_OK;
    if (o->json) {
        status =
            output_json(json_pack("{s:o,s:s,s:o,s:I,s:f,s:f}", "model", output_text(out),
                                  "preparation", preparation, "images",
                                  images ? json_integer((json_int_t)images) : json_null(), "scores",
                                  (json_int_t)count, "finest_p", finest, "alpha", alpha),
                        f);
    } else {
        if (images)
            printf("%s: calibrated for %s on %s\n", out, preparation, COUNT_OF(images, "image"));
        printf(
            "%s: the finest p is %.6f, by %zu images for %s; an alpha below that can never flag\n"
            "%s: one false alarm in %g, alpha %g, unless --alpha says otherwise\n",
            out, finest, count, preparation, out, 1 / alpha, alpha);
    }
    if (!status) model_note_alpha(model, out, (lk_preparation)o->preparation, alpha);
    return status;
}

/* With the data's images, or with none, for --alpha alone. */
static lk_status run(lk_model *model, const options *o, const char *out, data *d, fault *f) {
    const size_t images = d ? d->set.count : 0;
    if (d && data_is_at(o->data, out)) return fail(f, LK_USAGE, NULL, "--out is the data");
    if (d && images < LK_MIN_CALIBRATION)
        return fail(f, LK_DATA, d->path, "%s; calibration needs at least %d",
                    COUNT_OF(images, "image"), LK_MIN_CALIBRATION);
    if (!d && !lk_model_calibrated(model, (lk_preparation)o->preparation))
        return fail(f, LK_MODEL, o->arguments.items[0], "the model is not calibrated for %s",
                    lk_preparation_name((lk_preparation)o->preparation));
    if (model_is_beside(o->arguments.items[0], out))
        return fail(f, LK_USAGE, NULL, "--out is a model's gallery or report");
    lk_status status = file_check_output(out, f);
    if (!status && d) status = calibrate(model, o, d, f);
    if (!status) status = keep_alpha(model, o, f);
    if (!status) status = model_write(model, out, f);
    return status ? status : report(model, o, out, images, f);
}

int cmd_calibrate(const options *o, fault *f) {
    const char *path = o->arguments.items[0], *out = o->out ? o->out : path;
    if (!o->data && !(o->alpha > 0))
        return fail(f, LK_USAGE, NULL, "--data SPEC or --alpha SHARE is needed");
    lk_model *model = model_read(path, f);
    if (!model) return f->error.status;
    int code;
    if (o->data) {
        data d;
        code = data_load(o->data, DATA_TEST, lk_model_shape(model), o->limit, &d, f);
        if (!code) {
            code = data_suit_table(&d, model, f);
            if (!code) code = run(model, o, out, &d, f);
            data_free(&d);
        }
    } else {
        code = run(model, o, out, NULL, f);
    }
    lk_model_free(model);
    return code;
}

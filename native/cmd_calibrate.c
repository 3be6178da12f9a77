/* calibrate: other held-out images for a model that stands. */
#include <stdio.h>

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

static lk_status report(const lk_model *model, const options *o, const char *out, size_t images,
                        fault *f) {
    size_t count;
    lk_model_calibration(model, (lk_preparation)o->preparation, &count);
    const char *preparation = lk_preparation_name((lk_preparation)o->preparation);
    const double finest = 1.0 / ((double)count + 1);
    if (o->json)
        return output_json(json_pack("{s:o,s:s,s:I,s:I,s:f}", "model", output_text(out),
                                     "preparation", preparation, "images", (json_int_t)images,
                                     "scores", (json_int_t)count, "finest_p", finest),
                           f);
    printf("%s: calibrated for %s on %zu images; the finest p is %.6f\n", out, preparation, images,
           finest);
    return LK_OK;
}

static lk_status run(lk_model *model, const options *o, const char *out, data *d, fault *f) {
    const size_t images = d->set.count;
    if (file_same(out, d->path)) return fail(f, LK_USAGE, NULL, "--out is the data");
    if (images < LK_MIN_CALIBRATION)
        return fail(f, LK_DATA, d->path, "%zu images; calibration needs at least %d", images,
                    LK_MIN_CALIBRATION);
    lk_status status = file_check_output(out, f);
    if (!status) status = calibrate(model, o, d, f);
    if (!status) status = model_write(model, out, f);
    return status ? status : report(model, o, out, images, f);
}

int cmd_calibrate(const options *o, fault *f) {
    const char *path = o->arguments.items[0];
    if (!o->data) return fail(f, LK_USAGE, NULL, "--data SPEC is needed");
    lk_model *model = model_read(path, f);
    if (!model) return f->error.status;
    data d;
    int code = data_load(o->data, DATA_TEST, lk_model_shape(model), o->limit, &d, f);
    if (!code) {
        code = run(model, o, o->out ? o->out : path, &d, f);
        data_free(&d);
    }
    lk_model_free(model);
    return code;
}

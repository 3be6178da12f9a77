/* score: a verdict and a p-value for each image. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "inputs.h"
#include "model_file.h"
#include "output.h"

/* What is said of an image. */
typedef struct opinion {
    lk_result result;
    uint32_t class;     /* the most probable one, of a model that tells some apart */
    double probability; /* of that class */
} opinion;

typedef struct judging {
    lk_preparation preparation;
    double alpha;
    size_t size;
    uint32_t classes;
    opinion *opinions;
} judging;

static lk_status classify(const judging *j, lk_run *run, lk_picture picture, opinion *out,
                          lk_error *error) {
    lk_real *x = lk_alloc((j->size + j->classes) * sizeof *x), *p = x + j->size;
    if (!x) {
        *error = (lk_error){LK_MEMORY, LK_NO_OFFSET, "out of memory"};
        return LK_MEMORY;
    }
    bool empty;
    const lk_status status =
        lk_prepare(j->preparation, picture, lk_model_shape(lk_run_model(run)), x, &empty, error);
    if (!status) lk_classify(run, x, 1, p);
    for (uint32_t k = 0; k < j->classes; k++)
        if (p[k] > p[out->class]) out->class = k;
    out->probability = (double)p[out->class];
    lk_free(x);
    return status;
}

static lk_status judge(void *context, lk_run *run, size_t i, lk_picture picture, lk_error *error) {
    const judging *j = context;
    opinion *out = &j->opinions[i];
    const lk_status status = lk_check(run, j->preparation, picture, j->alpha, &out->result, error);
    return status || j->classes == 0 ? status : classify(j, run, picture, out, error);
}

static json_t *describe_evidence(const lk_model *model, const lk_result *r) {
    json_t *scores = json_object();
    for (size_t e = 0; e < LK_EVIDENCES; e++)
        if (lk_model_has_evidence(model, e))
            json_object_set_new(scores, lk_evidence_name(e),
                                json_pack("{s:o,s:f,s:f}", "value",
                                          output_number(r->evidence[e].value), "p",
                                          r->evidence[e].p, "surprise", r->evidence[e].surprise));
    return scores;
}

/* Nothing is guessed of an image on which nothing is to be seen. */
static json_t *describe(const char *name, const lk_model *model, const opinion *o) {
    const lk_result *r = &o->result;
    json_t *row = json_pack("{s:o,s:s,s:f,s:o,s:o}", "file", output_text(name), "verdict",
                            lk_verdict_name(r->verdict), "p", r->p, "score",
                            output_number(r->score), "scores", describe_evidence(model, r));
    if (lk_model_classes(model) == 0) return row;
    const bool seen = r->verdict != LK_EMPTY;
    json_object_set_new(row, "class", seen ? json_integer(o->class) : json_null());
    json_object_set_new(row, "probability", seen ? output_number(o->probability) : json_null());
    return row;
}

static lk_status print_json(const inputs *in, const lk_model *model, const opinion *opinions,
                            fault *f) {
    json_t *list = json_array();
    for (size_t i = 0; i < in->count; i++) {
        char name[PATH_MAX];
        json_array_append_new(list, describe(inputs_name(in, i, name), model, &opinions[i]));
    }
    return output_json(list, f);
}

static void print_lines(const inputs *in, const lk_model *model, const opinion *opinions) {
    static const char *const colours[] = {"32", "31", "33"};
    char title[4 * 256]; /* it is the model file's: anything */
    text_printable(lk_model_text(model, LK_TEXT_TITLE), title, sizeof title);
    for (size_t i = 0; i < in->count; i++) {
        const lk_result *r = &opinions[i].result;
        char name[PATH_MAX], line[4 * PATH_MAX], word[64], verdict[16];
        snprintf(verdict, sizeof verdict, "%-5s", lk_verdict_name(r->verdict));
        const double share = 100 * (1 - r->p); /* below 100: not to be rounded to all */
        printf("%s  ", output_coloured(verdict, colours[r->verdict], word));
        if (r->verdict == LK_EMPTY) /* not judged, so no p */
            printf("p -       nothing to be seen");
        else
            printf("p %.4f  more unusual than %.1f %% of held-out %s", r->p,
                   share > 99.9 ? 99.9 : share, *title ? title : "images");
        if (r->verdict != LK_EMPTY && lk_model_classes(model) > 0)
            printf("  class %u, %.1f %%", opinions[i].class, 100 * opinions[i].probability);
        printf("  %s\n", text_printable(inputs_name(in, i, name), line, sizeof line));
    }
}

static int score(const options *o, const lk_model *model, const inputs *in, fault *f) {
    const lk_shape shape = lk_model_shape(model);
    judging j = {.preparation = o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE,
                 .alpha = o->alpha,
                 .size = (size_t)shape.channels * shape.height * shape.width,
                 .classes = lk_model_classes(model),
                 .opinions = lk_alloc(in->count * sizeof *j.opinions)};
    if (!j.opinions) return fail_memory(f);
    int code = inputs_visit(in, model, o, judge, &j, f);
    if (!code && o->json) code = print_json(in, model, j.opinions, f);
    if (!code && !o->json) print_lines(in, model, j.opinions);
    for (size_t i = 0; i < in->count && o->fail_on_ood && !code; i++)
        if (j.opinions[i].result.verdict != LK_IN) code = EXIT_OUT_OF_DISTRIBUTION;
    lk_free(j.opinions);
    return code;
}

int cmd_score(const options *o, fault *f) {
    const char *path = o->arguments.items[0];
    lk_model *model = model_read(path, f);
    if (!model) return f->error.status;
    const lk_preparation preparation = o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE;
    inputs in = {0};
    int code = LK_OK;
    if (!lk_model_calibrated(model, preparation))
        code = fail(f, LK_MODEL, path, "the model is not calibrated for %s",
                    lk_preparation_name(preparation));
    if (!code) code = inputs_open(o, model, &in, f);
    if (!code) code = score(o, model, &in, f);
    inputs_free(&in);
    lk_model_free(model);
    return code;
}

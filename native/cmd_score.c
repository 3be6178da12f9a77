/* score: a verdict and a p-value for each image. */
#include <stdio.h>

#include "commands.h"
#include "inputs.h"
#include "model_file.h"
#include "output.h"

typedef struct judging {
    lk_preparation preparation;
    double alpha;
    lk_result *results;
} judging;

static lk_status judge(void *context, lk_run *run, size_t i, lk_picture picture, lk_error *error) {
    const judging *j = context;
    return lk_check(run, j->preparation, picture, j->alpha, &j->results[i], error);
}

static json_t *describe(const char *name, const lk_result *r) {
    json_t *scores = json_object();
    for (size_t e = 0; e < LK_EVIDENCES; e++)
        json_object_set_new(scores, lk_evidence_name(e),
                            json_pack("{s:o,s:f}", "value", output_number(r->evidence[e].value),
                                      "p", r->evidence[e].p));
    return json_pack("{s:o,s:s,s:f,s:o,s:o}", "file", output_text(name), "verdict",
                     lk_verdict_name(r->verdict), "p", r->p, "score", output_number(r->score),
                     "scores", scores);
}

static lk_status print_json(const inputs *in, const lk_result *results, fault *f) {
    json_t *list = json_array();
    for (size_t i = 0; i < in->count; i++) {
        char name[PATH_MAX];
        json_array_append_new(list, describe(inputs_name(in, i, name), &results[i]));
    }
    return output_json(list, f);
}

static void print_lines(const inputs *in, const lk_model *model, const lk_result *results) {
    static const char *const colours[] = {"32", "31", "33"};
    char title[4 * 256]; /* it is the model file's: anything */
    text_printable(lk_model_text(model, LK_TEXT_TITLE), title, sizeof title);
    for (size_t i = 0; i < in->count; i++) {
        const lk_result *r = &results[i];
        char name[PATH_MAX], line[4 * PATH_MAX], word[64], verdict[16];
        snprintf(verdict, sizeof verdict, "%-5s", lk_verdict_name(r->verdict));
        const double share = 100 * (1 - r->p); /* below 100: not to be rounded to all */
        printf("%s  ", output_coloured(verdict, colours[r->verdict], word));
        if (r->verdict == LK_EMPTY) /* not judged, so no p */
            printf("p -       nothing to be seen");
        else
            printf("p %.4f  more unusual than %.1f %% of held-out %s", r->p,
                   share > 99.9 ? 99.9 : share, *title ? title : "images");
        printf("  %s\n", text_printable(inputs_name(in, i, name), line, sizeof line));
    }
}

static int score(const options *o, const lk_model *model, const inputs *in, fault *f) {
    judging j = {o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE, o->alpha,
                 lk_alloc(in->count * sizeof *j.results)};
    if (!j.results) return fail_memory(f);
    int code = inputs_visit(in, model, o, judge, &j, f);
    if (!code && o->json) code = print_json(in, j.results, f);
    if (!code && !o->json) print_lines(in, model, j.results);
    for (size_t i = 0; i < in->count && o->fail_on_ood && !code; i++)
        if (j.results[i].verdict != LK_IN) code = EXIT_OUT_OF_DISTRIBUTION;
    lk_free(j.results);
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

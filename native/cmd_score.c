/* score: a verdict and a p-value for each image. */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "explain.h"
#include "inputs.h"
#include "model_file.h"
#include "names.h"
#include "output.h"

/* What a model that tells classes apart says of an image. */
typedef struct guess {
    uint32_t class;     /* the most probable one */
    double probability; /* of that class */
} guess;

/* What is said of an image. */
typedef struct opinion {
    lk_result result;
    guess own, other; /* of the model itself and of --classifier, if they tell classes apart */
} opinion;

typedef struct judging {
    const lk_model *model, *classifier; /* NULL: nobody else is asked */
    lk_preparation preparation;
    double alpha;
    strings names, others; /* of the classes of either */
    opinion *opinions;
    explanation *why; /* NULL: it is not asked for */
} judging;

static lk_status classify(lk_run *run, lk_preparation preparation, lk_picture picture, guess *out,
                          lk_error *error) {
    const lk_shape shape = lk_model_shape(lk_run_model(run));
    const size_t size = (size_t)shape.channels * shape.height * shape.width;
    const uint32_t classes = lk_model_classes(lk_run_model(run));
    lk_real *x = lk_alloc((size + classes) * sizeof *x), *p = x + size;
    if (!x) {
        *error = (lk_error){LK_MEMORY, LK_NO_OFFSET, "out of memory"};
        return LK_MEMORY;
    }
    bool empty;
    const lk_status status = lk_prepare(preparation, picture, shape, x, &empty, error);
    if (!status) lk_classify(run, x, 1, p);
    for (uint32_t k = 0; k < classes; k++)
        if (p[k] > p[out->class]) out->class = k;
    out->probability = (double)p[out->class];
    lk_free(x);
    return status;
}

static lk_status judge(void *context, lk_run *run, size_t i, lk_picture picture, lk_error *error) {
    const judging *j = context;
    opinion *out = &j->opinions[i];
    lk_status status = lk_check(run, j->preparation, picture, j->alpha, &out->result, error);
    if (!status && lk_model_classes(j->model) > 0)
        status = classify(run, j->preparation, picture, &out->own, error);
    if (!status && j->why) status = explain_image(j->why, run, i, picture, error);
    return status;
}

/* Rows of numbers, of which none is empty, or texts, of which those without a known word are. */
static lk_status judge_rows(void *context, lk_run *run, size_t first, size_t n, const lk_real *x,
                            lk_error *error) {
    const judging *j = context;
    const size_t size = lk_model_shape(j->model).width;
    lk_status status = LK_OK;
    for (size_t i = 0; i < n && !status; i++) {
        lk_result *result = &j->opinions[first + i].result;
        *result = (lk_result){.verdict = LK_EMPTY, .score = FLT_MAX};
        if (!data_is_empty_text(j->model, x + i * size))
            status = lk_check_input(run, j->preparation, x + i * size, j->alpha, result, error);
    }
    return status;
}

static lk_status visit_rows(const options *o, judging *j, const inputs *in, fault *f) {
    if (o->explain || o->classifier || o->ink)
        return fail(f, LK_USAGE, NULL, "--explain, --classifier and --ink are for images");
    if (lk_dataset_visit(&in->data.set, j->model, LK_PREPARE_IMAGE, (int)o->threads,
                         (lk_simd)o->simd, judge_rows, j, &f->error))
        return blame(f, in->data.path);
    return LK_OK;
}

/* The classifier gets the picture as it wants it, of its own size: whatever the verdict. */
static lk_status ask(void *context, lk_run *run, size_t i, lk_picture picture, lk_error *error) {
    const judging *j = context;
    return classify(run, j->preparation, picture, &j->opinions[i].other, error);
}

/* The pieces of evidence that the model has, those that add most to the score first. */
static size_t weigh(const judging *j, const lk_result *r, size_t order[LK_EVIDENCES]) {
    size_t count = 0;
    for (size_t e = 0; e < LK_EVIDENCES; e++) {
        if (!lk_model_has_evidence(j->model, j->preparation, e)) continue;
        size_t at = count++;
        for (; at > 0 && r->evidence[order[at - 1]].surprise < r->evidence[e].surprise; at--)
            order[at] = order[at - 1];
        order[at] = e;
    }
    return count;
}

/* ---- as JSON ---- */

static json_t *describe_evidence(const judging *j, const lk_result *r) {
    json_t *scores = json_object();
    for (size_t e = 0; e < LK_EVIDENCES; e++)
        if (lk_model_has_evidence(j->model, j->preparation, e))
            json_object_set_new(scores, lk_evidence_name(e),
                                json_pack("{s:o,s:f,s:f}", "value",
                                          output_number(r->evidence[e].value), "p",
                                          r->evidence[e].p, "surprise", r->evidence[e].surprise));
    return scores;
}

/* Nothing is guessed of an image on which nothing is to be seen. */
static json_t *describe_guess(const guess *g, const strings *names, bool seen) {
    json_t *row = json_pack("{s:o,s:o}", "class", seen ? json_integer(g->class) : json_null(),
                            "probability", seen ? output_number(g->probability) : json_null());
    if (seen) names_add(names, g->class, row);
    return row;
}

/* What could not be judged has its error in place of a verdict. */
static json_t *describe_broken(const char *name, const lk_error *error) {
    return json_pack("{s:o,s:o}", "file", output_text(name), "error", output_error(error));
}

static json_t *describe(const char *name, const judging *j, size_t i) {
    const opinion *o = &j->opinions[i];
    const lk_result *r = &o->result;
    const bool seen = r->verdict != LK_EMPTY;
    size_t order[LK_EVIDENCES];
    weigh(j, r, order);
    json_t *row = json_pack("{s:o,s:s,s:f,s:o,s:o}", "file", output_text(name), "verdict",
                            lk_verdict_name(r->verdict), "p", r->p, "score",
                            output_number(r->score), "scores", describe_evidence(j, r));
    if (lk_model_classes(j->model) > 0)
        json_object_update_new(row, describe_guess(&o->own, &j->names, seen));
    if (j->classifier)
        json_object_set_new(row, "classifier", describe_guess(&o->other, &j->others, seen));
    if (!j->why) return row;
    json_object_set_new(row, "weighs_most",
                        seen ? json_string(lk_evidence_name(order[0])) : json_null());
    json_object_set_new(row, "nearest", explain_nearest(j->why, i));
    return row;
}

static lk_status print_json(const inputs *in, const judging *j, fault *f) {
    json_t *list = json_array();
    for (size_t i = 0; i < in->count; i++) {
        char room[PATH_MAX];
        const char *name = inputs_name(in, i, room);
        const bool broken = in->errors && in->errors[i].status;
        json_array_append_new(list, broken ? describe_broken(name, &in->errors[i])
                                           : describe(name, j, i));
    }
    return output_json(list, f);
}

/* ---- in lines ---- */

static void print_guess(const char *who, const guess *g, const strings *names) {
    const double share = 100 * g->probability;
    char name[NAME_SIZE];
    printf("  %s %s, %s%.1f %%", who, names_label(names, g->class, name),
           share > 99.9 ? "over " : "", share > 99.9 ? 99.9 : share);
}

static void print_why(const judging *j, size_t i) {
    const lk_result *r = &j->opinions[i].result;
    size_t order[LK_EVIDENCES];
    const size_t count = weigh(j, r, order);
    for (size_t k = 0; k < count; k++) {
        static const char *const before[] = {"       weighs most: ", "; then: ", ", "};
        printf("%s%s p %.4f", before[k < 2 ? k : 2], lk_evidence_name(order[k]),
               r->evidence[order[k]].p);
    }
    putchar('\n');
    explain_print_nearest(j->why, i);
}

static void print_line(const char *name, const judging *j, const char *title, size_t i) {
    static const char *const colours[] = {"32", "31", "33"};
    const opinion *o = &j->opinions[i];
    const lk_result *r = &o->result;
    char line[4 * PATH_MAX], word[64], verdict[16];
    snprintf(verdict, sizeof verdict, "%-5s", lk_verdict_name(r->verdict));
    const double share = 100 * (1 - r->p); /* below 100: not to be rounded to all */
    printf("%s  ", output_coloured(verdict, colours[r->verdict], word));
    if (r->verdict == LK_EMPTY) /* not judged, so no p */
        printf("p -       nothing to be seen");
    else
        printf("p %.4f  more unusual than %.1f %% of held-out %s", r->p,
               share > 99.9 ? 99.9 : share, *title ? title : "images");
    if (r->verdict != LK_EMPTY && lk_model_classes(j->model) > 0)
        print_guess("class", &o->own, &j->names);
    if (r->verdict != LK_EMPTY && j->classifier)
        print_guess("the classifier says", &o->other, &j->others);
    printf("  %s\n", text_printable(name, line, sizeof line));
    if (r->verdict != LK_EMPTY && j->why) print_why(j, i);
}

static void print_lines(const inputs *in, const judging *j) {
    char title[4 * 256], name[PATH_MAX]; /* the title is the model file's: anything */
    text_printable(lk_model_text(j->model, LK_TEXT_TITLE), title, sizeof title);
    for (size_t i = 0; i < in->count; i++)
        if (!in->errors || !in->errors[i].status) print_line(inputs_name(in, i, name), j, title, i);
}

/* ---- the command ---- */

static int score(const options *o, judging *j, const inputs *in, fault *f) {
    j->opinions = lk_alloc(in->count * sizeof *j->opinions);
    if (!j->opinions) return fail_memory(f);
    int code = in->data.set.values ? (int)visit_rows(o, j, in, f)
                                   : (int)inputs_visit(in, j->model, o, judge, j, f);
    if (!code && j->classifier) code = inputs_visit(in, j->classifier, o, ask, j, f);
    if (!code && j->why) code = explain_write(j->why, f);
    const lk_status broken = code ? LK_OK : inputs_tell(in);
    if (!code && o->json) code = print_json(in, j, f);
    if (!code && !o->json) print_lines(in, j);
    if (!code) model_note_alpha(j->model, o->arguments.items[0], j->preparation, j->alpha);
    if (!code) code = broken;
    for (size_t i = 0; i < in->count && o->fail_on_ood && !code; i++)
        if (j->opinions[i].result.verdict != LK_IN) code = EXIT_OUT_OF_DISTRIBUTION;
    lk_free(j->opinions);
    return code;
}

static lk_model *read_classifier(const char *path, fault *f) {
    lk_model *model = model_read(path, f);
    if (!model || lk_model_classes(model) > 0) return model;
    fail(f, LK_MODEL, path, "--classifier wants a model that tells classes apart");
    lk_model_free(model);
    return NULL;
}

/* With everything that is asked of the images, once the model is there. */
static int prepare_and_score(const options *o, const lk_model *model, fault *f) {
    const char *path = o->arguments.items[0];
    judging j = {.model = model,
                 .preparation = o->ink ? LK_PREPARE_INK : LK_PREPARE_IMAGE,
                 .alpha = model_alpha(model, o)};
    if (!lk_model_calibrated(model, j.preparation))
        return fail(f, LK_MODEL, path, "the model is not calibrated for %s",
                    lk_preparation_name(j.preparation));
    lk_model *classifier = o->classifier ? read_classifier(o->classifier, f) : NULL;
    if (o->classifier && !classifier) return f->error.status;
    inputs in = {0};
    explanation why = {0};
    int code = inputs_open(o, model, &in, f);
    if (!code && in.count > 1) code = inputs_bear(&in, f); /* one alone is all that was asked of */
    if (!code) code = names_of(model, &j.names, f);
    if (!code && classifier) code = names_of(classifier, &j.others, f);
    if (!code && o->explain) code = inputs_check_apart(&in.data.files, "explain", o->explain, f);
    if (!code && o->explain) code = explain_open(&why, o, model, path, in.count, f);
    if (!code) {
        j.classifier = classifier;
        j.why = o->explain ? &why : NULL;
        code = score(o, &j, &in, f);
    }
    explain_free(&why);
    strings_free(&j.names);
    strings_free(&j.others);
    inputs_free(&in);
    lk_model_free(classifier);
    return code;
}

int cmd_score(const options *o, fault *f) {
    lk_model *model = model_read(o->arguments.items[0], f);
    if (!model) return f->error.status;
    const int code = prepare_and_score(o, model, f);
    lk_model_free(model);
    return code;
}

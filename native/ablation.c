/* An ablation by the rules of src/calibration.c: what pieces of evidence add (their surprises) is
   there for every image; the sums of those about content and about the look are ranked anew without
   the piece that is left out, among the usual images of the audit, since the model keeps no more
   than the ranks of the whole sums. So the figure to compare with is that of all pieces ranked in
   this way, which has `nothing` left out. */
#include "ablation.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "text.h"

static const double TAIL_FROM = 0.97; /* as in src/calibration.c */

/* Ascending sums about one question of the usual images, and the tail beyond them. */
typedef struct ranking {
    double *sums;
    size_t n;
    double from, mean;
} ranking;

/* What the pieces about a question add, but for `without`. */
static double add_up(const lk_result *r, lk_preparation preparation, size_t question,
                     size_t without) {
    double sum = 0;
    for (size_t e = 0; e < LK_EVIDENCES; e++)
        if (e != without && lk_evidence_question(preparation, e) == question)
            sum += r->evidence[e].surprise;
    return sum;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void rank(ranking *r) {
    qsort(r->sums, r->n, sizeof *r->sums, compare);
    const size_t first = (size_t)(TAIL_FROM * (double)(r->n - 1));
    double excess = 0;
    for (size_t i = first; i < r->n; i++) excess += r->sums[i] - r->sums[first];
    r->from = r->sums[first];
    r->mean = fmax(excess / (double)(r->n - first), 1e-6);
}

/* -log of the share of usual images with such a sum or a larger one. */
static double surprise(const ranking *r, double sum) {
    if (sum > r->from) return -log(1 - TAIL_FROM) + (sum - r->from) / r->mean;
    size_t low = 0, high = r->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (r->sums[middle] < sum)
            low = middle + 1;
        else
            high = middle;
    }
    return -log((double)(1 + r->n - low) / (double)(1 + r->n));
}

typedef struct ablation {
    const lk_result *usual, *others;
    size_t n_usual, n_others;
    lk_preparation preparation;
    ranking ranked[LK_QUESTIONS];
    float *scores; /* room for all of them */
} ablation;

static float score_without(const ablation *a, const lk_result *r, size_t without) {
    if (r->verdict == LK_EMPTY) return FLT_MAX;
    double squares = 0;
    for (size_t q = 0; q < LK_QUESTIONS; q++) {
        const double answer = surprise(&a->ranked[q], add_up(r, a->preparation, q, without));
        squares += answer * answer;
    }
    return (float)(sqrt(squares) + add_up(r, a->preparation, LK_QUESTIONS, without));
}

static float score_alone(const lk_result *r, size_t which) {
    return r->verdict == LK_EMPTY ? FLT_MAX : r->evidence[which].value;
}

/* How well the others are told by `which` alone, or by all but it: an AUROC. */
static lk_status measure(ablation *a, size_t which, bool alone, double *auroc, fault *f) {
    for (size_t q = 0; q < LK_QUESTIONS && !alone; q++) {
        for (size_t i = 0; i < a->n_usual; i++)
            a->ranked[q].sums[i] = add_up(&a->usual[i], a->preparation, q, which);
        rank(&a->ranked[q]);
    }
    for (size_t i = 0; i < a->n_usual + a->n_others; i++) {
        const lk_result *r = i < a->n_usual ? &a->usual[i] : &a->others[i - a->n_usual];
        a->scores[i] = alone ? score_alone(r, which) : score_without(a, r, which);
    }
    lk_separation s;
    const lk_status status =
        lk_separate(a->scores, a->n_usual, a->scores + a->n_usual, a->n_others, &s, &f->error);
    *auroc = s.auroc;
    return status;
}

static lk_status measure_all(ablation *a, const lk_model *model, json_t *alone, json_t *without,
                             fault *f) {
    double auroc;
    lk_status status = measure(a, LK_EVIDENCES, false, &auroc, f);
    if (!status) json_object_set_new(without, "nothing", json_real(auroc));
    for (size_t e = 0; e < LK_EVIDENCES && !status; e++) {
        if (!lk_model_has_evidence(model, a->preparation, e)) continue;
        status = measure(a, e, true, &auroc, f);
        if (!status) json_object_set_new(alone, lk_evidence_name(e), json_real(auroc));
        if (!status) status = measure(a, e, false, &auroc, f);
        if (!status) json_object_set_new(without, lk_evidence_name(e), json_real(auroc));
    }
    return status;
}

json_t *ablation_describe(const lk_model *model, lk_preparation preparation, const lk_result *usual,
                          size_t n_usual, const lk_result *others, size_t n_others, fault *f) {
    ablation a = {usual, others, n_usual, n_others, .preparation = preparation};
    json_t *alone = json_object(), *without = json_object();
    double *sums = lk_alloc(LK_QUESTIONS * n_usual * sizeof *sums);
    for (size_t q = 0; q < LK_QUESTIONS && sums; q++)
        a.ranked[q] = (ranking){.sums = sums + q * n_usual, .n = n_usual};
    a.scores = lk_alloc((n_usual + n_others) * sizeof *a.scores);
    const lk_status status =
        sums && a.scores ? measure_all(&a, model, alone, without, f) : fail_memory(f);
    json_t *both = status ? NULL : json_pack("{s:O,s:O}", "alone", alone, "without", without);
    json_decref(alone);
    json_decref(without);
    lk_free(sums);
    lk_free(a.scores);
    return both;
}

void ablation_print(const json_t *sets) {
    static const char *const keys[] = {"alone", "without"};
    json_t *first = json_object_get(json_array_get(sets, 0), "ablation"), *set, *one;
    const char *evidence;
    size_t i;
    for (int k = 0; k < 2 && first; k++) {
        printf("\n%-14s", keys[k]);
        json_object_foreach(json_object_get(first, keys[k]), evidence, one)
            printf(" %14s", evidence);
        puts("");
        json_array_foreach(sets, i, set) {
            char name[128];
            text_printable(json_string_value(json_object_get(set, "name")), name, sizeof name);
            printf("%-14s", name);
            json_object_foreach(json_object_get(json_object_get(set, "ablation"), keys[k]),
                                evidence, one) printf(" %14.4f", json_number_value(one));
            puts("");
        }
    }
}

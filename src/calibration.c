/* From evidence to a score and from a score to a p-value.

   Calibration cuts the held-out images in two. The first part shapes: each piece of evidence
   becomes -log of the share of held-out images at least as unusual, continued beyond the 97 %
   quantile by an exponential tail, so that the pieces can be added: Fisher's method (R. A. Fisher
   1925), without his assumption that they are independent. Three questions are asked in this way.
   What does the image show, by where its code and its gist lie and how surely it is of a class? How
   does it look, by the error of its copy, its shape, its style, its tones and from all sides: what
   is corrupted or made by other means may look strange though it shows what others show? And is it
   upright, which flipping answers differently and nothing else does? What the sum about content is
   worth, and that about the look, is found by ranking it as its pieces are. The score is the length
   of the three answers, as of a vector: hardly more than the largest where only one is surprising,
   so that the noise of the others drowns nothing, and more where several are. Of ink all that
   counts is about content: it was drawn anew, and what people draw beside digits is seldom a digit
   turned or mirrored. Texture is about none of them: images of another hand or scanner have
   another. But beyond its limit, the most that any shaping image has, an image is unlike all that
   the network was shown, and what the network says of it worth little: that is added.

   None of this needs to be right for the verdict to be: the second part, which shaped nothing,
   turns the score into a conformal p-value (V. Vovk, A. Gammerman, G. Shafer 2005):
   (1 + #{held-out at least as unusual}) / (n + 1). */
#include <math.h>
#include <string.h>

#include "arena.h"
#include "score.h"

static const double TAIL_FROM = 0.97;
/* What an image twice over a limit adds to its score; those of held-out images are 1 on average and
   seldom over 10. In proportion, since the limit is drawn by chance. Lines that were drawn anew owe
   their texture to no hand or scanner: ink beyond the limit is no line drawing. */
static const double BEYOND[LK_PREPARATIONS] = {[LK_PREPARE_IMAGE] = 20, [LK_PREPARE_INK] = 60};
/* Limits from few images need room: one in n images would exceed the most of n others. */
static const double ROOM = 8;
/* Limits are at least these, where images have next to none of a number. */
static const float LEAST_LIMIT[LK_TEXTURES] = {8, 8, 1};

lk_calibration *lk_calibration_create(lk_preparation preparation, size_t shaping, size_t judging,
                                      lk_error *error) {
    lk_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        lk_calibration *c = lk_arena_take(&arena, 1, sizeof *c);
        float *evidence[LK_RANKED];
        for (int e = 0; e < LK_RANKED; e++)
            evidence[e] = lk_arena_take(&arena, shaping, sizeof **evidence);
        float *scores = lk_arena_take(&arena, judging, sizeof *scores);
        if (c) {
            c->preparation = preparation;
            c->shaping = shaping;
            c->judging = judging;
            memcpy(c->evidence, evidence, sizeof evidence);
            c->scores = scores;
            return c;
        }
        if (!lk_arena_commit(&arena)) break;
    }
    lk_fail(error, LK_MEMORY, "out of memory");
    return NULL;
}

/* How many of ascending values[n] are at least v. */
static size_t count_at_least(const float *values, size_t n, double v) {
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((double)values[middle] < v)
            low = middle + 1;
        else
            high = middle;
    }
    return n - low;
}

double lk_calibration_p(const float *values, size_t n, float v) {
    return (double)(1 + count_at_least(values, n, (double)v)) / ((double)n + 1);
}

/* -log of how common this much evidence is: between the values of two held-out images something
   between, beyond the tail's beginning what the tail says. */
static double surprise(const lk_calibration *c, size_t e, double v) {
    const float *values = c->evidence[e];
    const size_t n = c->shaping;
    if (v > c->tail[e].from)
        return -lk_log(1 - TAIL_FROM) + (v - c->tail[e].from) / c->tail[e].mean;
    double least = (double)count_at_least(values, n, v);
    const size_t next = n - (size_t)least; /* the first value that is not below v */
    if (next > 0 && next < n) {
        const double below = (double)values[next - 1], above = (double)values[next];
        least += (above - v) / (above - below);
    }
    return -lk_log((1 + least) / (1 + (double)n));
}

void lk_calibration_evidence(const lk_calibration *c, const float *measures, float *evidence) {
    memcpy(evidence, measures, LK_TEXTURE * sizeof *evidence);
    evidence[LK_TEXTURE] = 0;
    for (size_t t = 0; t < LK_TEXTURES; t++)
        evidence[LK_TEXTURE] =
            LK_MAX(evidence[LK_TEXTURE], measures[LK_TEXTURE + t] / c->limits[t]);
}

double lk_calibration_surprise(const lk_calibration *c, size_t e, float value) {
    return e == LK_TEXTURE ? BEYOND[c->preparation] * LK_MAX((double)value - 1, 0.0)
                           : surprise(c, e, (double)value);
}

lk_question lk_evidence_question(lk_preparation preparation, size_t which) {
    if (which == LK_TEXTURE) return LK_QUESTIONS;
    if (preparation == LK_PREPARE_INK) return LK_CONTENT;
    switch (which) {
    case LK_POSE: return LK_UPRIGHT;
    case LK_RECONSTRUCTION:
    case LK_SHAPE:
    case LK_ASPECT + LK_STYLE:
    case LK_ASPECT + LK_TONES:
    case LK_ASPECT + LK_VIEWS: return LK_LOOK;
    default: return LK_CONTENT;
    }
}

/* What the pieces of evidence that are about this question add together. */
static double add_up(const lk_calibration *c, const float *evidence, lk_question question) {
    double sum = 0;
    for (size_t e = 0; e < LK_EVIDENCES; e++)
        if (lk_evidence_question(c->preparation, e) == question)
            sum += lk_calibration_surprise(c, e, evidence[e]);
    return sum;
}

float lk_calibration_score(const lk_calibration *c, const float *evidence) {
    double squares = 0;
    for (size_t q = 0; q < LK_QUESTIONS; q++) {
        const double sum = add_up(c, evidence, (lk_question)q);
        const double answer = LK_ANSWER + q < LK_RANKED ? surprise(c, LK_ANSWER + q, sum) : sum;
        squares += answer * answer;
    }
    return (float)(sqrt(squares) + lk_calibration_surprise(c, LK_TEXTURE, evidence[LK_TEXTURE]));
}

static void find_tail(lk_calibration *c, size_t e) {
    const float *values = c->evidence[e];
    const size_t first = (size_t)(TAIL_FROM * (double)(c->shaping - 1));
    double excess = 0;
    for (size_t i = first; i < c->shaping; i++) excess += (double)values[i] - (double)values[first];
    c->tail[e].from = (double)values[first];
    /* Where the largest values are all alike, or all values are, a scale is needed still: a tenth
       of what an exponential distribution would have with this median. */
    const double alike = ((double)values[first] - (double)values[c->shaping / 2]) / 28;
    c->tail[e].mean = LK_MAX(LK_MAX(excess / (double)(c->shaping - first), alike), 1e-6);
}

void lk_calibration_finish(lk_calibration *c) {
    for (size_t e = 0; e < LK_RANKED; e++) find_tail(c, e);
}

/* Heap sort: ascending, in place, no recursion, no libc. */
static void sort_floats(float *values, size_t n) {
    for (size_t end = n, start = n / 2; end > 1;) {
        if (start > 0) {
            start--;
        } else {
            end--;
            const float last = values[end];
            values[end] = values[0];
            values[0] = last;
        }
        size_t at = start;
        const float v = values[at];
        for (size_t child; (child = 2 * at + 1) < end; at = child) {
            if (child + 1 < end && values[child] < values[child + 1]) child++;
            if (!(v < values[child])) break;
            values[at] = values[child];
        }
        values[at] = v;
    }
}

static void set_limits(lk_calibration *c, const float *measures, const uint32_t *order) {
    for (size_t t = 0; t < LK_TEXTURES; t++) {
        float most = LEAST_LIMIT[t];
        for (size_t i = 0; i < c->shaping; i++)
            most = LK_MAX(most, measures[(size_t)order[i] * LK_MEASURES + LK_TEXTURE + t]);
        c->limits[t] = (float)((double)most * (1 + ROOM / (double)c->shaping));
    }
}

void lk_calibration_fill(lk_calibration *c, const float *measures, const uint32_t *order) {
    float evidence[LK_EVIDENCES];
    set_limits(c, measures, order);
    for (size_t i = 0; i < c->shaping; i++) {
        lk_calibration_evidence(c, measures + (size_t)order[i] * LK_MEASURES, evidence);
        for (size_t e = 0; e < LK_EVIDENCES; e++) c->evidence[e][i] = evidence[e];
    }
    for (size_t e = 0; e < LK_EVIDENCES; e++) {
        sort_floats(c->evidence[e], c->shaping);
        find_tail(c, e);
    }
    for (size_t i = 0; i < c->shaping; i++) {
        lk_calibration_evidence(c, measures + (size_t)order[i] * LK_MEASURES, evidence);
        for (size_t row = LK_ANSWER; row < LK_RANKED; row++)
            c->evidence[row][i] = (float)add_up(c, evidence, (lk_question)(row - LK_ANSWER));
    }
    for (size_t row = LK_ANSWER; row < LK_RANKED; row++) {
        sort_floats(c->evidence[row], c->shaping);
        find_tail(c, row);
    }
    for (size_t i = 0; i < c->judging; i++) {
        lk_calibration_evidence(c, measures + (size_t)order[c->shaping + i] * LK_MEASURES,
                                evidence);
        c->scores[i] = lk_calibration_score(c, evidence);
    }
    sort_floats(c->scores, c->judging);
}

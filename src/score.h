/* What the verdict needs beside the network: a plain description, filled and used by score.c, read
   and written by checkpoint.c. */
#ifndef LK_SCORE_H
#define LK_SCORE_H

#include "aspect.h"
#include "local_pca.h"
#include "texture.h"

/* The pieces of evidence; lk_evidence_name has their names. */
enum {
    LK_RECONSTRUCTION,
    LK_MAHALANOBIS,
    LK_NEIGHBOUR,
    LK_SHAPE,
    LK_ASPECT, /* one for each of lk_aspect_kind */
    LK_CLASS = LK_ASPECT + LK_ASPECTS,
    LK_LOGIT,
    LK_NONE,
    LK_POSE,
    LK_TEXTURE
};
LK_STATIC_ASSERT(LK_TEXTURE + 1 == LK_EVIDENCES, texture_is_the_last);

/* What is measured of an image: the evidence, but in place of the last the numbers behind it. */
enum { LK_MEASURES = LK_TEXTURE + LK_TEXTURES };

/* What calibration ranks: each piece of evidence, and the sums of those about content and about the
   look; the pose is one piece alone. */
enum { LK_ANSWER = LK_EVIDENCES, LK_RANKED = LK_ANSWER + LK_UPRIGHT };

/* One preparation's calibration: the held-out images in numbers. One block. */
typedef struct lk_calibration {
    lk_preparation preparation;
    size_t shaping;             /* images behind `evidence` and `limits` */
    size_t judging;             /* images behind `scores` */
    float *evidence[LK_RANKED]; /* ascending values of each piece of evidence */
    float *scores;              /* ascending combined scores: p-values come from these */
    float limits[LK_TEXTURES];  /* the most of each texture number, with a little room */
    struct {
        double from, mean; /* beyond `from`, the excess is taken as exponential of this mean */
    } tail[LK_RANKED];
} lk_calibration;

/* One block but for the index and the calibrations. */
typedef struct lk_score {
    lk_mixture mixture;
    lk_aspect aspects[LK_ASPECTS];
    lk_local_pca shapes[LK_PREPARATIONS]; /* without clusters where nothing is known */
    size_t references;
    size_t width;    /* values of a place */
    int8_t *codes;   /* [references][width]: places, of unit length times 127 */
    lk_index *index; /* over the same, by cosine; owned */
    lk_calibration *calibration[LK_PREPARATIONS]; /* owned, or NULL */
} lk_score;

/* Room for what `sizes` has sizes for: a mixture, aspects, shapes and references, zeroed; NULL when
   out of memory. */
lk_score *lk_score_create(const lk_score *sizes, lk_error *error);
void lk_score_free(lk_score *score);

/* Where the image of a row that has gone forward lies among others, place[width] in run->place: its
   code at unit length and behind it, where the network has one, its gist in the directions in which
   that varies most, at unit length too. The cosine of two places is the mean of both cosines. */
const lk_real *lk_score_place(const lk_score *score, lk_run *run, size_t row);

/* To be called when codes and shapes are filled: builds the index. */
lk_status lk_score_finish(lk_score *score, lk_error *error);

/* Whether calibrations of this model rank row e of LK_RANKED: the evidence it has, and questions
   that any of it is about. */
bool lk_model_ranks(const lk_model *model, lk_preparation preparation, size_t e);

/* The small image of a row whose input is loaded, in run->picture: see local_pca.h. */
const lk_real *lk_score_shape(lk_run *run, size_t row);

/* Hands a score over to the model, in place of the one it has. */
void lk_score_attach(lk_model *model, lk_score *score);

/* ---- calibration.c ---- */

lk_calibration *lk_calibration_create(lk_preparation preparation, size_t shaping, size_t judging,
                                      lk_error *error);
/* To be called when the evidence is filled: works out the tails. */
void lk_calibration_finish(lk_calibration *calibration);

/* Fills a calibration from measures[n][LK_MEASURES], n being shaping + judging: the first images of
   order[n] shape it, the others judge. */
void lk_calibration_fill(lk_calibration *calibration, const float *measures, const uint32_t *order);

/* evidence[LK_EVIDENCES] from measures[LK_MEASURES]. */
void lk_calibration_evidence(const lk_calibration *calibration, const float *measures,
                             float *evidence);
/* What this value of a piece of evidence adds: -log of how common it is; of texture, what there is
   for being over the limit. */
double lk_calibration_surprise(const lk_calibration *calibration, size_t which, float value);
/* The combined score of evidence[LK_EVIDENCES]. */
float lk_calibration_score(const lk_calibration *calibration, const float *evidence);
/* (1 + #{values at least v}) / (n + 1) for ascending values[n]. */
double lk_calibration_p(const float *values, size_t n, float v);

#endif

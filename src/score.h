/* What the verdict needs beside the network: a plain description, filled and used by score.c, read
   and written by checkpoint.c. */
#ifndef LK_SCORE_H
#define LK_SCORE_H

#include "mixture.h"
#include "model.h"

/* One preparation's calibration: the held-out images in numbers. One block. */
typedef struct lk_calibration {
    size_t shaping;                /* images behind `evidence` */
    size_t judging;                /* images behind `scores` */
    float *evidence[LK_EVIDENCES]; /* ascending values of each piece of evidence */
    float *scores;                 /* ascending combined scores: p-values come from these */
    struct {
        double from, mean; /* beyond `from`, the excess is taken as exponential of this mean */
    } tail[LK_EVIDENCES];
} lk_calibration;

/* One block but for the index and the calibrations. */
typedef struct lk_score {
    lk_mixture mixture;
    size_t references;
    int8_t *codes;   /* [references][latent]: codes of unit length times 127 */
    lk_index *index; /* over the same, by cosine; owned */
    lk_calibration *calibration[LK_PREPARATIONS]; /* owned, or NULL */
} lk_score;

/* Room for the given sizes, zeroed; NULL when out of memory. */
lk_score *lk_score_create(size_t latent, size_t clusters, size_t references, lk_error *error);
void lk_score_free(lk_score *score);
lk_calibration *lk_calibration_create(size_t shaping, size_t judging, lk_error *error);

/* To be called when the codes, or the evidence, are filled: builds the index, the tails. */
lk_status lk_score_finish(lk_score *score, lk_error *error);
void lk_calibration_finish(lk_calibration *calibration);

/* Hands a score over to the model, in place of the one it has. */
void lk_score_attach(lk_model *model, lk_score *score);

#endif

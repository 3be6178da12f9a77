/* Training images changed at random, with the same bits on every machine. What an image gets is
   drawn first, then done: first its strokes, then one map of the plane, then the rectangle. */
#ifndef LK_AUGMENT_H
#define LK_AUGMENT_H

#include "base.h"
#include "rng.h"

/* What one image gets. */
typedef struct lk_change {
    double across, down;             /* pixels, to the right and downwards */
    double degrees;                  /* counter-clockwise */
    double scale;                    /* factor of the sides */
    double stroke;                   /* pixels by which strokes get thicker */
    bool flip;                       /* left to right, before the rest of the map */
    size_t left, top, width, height; /* the rectangle overwritten; width 0: none */
    lk_rng rng;                      /* of this image: its noise */
} lk_change;

/* Changes the image x[channels x height x width], values in [0, 1], in place, as number `sample` of
   those that `rng` (of LK_STREAM_AUGMENT, its part the epoch) is for. `scratch` has
   lk_augment_scratch values; the shape is one that a model may have. */
void lk_augment(const lk_augmentation *augmentation, lk_rng rng, uint64_t sample, lk_shape shape,
                lk_real *x, lk_real *scratch);
size_t lk_augment_scratch(lk_shape shape);

/* An image in one of eight poses (LK_POSES): mirrored left to right from pose 4 on, then turned
   clockwise by a right angle pose % 4 times; an even number of times unless the image is square:
   poses are the multiples of lk_pose_step. `out` may not be x. */
uint32_t lk_pose_step(lk_shape shape);
void lk_augment_pose(const lk_real *x, lk_shape shape, uint32_t pose, lk_real *out);

/* Makes x an image of nothing, from itself and another: beyond a line near its middle it becomes
   the other, or, in three of ten cases, whatever is brighter everywhere. The same for each `sample`
   of an `rng`. */
void lk_augment_mix(lk_rng rng, uint64_t sample, lk_shape shape, const lk_real *other, lk_real *x);

/* The halves of lk_augment. */
lk_change lk_augment_draw(const lk_augmentation *augmentation, lk_rng rng, uint64_t sample,
                          lk_shape shape);
void lk_augment_apply(const lk_change *change, lk_shape shape, lk_real *x, lk_real *scratch);

#endif

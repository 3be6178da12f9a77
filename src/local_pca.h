/* The shape of an image, and how far it is from the shapes that are known: small images lie near a
   few flat pieces, each a cluster of images with the directions in which these vary most (local
   principal components: N. Kambhatla and T. K. Leen 1997). What a network has learnt is not asked:
   it copies well what is made of the same strokes in another way, and this does not. */
#ifndef LK_LOCAL_PCA_H
#define LK_LOCAL_PCA_H

#include "arena.h"
#include "kernels.h"

enum {
    LK_SHAPE_SIDE = 16,   /* images are halved until no side is longer */
    LK_MOST_SHAPE = 1024, /* values of a small image; of larger ones no shape is told */
    LK_MAX_PIECES = 32,   /* flat pieces, each of LK_LANES directions */
};

/* Arrays are owned by whoever made them; sizes as told here. */
typedef struct lk_local_pca {
    size_t values;    /* of a small image */
    size_t clusters;  /* 0: nothing is known */
    lk_real *means;   /* [clusters][values] */
    int8_t *steps;    /* [clusters][LK_LANES][values]: directions, their largest value 127 or so */
    lk_real *bases;   /* [clusters][values][LK_LANES]: the same of unit length */
    lk_real *feet;    /* [clusters][LK_LANES]: means in these directions */
    lk_real *centres; /* means in panels: [panels][values][LK_LANES] */
} lk_local_pca;

/* How many values the small images of this shape have; 0 if there would be too many. */
size_t lk_local_pca_values(lk_shape shape);
/* How many flat pieces n images tell of. */
size_t lk_local_pca_clusters(size_t n);

/* Takes the room of given values and clusters. */
void lk_local_pca_take(lk_local_pca *shapes, lk_arena *arena);

/* Makes x[height x width x channels] small, in place: its first values are those of the small
   image. Each halving weighs four pixels of a row by 1, 3, 3, 1, and those of a column. */
void lk_local_pca_shrink(lk_shape shape, lk_real *x);

/* Learns means and steps from the small images values[n][values], and finishes. The same bits
   everywhere. LK_MEMORY, or LK_NONFINITE for values that are not. */
lk_status lk_local_pca_fit(lk_local_pca *shapes, const lk_real *values, size_t n, uint64_t seed,
                           lk_error *error);

/* To be called when means and steps are filled: works out the rest. */
void lk_local_pca_finish(lk_local_pca *shapes);

/* log of what of a small image's squares lies outside of the nearest flat piece, relative to its
   squares. There is at least one cluster. */
double lk_local_pca_distance(const lk_local_pca *shapes, const lk_kernels *kernels,
                             const lk_real *small);

#endif

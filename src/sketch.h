/* Line drawings without their pen: the middle lines of strokes, and strokes drawn anew along them.
   What a network is shown of drawn ink is then the shape alone, whatever pen drew it. */
#ifndef LK_SKETCH_H
#define LK_SKETCH_H

#include "base.h"

enum {
    LK_SKETCH_SIDE = 112,   /* cells of the grid that sketches are taken from and drawn on */
    LK_SKETCH_BOX = 80,     /* of these, the longer side of a drawing, in the middle */
    LK_SKETCH_PEN = 10,     /* width of the pen that draws */
    LK_SKETCH_POINTS = 2048 /* at most */
};

/* Points in cells, and which of them a stroke joins. */
typedef struct lk_sketch {
    size_t points, links;
    float x[LK_SKETCH_POINTS], y[LK_SKETCH_POINTS];
    uint16_t from[LK_SKETCH_POINTS], to[LK_SKETCH_POINTS];
} lk_sketch;

/* Finds the middle lines of ink, cells[side][side] not zero where it is, none of it at the edge.
   Overwrites cells. False where it is no line drawing: nothing, thicker than 2/5 of the box, or of
   lines six times as long as its side. */
bool lk_sketch_take(uint8_t *cells, lk_sketch *sketch);

/* Brings the centre of mass of what is in the box to the middle, as far as that keeps it on the
   grid. Not all of it is 0. */
void lk_sketch_centre(uint8_t *cells);

/* Draws a sketch of any size on cells[side][side], 0 to 255: its longer side becomes that of the
   box, though at most three times what it was, and its shorter side somewhat closer to the longer
   (C.-L. Liu et al. 2003); it is centred then. Its points are changed. */
void lk_sketch_draw(lk_sketch *sketch, uint8_t *cells);

#endif

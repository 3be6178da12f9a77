/* Pictures of points in the plane, as PNG or SVG. */
#ifndef PLOT_H
#define PLOT_H

#include "fault.h"
#include "text.h"

typedef struct plot {
    const lk_real *points; /* [count][2] */
    size_t count;
    const uint32_t *labels; /* [count]: the colours; or NULL */
    uint32_t classes;
    const strings *names;       /* of the classes; may be empty: then their numbers */
    const uint32_t (*edges)[2]; /* [edge_count]: pairs of points to join; or NULL */
    size_t edge_count;
    const lk_real *placed; /* [placed_count][2]: points that stand out; or NULL */
    size_t placed_count;
    const uint32_t *placed_labels; /* or NULL */
} plot;

/* A name ending in .png or .svg. Classes are named at the middle of their points. */
lk_status plot_write(const char *path, const plot *p, fault *f);

#endif

/* A map: images as points in the plane, and its files. */
#ifndef MAP_H
#define MAP_H

#include <jansson.h>

#include "data.h"
#include "options.h"

typedef enum map_method { MAP_PCA, MAP_TSNE, MAP_CODE, MAP_UMAP, MAP_METHOD_COUNT } map_method;
extern const char *const MAP_METHODS[MAP_METHOD_COUNT + 1]; /* NULL behind the last */

/* Some images of a map: their vectors, codes or pixels, and where they stand. */
typedef struct map_side {
    data data; /* labels and class names */
    size_t count;
    lk_real *vectors; /* [count][size] */
    lk_real *points;  /* [count][2] */
} map_side;
void map_side_free(map_side *side);

typedef struct map {
    map_method method;
    size_t size;            /* values of a vector */
    map_side known, placed; /* placed.count is 0 where none are */
    json_t *report;         /* what is said of it, beside its points */
} map;

/* Points of the known images, as map_write has written them as .json: of the same vectors, which
   their SHA-256 tells. Sets the method, and what the report says of how the map was made. */
lk_status map_read(const char *path, map *m, fault *f);

/* Writes .json, .csv, .svg or .png, by the name's ending. */
lk_status map_write(const char *path, const map *m, fault *f);

#endif

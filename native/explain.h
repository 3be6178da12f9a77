/* Why a verdict: what the model saw of each image, what it made of it, and the known images that it
   holds nearest. */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <jansson.h>

#include "options.h"
#include "text.h"

enum { NEAREST = 5 };

typedef struct explained {
    lk_real *x, *x_hat; /* in `values` below; x_hat stays 0 where the model makes no images */
    size_t found;
    lk_neighbour nearest[NEAREST];
} explained;

typedef struct explanation {
    const options *o;
    const lk_model *model;
    lk_gallery *gallery; /* owned; NULL: there is none beside the model */
    strings names;       /* of its classes */
    size_t count;
    explained *images;
    lk_real *values;
} explanation;

/* Room for `count` images of the model that was read from `path`, and its gallery. Checks where
   --explain goes and that so many fit there. On failure there is nothing to be freed. */
lk_status explain_open(explanation *e, const options *o, const lk_model *model, const char *path,
                       size_t count, fault *f);
void explain_free(explanation *e);

/* Looks at image i; different ones may be looked at by several threads, each with its own run. */
lk_status explain_image(const explanation *e, lk_run *run, size_t i, lk_picture picture,
                        lk_error *error);

/* A row an image: what the model sees; what it makes of it and the error, where it makes images;
   the nearest known ones. */
lk_status explain_write(const explanation *e, fault *f);

/* [{"index", "label", "name", "distance"}] of image i, nearest first. */
json_t *explain_nearest(const explanation *e, size_t i);
/* The same in a line. */
void explain_print_nearest(const explanation *e, size_t i);

#endif

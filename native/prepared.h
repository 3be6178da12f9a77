/* All images of a data set as a model gets them, in memory. */
#ifndef PREPARED_H
#define PREPARED_H

#include "inputs.h"

typedef struct prepared {
    inputs in;      /* their names and labels; its pixels are gone */
    lk_dataset set; /* values are what the model gets; the labels are those of `in` */
    lk_real *clean; /* the values before --corrupt: set.values where nothing was corrupted */
    bool *empty;    /* of each image: nothing is to be seen */
} prepared;

/* Images of SPEC as --ink, --binarise and, where `corrupt` is set, --corrupt ask for; `part` and
   `limit` as for inputs_open_data. On failure nothing is kept. */
lk_status prepared_open(const char *spec, data_part part, uint32_t limit, bool corrupt,
                        const lk_model *model, const options *o, prepared *out, fault *f);
void prepared_free(prepared *p);

/* Whether what --corrupt says can be understood. */
lk_status prepared_check_options(const options *o, fault *f);

#endif

/* The parts of `eval`. */
#ifndef EVAL_H
#define EVAL_H

#include <jansson.h>

#include "options.h"

enum { MOST_CONFUSED = 1000 }; /* classes of a confusion matrix that is reported */

/* What labels say of nearest neighbours: adds "neighbours", "search", "neighbour_confusion" and, of
   models that multiply their codes by labels, "conditioning" to the report. codes[count x latent]
   are those of `images`; both sets have labels and values. */
lk_status eval_neighbours(const options *o, const lk_model *model, const lk_dataset *images,
                          const lk_real *codes, const lk_dataset *known, json_t *report, fault *f);

/* How well texts, which have labels, are found by others of their label: adds "retrieval", the mean
   precision at levels of recall, by codes, by tf-idf and, where there are `known` texts to learn it
   from, by latent semantic analysis. */
lk_status eval_retrieval(const options *o, const lk_model *model, const lk_dataset *images,
                         const lk_real *codes, const lk_dataset *known, json_t *report, fault *f);

/* [[counts]] of labels (rows) and guesses, both below `classes`; NULL when out of memory. */
json_t *eval_confusion(const uint32_t *labels, const uint32_t *guesses, size_t n, uint32_t classes);

/* The report for people. */
void eval_print(const json_t *report);

#endif

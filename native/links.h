/* Images joined to those that are like them. */
#ifndef LINKS_H
#define LINKS_H

#include "data.h"
#include "options.h"

typedef enum links_feature {
    FEATURE_INPUT,
    FEATURE_SCALED,
    FEATURE_MAP,
    FEATURE_DENSE
} links_feature;
typedef enum links_kind { LINKS_NEAREST, LINKS_CORRELATION, LINKS_LASSO } links_kind;

/* values[count][*size] of all images, owned by the caller; the last two features want a model. */
lk_status links_features(const options *o, const lk_model *model, const lk_dataset *images,
                         links_feature feature, lk_real **values, size_t *size, fault *f);

/* What of the model's classes each image is taken for; guesses[count]. */
lk_status links_guess(const options *o, const lk_model *model, const lk_dataset *images,
                      uint32_t *guesses, fault *f);

/* Pairs of images, each once, the lower number first, in order. */
typedef struct links {
    uint32_t (*pairs)[2]; /* owned: lk_free */
    size_t count;
} links;
lk_status links_find(const options *o, links_kind kind, const lk_real *values, size_t count,
                     size_t size, links *out, fault *f);

#endif

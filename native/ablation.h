/* What each piece of evidence is worth to the verdict. */
#ifndef ABLATION_H
#define ABLATION_H

#include <jansson.h>

#include "fault.h"

/* {"alone": {NAME: AUROC}, "without": {"nothing": AUROC, NAME: AUROC}} with every piece of evidence
   that the model has: how well the others are told from the usual images by this piece alone, and
   by all but this piece, or but nothing. NULL on failure. */
json_t *ablation_describe(const lk_model *model, lk_preparation preparation, const lk_result *usual,
                          size_t n_usual, const lk_result *others, size_t n_others, fault *f);

/* The same of an audit's sets, as two tables; nothing where it was not asked for. */
void ablation_print(const json_t *sets);

#endif

/* Layer after layer of a stacked family, each trained as an autoencoder of its own. */
#ifndef PRETRAINING_H
#define PRETRAINING_H

#include <jansson.h>

#include "options.h"

/* Pair i of the chain, the i-th dense layer of its encoder and the one of its decoder that mirrors
   it, learns to make again what the pairs before it make of `images`; the model gets the weights.
   *report is [{"layer", "loss", "seconds"}], owned by the caller. LK_OK, EXIT_INTERRUPTED with
   nothing saved, or what failed. */
int pretrain(const options *o, const lk_train_options *how, lk_model *model,
             const lk_dataset *images, json_t **report, fault *f);

#endif

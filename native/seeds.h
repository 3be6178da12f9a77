/* audit --seeds: every claim of the notes measured anew (claims.h). */
#ifndef SEEDS_H
#define SEEDS_H

#include "options.h"

/* Runs what the chosen claims need, each command by this very program, and prints the table. */
int seeds_audit(const options *o, fault *f);

#endif
